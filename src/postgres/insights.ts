import { criticalPath, type NodeFacts, type PathStep } from "../policy/insights-path.ts";
import { type NodeSummary, pathShares, summariseNodes, type TimeSpent, timeSpent } from "../policy/insights-run.ts";
import type { Since } from "../policy/since.ts";
import { HoldpointError } from "../protocol/errors.ts";
import { type Database, isPostgresError, type Transaction } from "./database.ts";
import {
  type ExecutionRow,
  executionsOfRuns,
  type GraphNodeRow,
  type GraphRunsRow,
  type GraphWindow,
  graphExecutions,
  graphNodes,
  graphRuns,
  limitTime,
  type ProcessRow,
  processOfRun,
  questionsOfRuns,
  type WaitRow,
} from "./insights.sql.ts";

// What one answer reads at most: beyond it the answer says that it was cut.
const RUNS_OF_A_PROCESS = 500;
const EXECUTIONS_OF_A_PROCESS = 20_000;
const STEPS_SHOWN = 1_000;
/** How much of a graph's history is looked at. */
export const GRAPH_LIMITS = { runs: 10_000, executions: 100_000, pathRuns: 200, pathExecutions: 20_000 };

/** Where the time of a run went, with the runs that belong to it. */
export interface RunInsights {
  run_id: string;
  thread_id: string;
  graph_id: string;
  status: string;
  time: TimeSpent;
  runs: Omit<ProcessRow, "now">[];
  questions: WaitRow[];
  nodes: NodeSummary[];
  path: PathStep[];
  /** True where more was executed than is looked at. */
  is_cut: boolean;
}

/** What the runs of a graph came to. */
export interface GraphInsights {
  graph_id: string;
  since: string;
  runs: Omit<GraphRunsRow, "since" | "read" | "oldest"> & { total: number; error_rate: number | null };
  nodes: (Omit<GraphNodeRow, "read" | "run_count"> & { path_share: number; per_run: PerRun })[];
  /** Of how much this is, and whether older runs were left out. */
  read: { runs: number; executions: number; path_runs: number; oldest: string | null; is_cut: boolean };
}

interface PerRun {
  input_tokens: number;
  output_tokens: number;
  cost: number | null;
}

/** Reads where the time of a run went; undefined when there is no such run. Throws `too_much`. */
export async function readRunInsights(
  database: Database,
  tenant_id: string,
  run_id: string,
): Promise<RunInsights | undefined> {
  return await withinTime(database, async (tx) => {
    const runs = await tx.many(processOfRun(tenant_id, run_id, RUNS_OF_A_PROCESS));
    const asked = runs.find((run) => run.run_id === run_id);
    if (asked === undefined) return undefined;
    const ids = runs.map((run) => run.run_id);
    const [questions, rows] = await tx.pipeline([
      questionsOfRuns(tenant_id, ids),
      executionsOfRuns(tenant_id, asked.thread_id, ids, EXECUTIONS_OF_A_PROCESS),
    ]);
    const executions = rows.map(factsOf);
    const path = criticalPath(executions);
    const waits = questions.map((question) => ({
      openedMs: Date.parse(question.opened_at),
      answeredMs: momentOf(question.answered_at),
    }));
    const isOpen = questions.some(({ answered_at }) => answered_at === null);
    return {
      run_id,
      thread_id: asked.thread_id,
      graph_id: asked.graph_id,
      status: isOpen ? "waiting" : (runs.at(-1) as ProcessRow).status,
      time: timeSpent(runs.map(timesOf), waits, path, Date.parse(asked.now)),
      runs: runs.map(({ now: _now, ...run }) => run),
      questions,
      nodes: summariseNodes(executions, path),
      path: path.slice(0, STEPS_SHOWN),
      is_cut: rows.length === EXECUTIONS_OF_A_PROCESS || runs.length === RUNS_OF_A_PROCESS,
    };
  });
}

/** Reads what the runs of a graph came to since a moment. Throws `too_much`. */
export async function readGraphInsights(
  database: Database,
  tenant_id: string,
  graph_id: string,
  since: Since,
  limits = GRAPH_LIMITS,
): Promise<GraphInsights> {
  const window: GraphWindow = { graph_id, seconds_ago: null, at: null, ...since, runs: limits.runs };
  return await withinTime(database, async (tx) => {
    const [[runs], nodes, sample] = await tx.pipeline([
      graphRuns(tenant_id, window),
      graphNodes(tenant_id, window, limits.executions),
      graphExecutions(tenant_id, { ...window, runs: limits.pathRuns }, limits.pathExecutions),
    ]);
    const { since: from, read, oldest, ...rest } = runs as GraphRunsRow;
    const shares = pathShares(criticalPath(sample.map(factsOf)));
    const executions = nodes[0]?.read ?? 0;
    return {
      graph_id,
      since: from,
      runs: { ...rest, total: sumOf(rest.by_status), error_rate: errorRate(rest.by_status) },
      nodes: nodes
        .map((row) => nodeOf(row, shares.get(row.node)?.path_share ?? 0))
        .sort((a, b) => (b.duration_ms?.[1] ?? -1) - (a.duration_ms?.[1] ?? -1)),
      read: {
        runs: read,
        executions,
        path_runs: new Set(sample.map(({ run_id }) => run_id)).size,
        oldest,
        is_cut: read === limits.runs || executions === limits.executions,
      },
    };
  });
}

function nodeOf({ read: _read, run_count, ...row }: GraphNodeRow, path_share: number) {
  const each = (amount: number) => amount / run_count;
  const { input_tokens, output_tokens, cost } = row;
  const per_run = {
    input_tokens: each(input_tokens),
    output_tokens: each(output_tokens),
    cost: cost === null ? null : each(cost),
  };
  return { ...row, path_share, per_run };
}

/** Of those that came to an end by themselves. */
function errorRate({ success = 0, error = 0, timeout = 0 }: Record<string, number>): number | null {
  const ended = success + error + timeout;
  return ended === 0 ? null : (error + timeout) / ended;
}

const sumOf = (counts: Record<string, number>) => Object.values(counts).reduce((sum, one) => sum + one, 0);

/** Lets a look take so long, and says so when it would take longer. Throws `too_much`. */
export async function withinTime<Result>(
  database: Database,
  body: (tx: Transaction) => Promise<Result>,
): Promise<Result> {
  try {
    return await database.transaction(async (tx) => {
      await tx.run(limitTime());
      return await body(tx);
    });
  } catch (error) {
    if (!isPostgresError(error, "57014")) throw error;
    throw new HoldpointError("too_much", "this takes the database more than 15 s to read; ask for a shorter time", {
      cause: error,
    });
  }
}

const momentOf = (at: string | null) => (at === null ? null : Date.parse(at));

function timesOf({ due_at, ended_at, attempts }: ProcessRow) {
  return {
    dueMs: Date.parse(due_at),
    endedMs: momentOf(ended_at),
    attempts: attempts.map((one) => ({ startedMs: Date.parse(one.started_at), endedMs: momentOf(one.ended_at) })),
  };
}

function factsOf({ started_at, ...row }: ExecutionRow): NodeFacts {
  return { ...row, startedMs: Date.parse(started_at) };
}
