import { isWaiting, REVIEW_TRANSITIONS } from "../policy/review/lifecycle.ts";
import { RUN_TRANSITIONS } from "../policy/run-lifecycle.ts";
import { HoldpointError } from "../protocol/errors.ts";
import { auditReview, auditRun } from "./audit.ts";
import type { Database, Transaction } from "./database.ts";
import { moveGroup } from "./finish.ts";
import { liveReviewsForUpdate, moveReview } from "./reviews.sql.ts";
import { refuseRollback, rolledBack } from "./rollback.ts";
import {
  endRun,
  noteCancelReason,
  openRunsForUpdate,
  type RunError,
  type RunRow,
  requestCancel,
  runForUpdate,
} from "./runs.sql.ts";
import { lockThread, readNow, setThreadStatus, type ThreadRow, threadForUpdate } from "./threads.sql.ts";

/** Who wants which run stopped. */
export interface CancelRun {
  tenant_id: string;
  thread_id: string;
  run_id: string;
  principal_id: string;
  /** `interrupt` keeps what the run has done, `rollback` takes it back and removes the run; default `interrupt`. */
  action?: CancelAction;
  /** Whether the run's graph is guarded: then nothing of it is taken back. */
  guarded?: boolean;
  /** Why somebody who may do so takes it back all the same, this once. */
  bypass?: string | undefined;
  /** `taken`: what it was given has been taken over by another run. */
  reason?: CancelReason | undefined;
}

/** Why a run is cancelled, where that is not for its own sake. */
export type CancelReason = "taken";

/** What becomes of what a cancelled run has done. */
export type CancelAction = "interrupt" | "rollback";

/**
 * T-cancel. Locks: thread advisory lock, thread row, run, live reviews by id, audit.
 * A queued run ends at once, a running one is asked to stop, and one that waits for a person takes its questions back.
 * Returns the run as it was before; a run that has ended is left alone, and so is one that waits where it is to be
 * rolled back: that is `deleteRun`'s. Throws `not_found`, and for a rollback `guarded`, `superseded`.
 */
export async function cancelRun(database: Database, request: CancelRun): Promise<RunRow> {
  const { tenant_id, thread_id, run_id, action = "interrupt" } = request;
  return await database.transaction(async (tx) => {
    await tx.run(lockThread(thread_id));
    const thread = await tx.maybeOne(threadForUpdate(tenant_id, thread_id));
    const run = thread === undefined ? undefined : await tx.maybeOne(runForUpdate(tenant_id, thread_id, run_id));
    if (thread === undefined || run === undefined) {
      throw new HoldpointError("not_found", `Run with ID ${run_id} not found on thread ${thread_id}`);
    }
    if (RUN_TRANSITIONS[run.status].cancel !== null) await stop(tx, run, { ...request, action }, thread.now);
    else if (action === "interrupt" && thread.status === "interrupted") await cancelWaiting(tx, run, thread, request);
    return run;
  });
}

type Stop = Pick<CancelRun, "principal_id" | "guarded" | "bypass" | "reason"> & { action: CancelAction };

/** Stops a run that is open. Throws `guarded`, `superseded`. */
async function stop(tx: Transaction, run: RunRow, wanted: Stop, at: string): Promise<void> {
  const { action, principal_id, guarded = true, bypass, reason } = wanted;
  if (action === "rollback") await refuseRollback(tx, run, { guarded, bypass, principal_id });
  await tx.run(noteCancelReason(run.tenant_id, run.run_id, inWords(principal_id, reason)));
  if (run.status === "pending") {
    return await endCancelled(tx, { ...run, cancel_action: action, cancelled_by: principal_id }, principal_id, at);
  }
  await tx.run(requestCancel(run.tenant_id, run.run_id, action, principal_id));
  await auditRun(tx, run, "run.cancel_requested", principal_id, { action });
}

/**
 * Stops the runs of a thread for one that is created in the same transaction and does not wait for them: the pending ones
 * end here, the running one is asked to, and the new one starts when it has, because a thread runs one at a time.
 * Edits and copies are waited for. Throws `guarded`, `superseded`, `thread_busy`.
 */
export async function stopFor(
  tx: Transaction,
  openRuns: readonly RunRow[],
  next: { principal_id: string; guarded: boolean; multitask_strategy: CancelAction },
): Promise<void> {
  const { principal_id, guarded, multitask_strategy: action } = next;
  if (guarded) {
    const message = `multitask_strategy "${action}" would stop what may have been approved, and this graph is guarded; use "enqueue" or "reject"`;
    throw new HoldpointError("guarded", message);
  }
  const runs = openRuns.filter(({ kind }) => kind === "run" || kind === "resume");
  const carrier = runs.find(({ group_id }) => group_id !== null);
  if (carrier !== undefined) {
    const message = `run ${carrier.run_id} carries an answer and is ${carrier.status}; wait for it, or cancel it first`;
    throw new HoldpointError("thread_busy", message, { facts: { run_id: carrier.run_id, status: carrier.status } });
  }
  const { now } = await tx.one(readNow());
  // The last first: each is then the end of its thread's queue.
  for (const run of runs.toReversed()) await stop(tx, run, { action, principal_id, guarded }, now);
}

/** Ends a run that nobody executes, as it was asked for. The caller holds the thread's locks. */
export async function endCancelled(tx: Transaction, run: RunRow, principal_id: string, at: string): Promise<void> {
  const { tenant_id, thread_id, run_id } = run;
  const open = (await tx.many(openRunsForUpdate(tenant_id, thread_id))).filter((other) => other.run_id !== run_id);
  if (run.cancel_action === "rollback") {
    const thread = await tx.one(threadForUpdate(tenant_id, thread_id));
    if (await rolledBack(tx, run, thread, open.length > 0)) return;
  }
  await tx.run(endRun(tenant_id, run_id, "interrupted", null, cancelledBy(principal_id)));
  const reason = `${principal_id} cancelled the run that carried the answer`;
  await moveGroup(tx, run, "cancel", { reason }, at, principal_id);
  await auditRun(tx, run, "run.cancelled", principal_id);
  if (open.length > 0) return;
  const waiting = (await tx.many(liveReviewsForUpdate(tenant_id, thread_id))).some(isWaiting);
  await tx.run(setThreadStatus(tenant_id, thread_id, waiting ? "interrupted" : "idle"));
}

async function cancelWaiting(
  tx: Transaction,
  run: RunRow,
  thread: ThreadRow & { now: string },
  request: CancelRun,
): Promise<void> {
  if (!(await takeBackQuestions(tx, run, request.principal_id, thread.now))) return;
  await tx.run(noteCancelReason(run.tenant_id, run.run_id, inWords(request.principal_id, request.reason)));
  await tx.run(endRun(run.tenant_id, run.run_id, "interrupted", run.output, cancelledBy(request.principal_id)));
  await auditRun(tx, run, "run.cancelled", request.principal_id);
  const othersWait = (await tx.many(liveReviewsForUpdate(run.tenant_id, run.thread_id))).some(isWaiting);
  await tx.run(setThreadStatus(run.tenant_id, run.thread_id, othersWait ? "interrupted" : "idle"));
}

/** Takes back the questions that wait for a person in the run's name; false when there are none. */
export async function takeBackQuestions(
  tx: Transaction,
  run: RunRow,
  principal_id: string,
  at: string,
): Promise<boolean> {
  const reviews = await tx.many(liveReviewsForUpdate(run.tenant_id, run.thread_id));
  const own = reviews.filter((review) => review.run_id === run.run_id && isWaiting(review));
  for (const review of own) {
    const status = REVIEW_TRANSITIONS[review.status].cancel;
    if (status === null) continue;
    const reason = `${principal_id} cancelled run ${run.run_id}`;
    await tx.run(moveReview(review.tenant_id, review.id, status, reason, null));
    await auditReview(tx, review, { kind: status, principal_id, at, run_id: run.run_id, body: { reason } });
  }
  return own.length > 0;
}

function cancelledBy(principal_id: string): RunError {
  return { error: "cancelled", message: inWords(principal_id) };
}

/** Clients tell a run whose input was taken over by what its reason begins with. */
function inWords(principal_id: string, reason?: CancelReason): string {
  return `${reason === undefined ? "" : `${reason}: `}cancelled by ${principal_id}`;
}
