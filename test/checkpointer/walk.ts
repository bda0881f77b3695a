import type { CheckpointTuple } from "@langchain/langgraph-checkpoint";
import type { HoldpointSaver } from "../../src/postgres/checkpointer/saver.ts";
import { collect } from "../support/collect.ts";
import { createDice } from "../support/dice.ts";
import { snapshotFace, tupleFaces } from "./walk-face.ts";
import { walkGraph } from "./walk-graph.ts";
import { MirrorSaver, type WalkSaver } from "./walk-mirror.ts";
import type { WalkSavers } from "./walk-savers.ts";
import { takeStep, type World } from "./walk-steps.ts";

export { collect };

/**
 * A walk of so many steps. Everything goes to a saver in memory as well as to ours, with the same ids; throws at the
 * first difference. Tells how many answers were compared.
 */
export async function walkMirrored(seed: number, steps: number, savers: WalkSavers): Promise<number> {
  const mirror = new MirrorSaver(() => savers.choose());
  const world = worldOf(mirror, savers, seed);
  const threads = new Set<string>();
  const kinds: string[] = [];
  try {
    for (let step = 0; step < steps; step += 1) {
      await savers.begin(world.dice, world.thread_id);
      kinds.push((await takeStep(world, step)).kind);
      await savers.end();
      if (mirror.differences[0] !== undefined) throw mirror.differences[0];
      threads.add(world.thread_id);
      if (step % 6 === 5) await compareTuples(mirror, world.thread_id, savers.owner());
    }
    for (const thread_id of threads) {
      for (const reader of savers.readers) await compareThread(mirror, thread_id, reader);
    }
  } catch (error) {
    const message = `seed ${seed}, step ${kinds.length} after ${kinds.join(", ")}: ${(error as Error).message}`;
    throw new Error(message, { cause: error });
  }
  return mirror.compared;
}

function worldOf(mirror: MirrorSaver, savers: WalkSavers, seed: number): World {
  const { memory } = mirror;
  const weather = { stormy: false };
  const world: World = {
    graph: walkGraph(mirror, weather),
    weather,
    thread_id: `walk-${seed}`,
    dice: createDice(seed),
    checkpointIds: async () => memory.idsOf(world.thread_id, ""),
    async copyThread(source, target) {
      await savers.owner().copyThread(source, target);
      memory.copyThread(source, target);
    },
    prune: (keepLast) => pruneBoth(mirror, savers.owner(), world.thread_id, keepLast),
  };
  return world;
}

/** What stays is ours to choose, but for the root; how it reads is not, subgraphs and delta channels included. */
async function pruneBoth(
  mirror: MirrorSaver,
  saver: HoldpointSaver,
  thread_id: string,
  keepLast: number,
): Promise<void> {
  const { memory } = mirror;
  const kept = memory.idsOf(thread_id, "").slice(-keepLast);
  const graph = walkGraph(saver, { stormy: false });
  const states = () =>
    Promise.all(
      kept.map(async (checkpoint_id) => {
        const config = { configurable: { thread_id, checkpoint_ns: "", checkpoint_id } };
        return snapshotFace(await graph.getState(config, { subgraphs: true }));
      }),
    );
  const before = await states();
  await saver.prune({ thread_ids: [thread_id], keepLast });
  mirror.judge("the states of what was kept", await states(), before);
  for (const checkpoint_ns of memory.namespacesOf(thread_id)) {
    const left = await collect(saver.list({ configurable: { thread_id, checkpoint_ns } }));
    memory.keepOnly(
      thread_id,
      checkpoint_ns,
      left.map(({ checkpoint }) => checkpoint.id),
    );
  }
  mirror.judge("the checkpoints of the root that were kept", memory.idsOf(thread_id, ""), kept);
}

/** Every checkpoint of every namespace, as a list. */
async function compareTuples(mirror: MirrorSaver, thread_id: string, reader: WalkSaver): Promise<void> {
  const config = { configurable: { thread_id } };
  const [tuples, expected] = [await collect(reader.list(config)), await collect(mirror.memory.list(config))];
  // Over all namespaces the order is ours: newest first. In memory it is namespace by namespace.
  mirror.judgeList("list of a thread", tuples.toSorted(byId), expected.toSorted(byId));
  for (const checkpoint_ns of mirror.memory.namespacesOf(thread_id)) {
    const inOne = { configurable: { thread_id, checkpoint_ns } };
    const [own, theirs] = [await collect(reader.list(inOne)), await collect(mirror.memory.list(inOne))];
    mirror.judgeList(`list of ${checkpoint_ns}`, own, theirs);
  }
}

/** The same, each checkpoint also by itself, and as the graph shows it. */
async function compareThread(mirror: MirrorSaver, thread_id: string, reader: WalkSaver): Promise<void> {
  await compareTuples(mirror, thread_id, reader);
  const graphs = [walkGraph(reader, { stormy: false }), walkGraph(mirror.memory, { stormy: false })] as const;
  const root = { configurable: { thread_id, checkpoint_ns: "" } };
  const histories = graphs.map(async (graph) => (await collect(graph.getStateHistory(root))).map(snapshotFace));
  mirror.judge("getStateHistory", ...((await Promise.all(histories)) as [unknown, unknown]));
  for (const checkpoint_ns of mirror.memory.namespacesOf(thread_id)) {
    for (const checkpoint_id of [undefined, ...mirror.memory.idsOf(thread_id, checkpoint_ns)]) {
      const config = {
        configurable: { thread_id, checkpoint_ns, ...(checkpoint_id === undefined ? {} : { checkpoint_id }) },
      };
      const [tuple, expected] = [await reader.getTuple(config), await mirror.memory.getTuple(config)];
      mirror.judge(`getTuple of ${checkpoint_ns}`, ...tupleFaces(tuple, expected));
      const states = graphs.map(async (graph) => snapshotFace(await graph.getState(config, { subgraphs: true })));
      mirror.judge(`getState of ${checkpoint_ns}`, ...((await Promise.all(states)) as [unknown, unknown]));
    }
  }
}

const byId = (a: CheckpointTuple, b: CheckpointTuple) =>
  `${a.config.configurable?.["checkpoint_ns"]} ${a.checkpoint.id}` <
  `${b.config.configurable?.["checkpoint_ns"]} ${b.checkpoint.id}`
    ? -1
    : 1;
