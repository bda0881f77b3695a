import type { RunnableConfig } from "@langchain/core/runnables";
import { Annotation, interrupt, START, StateGraph } from "@langchain/langgraph";
import type { BaseCheckpointSaver, CheckpointListOptions, CheckpointTuple } from "@langchain/langgraph-checkpoint";
import { type CountedSaver, checkpointOf, METADATA } from "./support.ts";

/** A config of a thread. */
export const inThread = (thread_id: string, rest: object = {}): RunnableConfig => ({
  configurable: { thread_id, ...rest },
});

/** The same, said by a run. */
export const asRun = (config: RunnableConfig, run_id: string): RunnableConfig => ({ ...config, metadata: { run_id } });

/** A list that is long enough to be kept in a chain. */
export const LIST = Array.from({ length: 200 }, (_, index) => `element ${index}`);

/** Puts a checkpoint with this list, for a run where one is given. */
export async function putList(
  saver: BaseCheckpointSaver,
  parent: RunnableConfig,
  run_id: string | undefined,
  list: unknown[],
): Promise<RunnableConfig> {
  const { checkpoint, versions } = checkpointOf({ list });
  return await saver.put(run_id === undefined ? parent : asRun(parent, run_id), checkpoint, METADATA, versions);
}

/** A line of checkpoints, each with a list that has grown and a write; gives their ids, oldest first. */
export async function putLine(
  saver: BaseCheckpointSaver,
  thread_id: string,
  length: number,
  { parents = {}, ...place }: { checkpoint_ns?: string; parents?: Record<string, string | undefined> } = {},
): Promise<string[]> {
  const ids: string[] = [];
  let config = inThread(thread_id, place);
  for (let step = 0; step < length; step += 1) {
    const list = [...LIST, ...Array.from({ length: step }, (_, index) => `added in ${index}`)];
    const { checkpoint, versions } = checkpointOf({ list, step });
    config = await saver.put(
      config,
      checkpoint,
      { ...METADATA, step, parents: parents as Record<string, string> },
      versions,
    );
    await saver.putWrites(config, [["list", `written ${step}`]], "task");
    ids.push(checkpoint.id);
  }
  return ids;
}

/** All that a list yields. */
export async function readAll(
  saver: BaseCheckpointSaver,
  config: RunnableConfig,
  options?: CheckpointListOptions,
): Promise<CheckpointTuple[]> {
  const tuples: CheckpointTuple[] = [];
  for await (const tuple of saver.list(config, options)) tuples.push(tuple);
  return tuples;
}

/** Everything of a checkpoint as text: two that read the same are the same to the byte. */
export const textOfTuple = (tuple: CheckpointTuple | undefined): string =>
  JSON.stringify(tuple, (_, value: unknown) => (value === undefined ? "undefined" : value)) ?? "undefined";

/** Every checkpoint of a thread as text, the newest first. */
export const readThread = async (saver: BaseCheckpointSaver, thread_id: string): Promise<string[]> =>
  (await readAll(saver, inThread(thread_id))).map(textOfTuple);

/** The ids of a namespace, the newest first. */
export const readIds = async (saver: BaseCheckpointSaver, thread_id: string, checkpoint_ns = ""): Promise<string[]> =>
  (await readAll(saver, inThread(thread_id, { checkpoint_ns }))).map(({ checkpoint }) => checkpoint.id);

/** A graph that asks twice in one node. */
export const askTwice = (checkpointer: BaseCheckpointSaver) =>
  new StateGraph(
    Annotation.Root({ answers: Annotation<string[]>({ reducer: (a, b) => [...a, ...b], default: () => [] }) }),
  )
    .addNode("ask", () => ({ answers: [interrupt("first"), interrupt("second")] }))
    .addNode("end", ({ answers }) => ({ answers: [`${answers.length} answers`] }))
    .addEdge(START, "ask")
    .addEdge("ask", "end")
    .compile({ checkpointer });

/** Writes a review that asks under a checkpoint, as T-finish would. */
export async function insertReview(
  counted: CountedSaver,
  review: { id: string; run_id: string; at: RunnableConfig; asking?: RunnableConfig; status?: string },
): Promise<void> {
  const { thread_id, checkpoint_id } = review.at.configurable as Record<string, string>;
  await counted.rows(
    `insert into holdpoint.review (id, group_id, thread_id, run_id, graph_id, graph_fingerprint, node, checkpoint_id,
      task_id, flavour, guarded, title, value, actions, value_digest, policy, policy_digest, request_digest, requested_by,
      status, asking_checkpoint_id)
     values ($1, $1, $2, $3, 'graph', 'fingerprint', 'node', $4, 'task', 'raw', false, 'title', '{}', '[]', 'd', '{}', 'd',
       'd', 'somebody', $5, $6)`,
    [
      review.id,
      thread_id,
      review.run_id,
      checkpoint_id,
      review.status ?? "open",
      review.asking?.configurable?.["checkpoint_id"] ?? null,
    ],
  );
}

/** Writes an effect under a checkpoint. */
export async function insertEffect(
  counted: CountedSaver,
  effect: { run_id: string; at: RunnableConfig; status: string },
): Promise<void> {
  const { thread_id, checkpoint_id } = effect.at.configurable as Record<string, string>;
  await counted.rows(
    `insert into holdpoint.effect (thread_id, effect_id, run_id, checkpoint_ns, checkpoint_id, task_id, call_key, name,
      kind, status, args, args_digest, not_after)
     values ($1, gen_random_uuid(), $2, '', $3, 'task', 'key', 'pay', 'once', $4, '{}', 'digest', now())`,
    [thread_id, effect.run_id, checkpoint_id, effect.status],
  );
}

/** Writes a run. */
export async function insertRun(
  counted: CountedSaver,
  run: { run_id: string; thread_id: string; status: string; kwargs?: object },
): Promise<void> {
  await counted.rows(
    `insert into holdpoint.run (run_id, thread_id, kind, status, graph_id, principal_id, kwargs)
     values ($1, $2, 'run', $3, 'graph', 'somebody', $4)`,
    [run.run_id, run.thread_id, run.status, JSON.stringify(run.kwargs ?? {})],
  );
}
