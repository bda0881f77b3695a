import type { RunnableConfig } from "@langchain/core/runnables";
import type { BaseCheckpointSaver, StateSnapshot } from "@langchain/langgraph";
import type { CheckpointTuple } from "@langchain/langgraph-checkpoint";
import { cloneGraph, libraryMethods } from "../graphs/compiled.ts";
import type { CompiledGraph } from "../graphs/graph-set.ts";
import type { HeadFacts } from "../policy/review/apply.ts";
import { shownDigest } from "../policy/review/open.ts";
import type { Database } from "../postgres/database.ts";
import { selectAskingTask } from "../postgres/interrupts.sql.ts";
import type { AskingTask, PendingInterrupt } from "../protocol/interrupt.ts";

/** The thread to read and what its checkpoints are read with. */
export interface HeadSource {
  tenant_id: string;
  thread_id: string;
  graph_id: string;
  database: Database;
  saver: BaseCheckpointSaver;
}

/** Where a thread stands: its newest root checkpoint, what comes next and what it asks. */
export interface Head extends HeadFacts {
  values: unknown;
  /** The values as they are stored, those of keys that the graph does not have included. */
  stored: Readonly<Record<string, unknown>>;
  /** The names of all nodes that the checkpoint leads to, those that are done included. */
  entered: string[];
  /** Questions that wait for an answer. */
  questions: PendingInterrupt[];
  /**
   * What comes next, where nothing is asked, has failed or has begun. Right after a run has ended by itself these are
   * static breakpoints; after a crash or a cancellation they are just what comes next.
   */
  breakpoints: PendingInterrupt[];
  /** The names of the nodes that come next. */
  next: string[];
  /** {task_id: [{id, value}]}, as the clients read it from a thread. */
  interrupts: Record<string, { id?: string; value?: unknown }[]>;
  /** The checkpoint before, whose tasks made this one. */
  parent: StateSnapshot["parentConfig"];
}

// Writes that say what happened to a task; any other write is its output.
const CONTROL_CHANNELS = new Set(["__error__", "__error_source_node__", "__interrupt__", "__resume__"]);

type Task = StateSnapshot["tasks"][number];

/** Reads the head of a thread. */
export async function readHead(graph: CompiledGraph, source: HeadSource): Promise<Head> {
  const { thread_id } = source;
  const tuple = await source.saver.getTuple({ configurable: { thread_id, checkpoint_ns: "" } });
  const snapshot = await readSnapshot(graph, source, tuple);
  const finished_tasks = new Set<string>();
  for (const [task_id, channel] of tuple?.pendingWrites ?? [])
    if (!CONTROL_CHANNELS.has(channel)) finished_tasks.add(task_id);
  const open = snapshot.tasks.filter(({ id }) => !finished_tasks.has(id));
  const questions: PendingInterrupt[] = [];
  for (const task of open) questions.push(...(await questionsOf(task, source)));
  const isUntouched =
    questions.length === 0 && finished_tasks.size === 0 && open.every(({ error }) => error === undefined);
  return {
    checkpoint_id: tuple?.checkpoint.id ?? null,
    values: snapshot.values,
    stored: tuple?.checkpoint.channel_values ?? {},
    entered: [...new Set(snapshot.tasks.map(({ name }) => name))],
    next: open.map(({ name }) => name),
    next_tasks: new Set(snapshot.tasks.map(({ id }) => id)),
    finished_tasks,
    pending: new Map(
      questions.map((question) => [question.interrupt_id as string, shownDigest(question, source.graph_id)]),
    ),
    nodes: new Set(Object.keys(graph.nodes)),
    questions,
    breakpoints: isUntouched ? open.map(breakpoint) : [],
    interrupts: Object.fromEntries(
      open.filter(({ interrupts }) => interrupts.length > 0).map(({ id, interrupts }) => [id, interrupts]),
    ),
    parent: snapshot.parentConfig,
  };
}

/** The graph's view of a checkpoint that has been read already. */
async function readSnapshot(
  graph: CompiledGraph,
  { saver, thread_id }: HeadSource,
  tuple: CheckpointTuple | undefined,
): Promise<StateSnapshot> {
  const reader = cloneGraph(graph);
  const getTuple = async (config: RunnableConfig) =>
    config.configurable?.["checkpoint_ns"] === "" && config.configurable["checkpoint_id"] === undefined
      ? tuple
      : await saver.getTuple(config);
  reader.checkpointer = Object.create(saver, { getTuple: { value: getTuple } }) as BaseCheckpointSaver;
  return await libraryMethods(reader).getState({ configurable: { thread_id, checkpoint_ns: "" } });
}

const breakpoint = ({ id, name }: Task): PendingInterrupt => ({
  interrupt_id: null,
  asking: null,
  ordinal: 0,
  task_id: id,
  node: name,
  value: null,
});

async function questionsOf(task: Task, source: HeadSource): Promise<PendingInterrupt[]> {
  const questions: PendingInterrupt[] = [];
  for (const interrupt of task.interrupts) {
    if (interrupt.id === undefined) continue;
    const { response_schema } = interrupt as { response_schema?: Record<string, unknown> };
    const asking = await source.database.one(selectAskingTask(source.tenant_id, source.thread_id, interrupt.id));
    questions.push({
      interrupt_id: interrupt.id,
      asking,
      ordinal: await answersRead(source, asking),
      task_id: task.id,
      node: task.name,
      value: interrupt.value,
      ...(response_schema === undefined ? {} : { response_schema }),
    });
  }
  return questions;
}

/** How many answers a task has read so far; a breakpoint reads none. */
export async function answersRead({ saver, thread_id }: HeadSource, asking: AskingTask | null): Promise<number> {
  if (asking === null) return 0;
  const { asking_ns: checkpoint_ns, asking_checkpoint_id: checkpoint_id, asking_task_id } = asking;
  const tuple = await saver.getTuple({ configurable: { thread_id, checkpoint_ns, checkpoint_id } });
  // One write per task holds all the answers it has read so far.
  const write = tuple?.pendingWrites?.findLast(
    ([task_id, channel]) => task_id === asking_task_id && channel === "__resume__",
  );
  return Array.isArray(write?.[2]) ? write[2].length : 0;
}
