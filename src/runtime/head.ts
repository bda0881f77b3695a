import type { RunnableConfig } from "@langchain/core/runnables";
import type { BaseCheckpointSaver, StateSnapshot } from "@langchain/langgraph";
import type { CompiledGraph } from "../graphs/graph-set.ts";
import type { HeadFacts } from "../policy/review/apply.ts";
import type { PendingInterrupt } from "../protocol/interrupt.ts";

/** Where a thread stands: its newest root checkpoint, what comes next and what it asks. */
export interface Head extends HeadFacts {
  values: unknown;
  /** Questions that wait for an answer, and static breakpoints the thread stands at. */
  pauses: PendingInterrupt[];
  /** {task_id: [{id, value}]}, as the clients read it from a thread. */
  interrupts: Record<string, { id?: string; value?: unknown }[]>;
  /** True when a step failed: what is next is to be retried, not to be continued past a breakpoint. */
  failed: boolean;
}

// Writes that say what happened to a task; any other write is its output.
const CONTROL_CHANNELS = new Set(["__error__", "__error_source_node__", "__interrupt__", "__resume__"]);

type Task = StateSnapshot["tasks"][number];

/** Reads the head of a thread, into subgraphs. */
export async function readHead(graph: CompiledGraph, saver: BaseCheckpointSaver, thread_id: string): Promise<Head> {
  const snapshot = await graph.getState({ configurable: { thread_id } }, { subgraphs: true });
  const tuple = await saver.getTuple({ configurable: { thread_id, checkpoint_ns: "" } });
  const finished_tasks = new Set<string>();
  for (const [task_id, channel] of tuple?.pendingWrites ?? [])
    if (!CONTROL_CHANNELS.has(channel)) finished_tasks.add(task_id);
  const open = snapshot.tasks.filter(({ id }) => !finished_tasks.has(id));
  const pauses: PendingInterrupt[] = [];
  for (const task of open) pauses.push(...(await pausesOf(task, snapshot, saver, thread_id)));
  const failed = open.some(({ error }) => error !== undefined);
  const atBreakpoint = pauses.length === 0 && !failed && finished_tasks.size === 0;
  const breakpoints = atBreakpoint
    ? open.map(({ id, name }) => ({ interrupt_id: null, ordinal: 0, task_id: id, node: name, value: null }))
    : [];
  return {
    checkpoint_id: tuple?.checkpoint.id ?? null,
    values: snapshot.values,
    next_tasks: new Set(snapshot.tasks.map(({ id }) => id)),
    finished_tasks,
    pending: new Map(pauses.map((pause) => [pause.interrupt_id as string, pause.ordinal])),
    nodes: new Set(Object.keys(graph.nodes)),
    pauses: [...pauses, ...breakpoints],
    interrupts: Object.fromEntries(
      open.filter(({ interrupts }) => interrupts.length > 0).map(({ id, interrupts }) => [id, interrupts]),
    ),
    failed,
  };
}

async function pausesOf(
  task: Task,
  snapshot: StateSnapshot,
  saver: BaseCheckpointSaver,
  thread_id: string,
): Promise<PendingInterrupt[]> {
  const pauses: PendingInterrupt[] = [];
  for (const interrupt of task.interrupts) {
    if (interrupt.id === undefined) continue;
    const { response_schema } = interrupt as { response_schema?: Record<string, unknown> };
    pauses.push({
      interrupt_id: interrupt.id,
      ordinal: await answersRead(askingTask(task, snapshot, interrupt.id), saver, thread_id),
      task_id: task.id,
      node: task.name,
      value: interrupt.value,
      ...(response_schema === undefined ? {} : { response_schema }),
    });
  }
  return pauses;
}

interface AskingTask {
  task_id: string;
  config: RunnableConfig;
}

/** The innermost task that asks: an interrupt inside a subgraph surfaces at every task on the way up. */
function askingTask(task: Task, snapshot: StateSnapshot, interrupt_id: string): AskingTask {
  const inner = task.state;
  if (inner !== undefined && "tasks" in inner) {
    const nested = inner.tasks.find(({ interrupts }) => interrupts.some(({ id }) => id === interrupt_id));
    if (nested !== undefined) return askingTask(nested, inner, interrupt_id);
  }
  return { task_id: task.id, config: snapshot.config };
}

async function answersRead(asking: AskingTask, saver: BaseCheckpointSaver, thread_id: string): Promise<number> {
  const { checkpoint_ns = "", checkpoint_id } = asking.config.configurable ?? {};
  const tuple = await saver.getTuple({ configurable: { thread_id, checkpoint_ns, checkpoint_id } });
  // One write per task holds all the answers it has read so far.
  const write = tuple?.pendingWrites?.findLast(
    ([task_id, channel]) => task_id === asking.task_id && channel === "__resume__",
  );
  return Array.isArray(write?.[2]) ? write[2].length : 0;
}
