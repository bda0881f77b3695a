import type { CheckpointTuple } from "@langchain/langgraph-checkpoint";
import { collect } from "../support/collect.ts";
import { snapshotFace, tupleFaces } from "./walk-face.ts";
import { type WalkGraph, walkGraph } from "./walk-graph.ts";
import type { MirrorSaver, WalkSaver } from "./walk-mirror.ts";

/** What a saver in memory has of a thread, by namespace, the newest checkpoint of each first. */
export interface ThreadTuples {
  readonly thread_id: string;
  readonly namespaces: ReadonlyMap<string, readonly CheckpointTuple[]>;
}

/** Reads a thread from the saver in memory. */
export async function tuplesOf({ memory }: MirrorSaver, thread_id: string): Promise<ThreadTuples> {
  const tuples = await collect(memory.list({ configurable: { thread_id } }));
  return { thread_id, namespaces: Map.groupBy(tuples, namespaceOf) };
}

const namespaceOf = ({ config }: CheckpointTuple) => String(config.configurable?.["checkpoint_ns"]);

/** Every checkpoint of every namespace, listed for the whole thread and for each namespace, in pages as well. */
export async function compareTuples(
  mirror: MirrorSaver,
  { thread_id, namespaces }: ThreadTuples,
  reader: WalkSaver,
): Promise<void> {
  const listed = Map.groupBy(await collect(reader.list({ configurable: { thread_id } })), namespaceOf);
  mirror.judge("the namespaces", [...listed.keys()].toSorted(), [...namespaces.keys()].toSorted());
  for (const [checkpoint_ns, expected] of namespaces) {
    mirror.judgeList(`${checkpoint_ns} in a list of the thread`, listed.get(checkpoint_ns) ?? [], expected);
    const config = { configurable: { thread_id, checkpoint_ns } };
    mirror.judgeList(`list of ${checkpoint_ns}`, await collect(reader.list(config)), expected);
    const middle = Math.floor(expected.length / 2);
    const page = await collect(reader.list(config, { before: expected[middle]!.config, limit: 2 }));
    mirror.judgeList(`a page of ${checkpoint_ns}`, page, expected.slice(middle + 1, middle + 3));
  }
}

/**
 * The same with all of these savers; with the first of them each checkpoint also by itself, and as the graph shows it.
 */
export async function compareThread(
  mirror: MirrorSaver,
  thread_id: string,
  readers: readonly WalkSaver[],
): Promise<void> {
  const expected = await tuplesOf(mirror, thread_id);
  for (const [index, reader] of readers.entries()) {
    await compareTuples(mirror, expected, reader);
    for (const [checkpoint_ns, tuples] of expected.namespaces) {
      const newest = await reader.getTuple({ configurable: { thread_id, checkpoint_ns } });
      mirror.judge(`the newest of ${checkpoint_ns}`, ...tupleFaces(newest, tuples[0]));
      for (const tuple of index === 0 ? tuples : []) {
        mirror.judge(`getTuple of ${checkpoint_ns}`, ...tupleFaces(await reader.getTuple(tuple.config), tuple));
      }
    }
    if (index > 0) continue;
    const [shown, inMemory] = [walkGraph(reader, { stormy: false }), walkGraph(mirror.memory, { stormy: false })];
    mirror.judge("what the graph shows", await showThread(shown, expected), await showThread(inMemory, expected));
  }
}

/** The history, the newest state of each namespace and each state of the root, with those of subgraphs. */
async function showThread(graph: WalkGraph, { thread_id, namespaces }: ThreadTuples): Promise<unknown> {
  const configOf = (checkpoint_ns: string) => ({ configurable: { thread_id, checkpoint_ns } });
  const histories: unknown[] = [];
  const states: unknown[] = [];
  const show = (config: object) =>
    orRefusal(async () => snapshotFace(await graph.getState(config, { subgraphs: true })));
  for (const [checkpoint_ns, tuples] of namespaces) {
    states.push(await show(configOf(checkpoint_ns)));
    histories.push(
      await orRefusal(async () => (await collect(graph.getStateHistory(configOf(checkpoint_ns)))).map(snapshotFace)),
    );
    if (checkpoint_ns !== "") continue;
    for (const { config } of tuples) states.push(await show(config));
  }
  return { histories, states };
}

/** The engine shows no state whose pending writes do not go together; whatever the saver, it says why. */
async function orRefusal(show: () => Promise<unknown>): Promise<unknown> {
  try {
    return await show();
  } catch (error) {
    if ((error as Error).name !== "InvalidUpdateError") throw error;
    return (error as Error).message;
  }
}
