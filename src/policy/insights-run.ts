import { allSteps, type NodeFacts, type PathStep, pathName } from "./insights-path.ts";

/** When a run was due, and when it was executed; in milliseconds since the epoch, null while that has not come. */
export interface RunTimes {
  readonly dueMs: number;
  readonly endedMs: number | null;
  readonly attempts: readonly { readonly startedMs: number; readonly endedMs: number | null }[];
}

/** From when until when a question waited for its answer; null while it waits. */
export interface Wait {
  readonly openedMs: number;
  readonly answeredMs: number | null;
}

/** Where the time of a run, and of the runs that carried its answers, went. Each part apart from all others. */
export interface TimeSpent {
  /** From when it was due until its end, or until now. */
  readonly total_ms: number;
  readonly queue_ms: number;
  /** At least one question was open. */
  readonly person_ms: number;
  /** Between an attempt whose worker was lost, or left, and the next one. */
  readonly recovery_ms: number;
  /** Along the critical path: waiting for models, for tools, and everything else that nodes did. */
  readonly model_ms: number;
  readonly tool_ms: number;
  readonly work_ms: number;
  /** What is left of the time a worker had it: checkpoints, events, beginning and end. */
  readonly engine_ms: number;
}

/** What one node of a graph did in a run. */
export interface NodeSummary {
  readonly node: string;
  /** Tasks, and how often they were executed: again after an answer, or by another attempt. */
  readonly tasks: number;
  readonly executions: number;
  readonly tries: number;
  readonly duration_ms: number;
  readonly longest_ms: number;
  readonly model_ms: number;
  readonly tool_ms: number;
  /** Its own time on the critical path, and its share of the whole path. */
  readonly path_ms: number;
  readonly path_share: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly errors: Readonly<Record<string, number>>;
  readonly cached: number;
  readonly write_keys: readonly string[];
  readonly write_bytes: number;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cached_tokens: number;
  /** Of the calls whose price is known; null where none is. */
  readonly cost: number | null;
}

/** Where the time went, as of `nowMs`. */
export function timeSpent(
  runs: readonly RunTimes[],
  waits: readonly Wait[],
  path: readonly PathStep[],
  nowMs: number,
): TimeSpent {
  const steps = allSteps(path);
  const along = (key: "model_ms" | "tool_ms" | "work_ms") => steps.reduce((sum, step) => sum + step[key], 0);
  const [model_ms, tool_ms, work_ms] = [along("model_ms"), along("tool_ms"), along("work_ms")];
  const executing = sum(runs.flatMap(({ attempts }) => attempts.map((one) => (one.endedMs ?? nowMs) - one.startedMs)));
  const isOver = runs.every(({ endedMs }) => endedMs !== null) && waits.every(({ answeredMs }) => answeredMs !== null);
  const ends = [...runs.map(({ endedMs }) => endedMs), ...waits.map(({ answeredMs }) => answeredMs)];
  const end = isOver ? Math.max(...ends.map(Number)) : nowMs;
  return {
    total_ms: Math.max(0, end - Math.min(...runs.map(({ dueMs }) => dueMs))),
    queue_ms: sum(runs.map((run) => (run.attempts[0]?.startedMs ?? run.endedMs ?? nowMs) - run.dueMs)),
    person_ms: unionMs(waits, nowMs),
    recovery_ms: sum(runs.map((run) => gapsOf(run, nowMs))),
    model_ms,
    tool_ms,
    work_ms,
    engine_ms: Math.max(0, executing - model_ms - tool_ms - work_ms),
  };
}

const sum = (times: readonly number[]) => times.reduce((total, one) => total + Math.max(0, one), 0);

/** Between attempts nobody executes the run; also after the last one, while it has no end. */
function gapsOf({ attempts, endedMs }: RunTimes, nowMs: number): number {
  return sum(
    attempts.flatMap((one, index) => {
      const next = attempts[index + 1]?.startedMs ?? (endedMs === null ? nowMs : one.endedMs);
      return one.endedMs === null || next === null ? [] : [next - one.endedMs];
    }),
  );
}

/** How long at least one of them waited: who answers three questions at once has waited once. */
function unionMs(waits: readonly Wait[], nowMs: number): number {
  let total = 0;
  let until = Number.NEGATIVE_INFINITY;
  for (const { openedMs, answeredMs } of waits.toSorted((a, b) => a.openedMs - b.openedMs)) {
    const end = answeredMs ?? nowMs;
    total += Math.max(0, end - Math.max(openedMs, until));
    until = Math.max(until, end);
  }
  return total;
}

/** What each node did, in the order in which they began. */
export function summariseNodes(executions: readonly NodeFacts[], path: readonly PathStep[]): NodeSummary[] {
  const shares = pathShares(path);
  const byNode = Map.groupBy(
    executions.toSorted((a, b) => a.startedMs - b.startedMs),
    (execution) => pathName(execution),
  );
  return [...byNode].map(([node, own]) => ({ node, ...summaryOf(own), ...(shares.get(node) ?? NOT_ON_PATH) }));
}

const NOT_ON_PATH = { path_ms: 0, path_share: 0 };

/** How much of a critical path each node is: its own time, without what is inside of it. */
export function pathShares(path: readonly PathStep[]): Map<string, { path_ms: number; path_share: number }> {
  const own = new Map<string, number>();
  for (const step of allSteps(path)) {
    const node = pathName(step);
    own.set(node, (own.get(node) ?? 0) + step.model_ms + step.tool_ms + step.work_ms);
  }
  const whole = sum([...own.values()]);
  return new Map([...own].map(([node, path_ms]) => [node, { path_ms, path_share: whole === 0 ? 0 : path_ms / whole }]));
}

function summaryOf(own: readonly NodeFacts[]) {
  const total = (
    key:
      | "tries"
      | "duration_ms"
      | "model_ms"
      | "tool_ms"
      | "write_bytes"
      | "input_tokens"
      | "output_tokens"
      | "cached_tokens",
  ) => own.reduce((so_far, one) => so_far + one[key], 0);
  const costs = own.flatMap(({ cost }) => (cost === null ? [] : [cost]));
  return {
    tasks: new Set(own.map(({ checkpoint_id, task_id }) => `${checkpoint_id} ${task_id}`)).size,
    executions: own.length,
    tries: total("tries"),
    duration_ms: total("duration_ms"),
    longest_ms: Math.max(...own.map(({ duration_ms }) => duration_ms)),
    model_ms: total("model_ms"),
    tool_ms: total("tool_ms"),
    statuses: countBy(own.map(({ status }) => status)),
    errors: countBy(own.flatMap(({ error_class }) => (error_class === null ? [] : [error_class]))),
    cached: own.filter(({ is_cached }) => is_cached).length,
    write_keys: [...new Set(own.flatMap(({ write_keys }) => write_keys))].sort(),
    write_bytes: total("write_bytes"),
    input_tokens: total("input_tokens"),
    output_tokens: total("output_tokens"),
    cached_tokens: total("cached_tokens"),
    cost: costs.length === 0 ? null : costs.reduce((so_far, one) => so_far + one, 0),
  };
}

function countBy(names: readonly string[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return Object.fromEntries(counts);
}
