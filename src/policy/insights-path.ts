import type { NodeExecution } from "../protocol/node-execution.ts";

/** One execution of a node, and when it was. */
export interface NodeFacts extends NodeExecution {
  readonly run_id: string;
  readonly attempt: number;
  /** Since the epoch. */
  readonly startedMs: number;
}

/** What a path is made of. */
type NodeTimes = Pick<
  NodeFacts,
  | "run_id"
  | "attempt"
  | "checkpoint_ns"
  | "checkpoint_id"
  | "task_id"
  | "node"
  | "status"
  | "startedMs"
  | "duration_ms"
  | "model_ms"
  | "tool_ms"
>;

/** The slowest task of one superstep, and of what it did inside the same again. Its own times sum up to what is not inside. */
export interface PathStep extends Omit<NodeTimes, "checkpoint_id"> {
  readonly work_ms: number;
  /** How many tasks the superstep had. */
  readonly tasks: number;
  readonly inner: readonly PathStep[];
}

/**
 * What decided how long the executions took: superstep after superstep its slowest task. Each attempt has a path of its
 * own, because they came one after another; a subgraph's nodes are inside the node that called it.
 */
export function criticalPath(executions: readonly NodeTimes[]): PathStep[] {
  const attempts = Map.groupBy(executions, ({ run_id, attempt }) => `${run_id} ${attempt}`);
  return [...attempts.values()].flatMap(pathOfAttempt).sort((a, b) => a.startedMs - b.startedMs);
}

/** Every step of a path and of what is inside. */
export function allSteps(path: readonly PathStep[]): PathStep[] {
  return path.flatMap((step) => [step, ...allSteps(step.inner)]);
}

/** A node by its name and the names of the nodes it is inside of: `model/ask_model`. */
export function pathName({ checkpoint_ns, node }: Pick<NodeTimes, "checkpoint_ns" | "node">): string {
  const outer = segmentsOf(checkpoint_ns).map((segment) => nodeOf(segment));
  return [...outer, node].join("/");
}

// Of a second subgraph that one task calls, the last part is its number.
const segmentsOf = (checkpoint_ns: string) =>
  checkpoint_ns.split("|").filter((segment) => segment !== "" && !/^\d+$/.test(segment));
const nodeOf = (segment: string) => segment.split(":", 1)[0] as string;
const endOf = ({ startedMs, duration_ms }: NodeTimes) => startedMs + duration_ms;

function pathOfAttempt(executions: readonly NodeTimes[]): PathStep[] {
  const tree = createTree(executions);
  const pathOf = (level: readonly NodeTimes[]): PathStep[] => {
    const supersteps = Map.groupBy(level, ({ checkpoint_ns, checkpoint_id }) => `${checkpoint_ns} ${checkpoint_id}`);
    const steps = [...supersteps.values()].map((tasks) => {
      const slowest = tasks.reduce((a, b) => (b.duration_ms > a.duration_ms ? b : a));
      return stepOf(slowest, tasks.length, pathOf(tree.inside(slowest)));
    });
    return steps.sort((a, b) => a.startedMs - b.startedMs);
  };
  return pathOf(tree.outermost);
}

function stepOf(execution: NodeTimes, tasks: number, inner: PathStep[]): PathStep {
  const { run_id, attempt, checkpoint_ns, task_id, node, status, startedMs, duration_ms } = execution;
  const own = Math.max(0, duration_ms - inner.reduce((sum, step) => sum + step.duration_ms, 0));
  // Calls that overlap sum up to more than there was time.
  const waited = execution.model_ms + execution.tool_ms;
  const share = waited > own ? own / waited : 1;
  const model_ms = execution.model_ms * share;
  const tool_ms = execution.tool_ms * share;
  const work_ms = Math.max(0, own - model_ms - tool_ms);
  const times = { startedMs, duration_ms, model_ms, tool_ms, work_ms };
  return { run_id, attempt, checkpoint_ns, task_id, node, status, ...times, tasks, inner };
}

// Two clocks are read, one at each beginning.
const SLACK_MS = 5;
const surrounds = (outer: NodeTimes, inner: NodeTimes) =>
  outer.startedMs <= inner.startedMs + SLACK_MS && endOf(inner) <= endOf(outer) + SLACK_MS;

/** Who is inside of whom, among the executions of one attempt. */
function createTree(executions: readonly NodeTimes[]) {
  const byTask = new Map<string, NodeTimes>();
  const byNode = new Map<string, NodeTimes[]>();
  const children = new Map<NodeTimes, NodeTimes[]>();
  const add = (one: NodeTimes) => {
    const ns = segmentsOf(one.checkpoint_ns).join("|");
    byTask.set(`${ns} ${one.task_id}`, one);
    pushTo(byNode, `${ns} ${one.node}`, one);
  };
  const ownerOf = (one: NodeTimes): NodeTimes | undefined => {
    const segments = segmentsOf(one.checkpoint_ns);
    const last = segments.at(-1) as string;
    const outer = segments.slice(0, -1).join("|");
    if (last.includes(":")) return byTask.get(`${outer} ${last.slice(last.lastIndexOf(":") + 1)}`);
    // A subgraph with a memory of its own is named by its node alone, whichever task calls it.
    return byNode.get(`${outer} ${last}`)?.find((owner) => surrounds(owner, one));
  };
  for (const one of executions) add(one);
  const byDepth = Map.groupBy(executions, ({ checkpoint_ns }) => segmentsOf(checkpoint_ns).length);
  // From the inside out: a node that is made of those inside of it may itself be inside of one that has to be made.
  for (let depth = Math.max(0, ...byDepth.keys()); depth > 0; depth -= 1) {
    const orphans: NodeTimes[] = [];
    for (const one of byDepth.get(depth) ?? []) {
      const owner = ownerOf(one);
      if (owner === undefined) orphans.push(one);
      else pushTo(children, owner, one);
    }
    for (const family of Map.groupBy(orphans, ({ checkpoint_ns }) => segmentsOf(checkpoint_ns).join("|")).values()) {
      const owner = ownerMadeOf(family);
      add(owner);
      children.set(owner, family);
      pushTo(byDepth, depth - 1, owner);
    }
  }
  return { outermost: byDepth.get(0) ?? [], inside: (owner: NodeTimes) => children.get(owner) ?? [] };
}

function pushTo<Key>(lists: Map<Key, NodeTimes[]>, key: Key, one: NodeTimes): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [one]);
  else list.push(one);
}

/** A worker that dies leaves the rows of inner nodes without that of the node they are inside of. */
function ownerMadeOf(family: readonly NodeTimes[]): NodeTimes {
  const { run_id, attempt, checkpoint_ns } = family[0] as NodeTimes;
  const segments = segmentsOf(checkpoint_ns);
  const last = segments.at(-1) as string;
  const startedMs = family.reduce((first, one) => Math.min(first, one.startedMs), Number.POSITIVE_INFINITY);
  const endedMs = family.reduce((latest, one) => Math.max(latest, endOf(one)), startedMs);
  return {
    run_id,
    attempt,
    checkpoint_ns: segments.slice(0, -1).join("|"),
    checkpoint_id: `of ${checkpoint_ns}`,
    task_id: last.slice(last.lastIndexOf(":") + 1),
    node: nodeOf(last),
    status: "cancelled",
    startedMs,
    duration_ms: endedMs - startedMs,
    model_ms: 0,
    tool_ms: 0,
  };
}
