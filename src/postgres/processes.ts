import type { Since } from "../policy/since.ts";
import type { Database } from "./database.ts";
import { type ExecutionRow, executionsOfRuns, limitTime, processOfRun } from "./insights.sql.ts";
import {
  type AskedRow,
  type DoneRow,
  effectsOfRuns,
  type PartRow,
  partsOfProcess,
  questionsAsked,
} from "./process-parts.sql.ts";
import {
  type ListedProcess,
  newestProcesses,
  openProcesses,
  type ProcessFilter,
  type ProcessLook,
  type ProcessStatus,
  processOf,
} from "./processes.sql.ts";

/** How many processes one answer looks at, how many runs and executions of one it shows, and how long a value may be. */
export const PROCESS_LIMITS = { look: 1_000, runs: 500, executions: 2_000, effects: 500, bytes: 65_536 };
const OPEN: readonly ProcessStatus[] = ["waiting", "pending", "running"];

/** Which processes are wanted; what is left out does not matter. */
export interface ProcessWish extends Partial<Omit<ProcessFilter, "seconds_ago" | "at" | "limit">> {
  since?: Since | undefined;
  limit: number;
}

/** A page of processes. */
export interface ProcessPage {
  processes: ListedProcess[];
  /** Where to go on; null at the end. */
  next: string | null;
  /** How many were looked at: with filters that fit few, a page may be short although more come behind it. */
  looked: number;
}

/** Lists processes, newest first. */
export async function listProcesses(
  database: Database,
  tenant_id: string,
  wish: ProcessWish,
  look = PROCESS_LIMITS.look,
): Promise<ProcessPage> {
  const { since, limit, waiting_seconds = null, error_class = null, statuses = null } = wish;
  const filter: ProcessFilter = {
    graph_id: wish.graph_id ?? null,
    principal_id: wish.principal_id ?? null,
    after: wish.after ?? null,
    error_class,
    waiting_seconds,
    statuses: statuses ?? (waiting_seconds === null ? null : ["waiting"]),
    seconds_ago: null,
    at: null,
    ...since,
    limit: limit + 1,
    seen: wish.seen,
  };
  const isOpen = error_class === null && (filter.statuses?.every((status) => OPEN.includes(status)) ?? false);
  const find = isOpen ? openProcesses : newestProcesses;
  // Where every process fits, those that are shown are the newest.
  const fitsAll = filter.statuses === null && error_class === null;
  const looks = fitsAll ? Math.min(look, limit + 1) : look;
  const rows = await database.transaction(async (tx) => {
    await tx.run(limitTime());
    return await tx.many(find(tenant_id, filter, looks));
  });
  const found = rows.filter(isProcess);
  const { looked, last_looked } = rows[0] as ProcessLook;
  const processes = found.slice(0, limit).map(({ looked: _looked, last_looked: _last, ...row }) => row);
  const whereCut = looked === looks ? last_looked : null;
  return { processes, looked, next: found.length > limit ? (processes.at(-1)?.run_id ?? null) : whereCut };
}

const isProcess = (row: ProcessLook): row is ProcessLook & ListedProcess => row.run_id !== null;

/** A process with its runs, its questions and what its nodes did. */
export interface ProcessDetail extends ListedProcess {
  parts: PartRow[];
  questions: AskedRow[];
  executions: ExecutionRow[];
  /** True where more was executed than is shown. */
  is_cut: boolean;
}

/** Reads the process of a run; undefined when there is none. */
export async function readProcess(
  database: Database,
  tenant_id: string,
  run_id: string,
): Promise<ProcessDetail | undefined> {
  return await database.transaction(async (tx) => {
    await tx.run(limitTime());
    const process = await tx.maybeOne(processOf(tenant_id, run_id));
    if (process === undefined) return undefined;
    const { runs, executions, bytes } = PROCESS_LIMITS;
    const members = await tx.many(processOfRun(tenant_id, process.run_id, runs));
    const ids = members.map((member) => member.run_id);
    const [parts, questions, executed] = await tx.pipeline([
      partsOfProcess(tenant_id, ids, bytes),
      questionsAsked(tenant_id, ids),
      executionsOfRuns(tenant_id, process.thread_id, ids, executions + 1),
    ]);
    const is_cut = executed.length > executions || members.length === runs;
    return { ...process, parts, questions, executions: executed.slice(0, executions), is_cut };
  });
}

/** What a process has begun outside; undefined when there is no such process. */
export async function readEffects(
  database: Database,
  tenant_id: string,
  run_id: string,
): Promise<DoneRow[] | undefined> {
  const process = await database.maybeOne(processOf(tenant_id, run_id));
  if (process === undefined) return undefined;
  const members = await database.many(processOfRun(tenant_id, run_id, PROCESS_LIMITS.runs));
  const ids = members.map((member) => member.run_id);
  const most = { bytes: PROCESS_LIMITS.bytes, rows: PROCESS_LIMITS.effects };
  return await database.many(effectsOfRuns(tenant_id, process.thread_id, ids, most));
}
