import { afterLostLease } from "../policy/run-lifecycle.ts";
import { auditRun } from "./audit.ts";
import { endCancelled } from "./cancel.ts";
import {
  type Candidate,
  claimCandidates,
  claimNext,
  dropLease,
  expiredLeases,
  hasNextRun,
  leaveQueue,
  lockGraph,
  nextRunForUpdate,
  requeueRun,
  selectProgressOfRun,
  startRun,
  takeLease,
  threadForClaim,
} from "./claim.sql.ts";
import { type Database, isPostgresError, type Transaction } from "./database.ts";
import { endUnfinished } from "./end-unfinished.ts";
import { endStuckHolders } from "./fence.sql.ts";
import type { Lease } from "./fence.ts";
import { refuseOvertaking } from "./overtaking.ts";
import { liveReviewsForUpdate } from "./reviews.sql.ts";
import type { RunRow } from "./runs.sql.ts";
import type { Statement } from "./sql.ts";
import { lockThread, threadForUpdate } from "./threads.sql.ts";

/** A run and the right to execute it. */
export interface ClaimedRun extends RunRow {
  lease_epoch: number;
  /** How much longer it may execute; null: for ever. */
  left_ms: number | null;
}

/** How many runs of a graph may execute at once in the whole database, by graph; "*" is every other graph, each for itself. */
export type GraphLimits = ReadonlyMap<string, number>;

/** Who claims, what it can execute, and for how long a claim holds without a heartbeat. */
export interface Claimant {
  /** A run of a graph that is loaded nowhere waits in the queue. */
  graph_ids: readonly string[];
  worker_id: string;
  leaseMs: number;
  /** None: as many as there is room for. */
  limits?: GraphLimits;
  /** How many seconds a run may execute that does not say so itself, by graph or "*". None: for ever. */
  timeouts?: GraphLimits;
}

/** How many runs of a graph may execute at once; null: any number. */
export const limitOf = ({ limits }: { limits?: GraphLimits | undefined }, graph_id: string): number | null =>
  limits?.get(graph_id) ?? limits?.get("*") ?? null;

// One claim waits for the disk; that many at once share its commits and leave connections for what executes.
const CLAIM_LANES = 4;

/**
 * Finds threads with due work and claims up to `limit` runs, one transaction a thread: two threads in one deadlock.
 * Bound: every look claims a run or passes a thread that somebody else has just now; each thread is tried once.
 * Where a claim fails, those that did not are given all the same: their leases are held, and nobody else has them.
 */
export async function claimRuns(database: Database, claimant: Claimant, limit: number): Promise<ClaimedRun[]> {
  if (limit <= 0) return [];
  const { graph_ids } = claimant;
  const limits = graph_ids.map((graph_id) => limitOf(claimant, graph_id));
  const claimed: ClaimedRun[] = [];
  const passed: string[] = [];
  try {
    for (;;) {
      const room = limit - claimed.length;
      const candidates = await database.many(claimCandidates(graph_ids, limits, passed, room));
      const { runs, failure } = await claimEach(database, claimant, candidates);
      for (const [index, { thread_id }] of candidates.entries()) {
        const run = runs[index];
        if (run === undefined) passed.push(thread_id);
        else claimed.push(run);
      }
      if (failure !== undefined) throw failure.reason;
      if (candidates.length < room || claimed.length === limit) return claimed;
    }
  } catch (error) {
    if (claimed.length === 0) throw error;
    return claimed;
  }
}

/** Claims the candidates a few at a time; those of a graph that has a limit in their order, so that the best is first. */
async function claimEach(
  database: Database,
  claimant: Claimant,
  candidates: readonly Candidate[],
): Promise<{ runs: (ClaimedRun | undefined)[]; failure: PromiseRejectedResult | undefined }> {
  const runs: (ClaimedRun | undefined)[] = [];
  const claim = async (places: Iterable<number>) => {
    for (const index of places) {
      const { tenant_id, thread_id } = candidates[index] as Candidate;
      runs[index] = await claimThread(database, claimant, tenant_id, thread_id);
    }
  };
  const isLimited = (index: number) => limitOf(claimant, candidates[index]?.graph_id ?? "") !== null;
  const [limited = [], free = []] = [true, false].map((wanted) =>
    [...candidates.keys()].filter((index) => isLimited(index) === wanted),
  );
  // Bound: the lanes share one list, and each takes a candidate off it until there is none.
  const rest = free.values();
  const lanes = await Promise.allSettled([claim(limited), ...Array.from({ length: CLAIM_LANES }, () => claim(rest))]);
  return { runs, failure: lanes.find((lane) => lane.status === "rejected") };
}

/**
 * T-claim. Locks: thread advisory lock (at most 250 ms, else another thread's turn), thread row, its next run, reviews by
 * id, and last the lock of a graph that has a limit: nothing is waited for under it, and it goes with the commit that is
 * sent along. The raised epoch fences whoever held the thread before.
 */
export async function claimThread(
  database: Database,
  claimant: Claimant,
  tenant_id: string,
  thread_id: string,
): Promise<ClaimedRun | undefined> {
  try {
    const run = await claimAtOnce(database, claimant, { tenant_id, thread_id });
    if (run !== undefined) return run;
    // Most often another worker was faster, or the thread has nothing more to do: that takes no lock to see.
    if (!(await database.one(hasNextRun(tenant_id, thread_id))).has_next) return undefined;
    return await database.transaction(async (tx) => {
      const [, , [thread], [next], reviews] = await tx.pipeline([
        LOCK_TIMEOUT,
        lockThread(thread_id),
        threadForClaim(tenant_id, thread_id),
        nextRunForUpdate(tenant_id, thread_id),
        liveReviewsForUpdate(tenant_id, thread_id),
      ]);
      if (thread === undefined) await tx.run(leaveQueue(tenant_id, thread_id));
      if (thread === undefined || next?.status !== "pending" || !next.due) return undefined;
      if (!claimant.graph_ids.includes(next.graph_id)) return undefined;
      if (await refuseOvertaking(tx, next, reviews)) return undefined;
      return await start(tx, claimant, next);
    });
  } catch (error) {
    if (!isPostgresError(error, "55P03")) throw error;
    // A batch that was sent half after its lease had been taken back: the reaper looks at this thread no more.
    await database.many(endStuckHolders(tenant_id, thread_id));
    return undefined;
  }
}

/** T-claim where nothing stands in its way, in one trip; undefined when something does, and of a graph that has a limit. */
async function claimAtOnce(
  database: Database,
  claimant: Claimant,
  thread: { tenant_id: string; thread_id: string },
): Promise<ClaimedRun | undefined> {
  const { worker_id, leaseMs, graph_ids, timeouts } = claimant;
  const free = graph_ids.filter((graph_id) => limitOf(claimant, graph_id) === null);
  if (free.length === 0) return undefined;
  const seconds = free.map((graph_id) => limitOf({ limits: timeouts }, graph_id));
  return await database.transaction(async (tx) => {
    const claim = claimNext(thread, free, seconds, worker_id, leaseMs);
    const [, , [run]] = await tx.finish([LOCK_TIMEOUT, lockThread(thread.thread_id), claim]);
    return run as ClaimedRun | undefined;
  });
}

/** Undefined when its graph is at its limit. An edit and a copy execute no node, and count for nothing. */
async function start(tx: Transaction, claimant: Claimant, next: RunRow): Promise<ClaimedRun | undefined> {
  const { graph_id, kind } = next;
  const limit = kind === "run" || kind === "resume" ? limitOf(claimant, graph_id) : null;
  const starting = [
    startRun(next, claimant.worker_id, limit, limitOf({ limits: claimant.timeouts }, graph_id)),
    takeLease(next, claimant.worker_id, claimant.leaseMs),
  ] as const;
  // Counted by a statement of its own: one that locked and counted at once would count with a snapshot older than its lock.
  const [run] =
    limit === null ? (await tx.finish(starting))[0] : (await tx.finish([lockGraph(graph_id), ...starting]))[1];
  return run as ClaimedRun | undefined;
}

/** A thread that is being written to is another claim's turn, or this one's in a moment. */
export const LOCK_TIMEOUT: Statement = {
  name: "hp_lock_timeout",
  text: "set local lock_timeout = '250ms'",
  values: [],
};

/** What the reaper did with one thread. */
export interface Reaped {
  thread_id: string;
  run_id: string;
  result: "lose_lease" | "poison" | "cancelled";
}

/** Takes back every lease that has run out. Bound: the leases that had run out when it started, `limit` at most. */
export async function reapLeases(database: Database, limit = 100): Promise<Reaped[]> {
  const reaped: Reaped[] = [];
  for (const { tenant_id, thread_id } of await database.many(expiredLeases(limit))) {
    const result = await reapThread(database, tenant_id, thread_id);
    if (result !== undefined) reaped.push(result);
  }
  return reaped;
}

/** T-reap. Locks as T-claim. Who still holds the lock when the lease is over and sends no more is a stopped process: its backend is ended. */
async function reapThread(database: Database, tenant_id: string, thread_id: string): Promise<Reaped | undefined> {
  try {
    return await database.transaction(async (tx) => {
      const [, , [thread]] = await tx.pipeline([
        LOCK_TIMEOUT,
        lockThread(thread_id),
        threadForUpdate(tenant_id, thread_id),
      ]);
      if (thread === undefined || thread.lease_until === null || thread.lease_until > thread.now) return undefined;
      await tx.run(dropLease(tenant_id, thread_id));
      const run = await tx.maybeOne(nextRunForUpdate(tenant_id, thread_id));
      if (run === undefined || run.status !== "running") return undefined;
      return await takeBack(tx, run, thread.now, thread.lease_until);
    });
  } catch (error) {
    if (!isPostgresError(error, "55P03")) throw error;
    await database.many(endStuckHolders(tenant_id, thread_id));
    return undefined;
  }
}

async function takeBack(tx: Transaction, run: RunRow, now: string, endedAt = now): Promise<Reaped> {
  const { tenant_id, thread_id, run_id } = run;
  // Somebody wanted it stopped, and now it has stopped.
  if (run.cancel_action !== null) {
    await endCancelled(tx, run, run.cancelled_by ?? "system:reaper", now);
    return { thread_id, run_id, result: "cancelled" };
  }
  const { checkpoint_id, has_stored } = await tx.one(selectProgressOfRun(tenant_id, thread_id, run_id));
  const progressed = has_stored || (checkpoint_id !== null && checkpoint_id !== run.lease_checkpoint_id);
  const lost = progressed ? 0 : run.lost_leases;
  const result = afterLostLease(lost);
  await auditRun(tx, run, "run.lease_lost", "system:reaper", { attempt: run.attempt, result });
  if (result === "lose_lease") {
    await tx.run(requeueRun(tenant_id, run_id, lost + 1, checkpoint_id, "lease_lost", endedAt));
    return { thread_id, run_id, result };
  }
  const why = `run ${run_id} lost its lease ${lost + 1} times without storing anything; the node it runs stops its process or blocks it`;
  const error = { error: "poison", message: why };
  await endUnfinished(tx, run, { status: "error", ending: "failed", error, outcome: "lease_lost" }, now);
  return { thread_id, run_id, result };
}

/** A lease, and the run that it is for where that is known. */
export type HeldLease = Omit<Lease, "run_id"> & { run_id?: string };

/**
 * Hands a lease back before its time, when a worker stops or finds that it executes nothing under it: the run is claimed
 * again at once and counts as no lost lease.
 */
export async function returnLease(database: Database, lease: HeldLease): Promise<void> {
  await giveUp(database, lease, async (tx, run, now) => {
    if (run.cancel_action !== null) return await endCancelled(tx, run, run.cancelled_by ?? "system:worker", now);
    await tx.run(requeueRun(run.tenant_id, run.run_id, run.lost_leases, run.lease_checkpoint_id, "drained"));
    await auditRun(tx, run, "run.lease_returned", "system:worker", { attempt: run.attempt });
  });
}

/** Gives up a run that its worker could not bring to an end: as if the lease had run out, without waiting for it. */
export async function loseLease(database: Database, lease: Lease): Promise<void> {
  await giveUp(database, lease, async (tx, run, now) => void (await takeBack(tx, run, now)));
}

async function giveUp(
  database: Database,
  lease: HeldLease,
  end: (tx: Transaction, run: RunRow, now: string) => Promise<void>,
): Promise<void> {
  await database.transaction(async (tx) => {
    await tx.run(lockThread(lease.thread_id));
    const thread = await tx.maybeOne(threadForUpdate(lease.tenant_id, lease.thread_id));
    if (thread === undefined || thread.lease_epoch !== lease.lease_epoch) return;
    await tx.run(dropLease(lease.tenant_id, lease.thread_id));
    const run = await tx.maybeOne(nextRunForUpdate(lease.tenant_id, lease.thread_id));
    if (run?.status !== "running" || (lease.run_id ?? run.run_id) !== run.run_id) return;
    await end(tx, run, thread.now);
  });
}
