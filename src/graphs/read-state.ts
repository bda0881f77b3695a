import type { RunnableConfig } from "@langchain/core/runnables";
import type { BaseCheckpointSaver, StateSnapshot } from "@langchain/langgraph";
import { HoldpointError } from "../protocol/errors.ts";
import type { LoadedGraph } from "./graph-set.ts";

/** A checkpointer that is only read from. */
export type CheckpointReader = Pick<BaseCheckpointSaver, "getTuple" | "list">;

/** Which state: of a thread, at a checkpoint or the newest one, of the graph or of a subgraph. */
export interface StateAddress {
  thread_id: string;
  checkpoint_id?: string | undefined;
  checkpoint_ns?: string | undefined;
}

/** Where a checkpoint is, as the clients name it. */
export interface Checkpoint {
  thread_id: string;
  checkpoint_id: string | null;
  checkpoint_ns: string;
  checkpoint_map: Record<string, string> | null;
}

/** A thread's state, as the clients see it. Values are still the graph's own: `wireJson` makes text of them. */
export interface ThreadState extends InnerState {
  interrupts: unknown[];
}

/** The state of a graph or of a subgraph. */
export interface InnerState {
  values: unknown;
  next: string[];
  tasks: ThreadTask[];
  metadata: Record<string, unknown>;
  created_at: string | null;
  checkpoint: Checkpoint;
  parent_checkpoint: Checkpoint | null;
}

interface ThreadTask {
  id: string;
  name: string;
  path: unknown;
  error: string | null;
  interrupts: unknown[];
  checkpoint: Pick<Checkpoint, "thread_id" | "checkpoint_ns"> | null;
  state: InnerState | null;
  result: unknown;
}

/** The state of a thread that nothing has run on. */
export function emptyState(thread_id: string): ThreadState {
  return {
    values: {},
    next: [],
    tasks: [],
    metadata: {},
    created_at: null,
    checkpoint: { thread_id, checkpoint_id: null, checkpoint_ns: "", checkpoint_map: null },
    parent_checkpoint: null,
    interrupts: [],
  };
}

/** Reads one state; undefined when there is no such checkpoint. `config` is what a factory makes its graph from. */
export async function readState(
  graph: LoadedGraph,
  saver: CheckpointReader,
  address: StateAddress,
  options: { subgraphs: boolean; config: RunnableConfig },
): Promise<ThreadState | undefined> {
  const compiled = await buildFor(graph, saver, address, options.config);
  const snapshot = await compiled.getState(configOf(address), { subgraphs: options.subgraphs });
  return snapshot.createdAt === undefined ? undefined : threadState(snapshot, address.thread_id);
}

/** Reads a thread's states, newest first. */
export async function readHistory(
  graph: LoadedGraph,
  saver: CheckpointReader,
  address: StateAddress,
  options: {
    limit: number;
    before?: string | undefined;
    metadata?: Record<string, unknown> | undefined;
    config: RunnableConfig;
  },
): Promise<ThreadState[]> {
  const compiled = await buildFor(graph, saver, address, options.config);
  const { limit, before, metadata } = options;
  const states: ThreadState[] = [];
  const snapshots = compiled.getStateHistory(configOf(address), {
    limit,
    ...(before === undefined ? {} : { before: { configurable: { checkpoint_id: before } } }),
    ...(metadata === undefined ? {} : { filter: metadata }),
  });
  for await (const snapshot of snapshots) {
    states.push(threadState(snapshot, address.thread_id));
    if (states.length === limit) break;
  }
  return states;
}

async function buildFor(
  graph: LoadedGraph,
  saver: CheckpointReader,
  { thread_id }: StateAddress,
  config: RunnableConfig,
) {
  const compiled = await graph
    .build({ ...config, configurable: { ...config.configurable, thread_id } }, { accessContext: "threads.read" })
    .catch((cause: unknown) => {
      const reason = cause instanceof Error ? cause.message : String(cause);
      const message = `graph "${graph.graph_id}" could not be made to read the thread's state: ${reason}`;
      throw new HoldpointError("graph_not_loaded", message, { cause });
    });
  compiled.checkpointer = saver as BaseCheckpointSaver;
  return compiled;
}

function configOf({ thread_id, checkpoint_id, checkpoint_ns }: StateAddress): RunnableConfig {
  return {
    configurable: {
      thread_id,
      ...(checkpoint_id === undefined ? {} : { checkpoint_id }),
      ...(checkpoint_ns === undefined ? {} : { checkpoint_ns }),
    },
  };
}

function threadState(snapshot: StateSnapshot, thread_id: string): ThreadState {
  const state = innerState(snapshot, thread_id);
  return { ...state, interrupts: state.tasks.flatMap(({ interrupts }) => interrupts) };
}

function innerState(snapshot: StateSnapshot, thread_id: string): InnerState {
  return {
    values: snapshot.values ?? {},
    next: [...snapshot.next],
    tasks: snapshot.tasks.map((task) => threadTask(task, thread_id)),
    metadata: (snapshot.metadata ?? {}) as Record<string, unknown>,
    created_at: snapshot.createdAt ?? null,
    checkpoint: checkpointOf(snapshot.config, thread_id),
    parent_checkpoint: snapshot.parentConfig === undefined ? null : checkpointOf(snapshot.parentConfig, thread_id),
  };
}

function threadTask(task: StateSnapshot["tasks"][number], thread_id: string): ThreadTask {
  // Either the subgraph's state, or the config by which a client can ask for it.
  const inner = task.state;
  const state = inner !== undefined && "values" in inner ? innerState(inner as StateSnapshot, thread_id) : null;
  const { result } = task as { result?: unknown };
  return {
    id: task.id,
    name: task.name,
    path: (task as { path?: unknown }).path ?? null,
    error: task.error === undefined ? null : errorText(task.error),
    interrupts: task.interrupts ?? [],
    checkpoint: inner === undefined || state !== null ? null : subgraphOf(inner as RunnableConfig, thread_id),
    state,
    result: result ?? null,
  };
}

/** The clients show it as it is, so it is a text. */
function errorText(error: unknown): string {
  if (typeof error !== "object" || error === null) return String(error);
  const { name, message } = error as { name?: unknown; message?: unknown };
  return typeof message === "string" ? `${name ?? "Error"}: ${message}` : JSON.stringify(error);
}

// Of a subgraph that is at work only the place is known, not a checkpoint.
function subgraphOf(config: RunnableConfig, of_thread: string): ThreadTask["checkpoint"] {
  const { thread_id, checkpoint_ns } = checkpointOf(config, of_thread);
  return { thread_id, checkpoint_ns };
}

/** Where the checkpoint of a config is. */
export function checkpointOf({ configurable = {} }: RunnableConfig, thread_id: string): Checkpoint {
  return {
    thread_id: (configurable["thread_id"] as string | undefined) ?? thread_id,
    checkpoint_id: (configurable["checkpoint_id"] as string | undefined) ?? null,
    checkpoint_ns: (configurable["checkpoint_ns"] as string | undefined) ?? "",
    checkpoint_map: (configurable["checkpoint_map"] as Record<string, string> | undefined) ?? null,
  };
}
