import { isWaiting, REVIEW_TRANSITIONS } from "../policy/review/lifecycle.ts";
import { RUN_TRANSITIONS } from "../policy/run-lifecycle.ts";
import { HoldpointError } from "../protocol/errors.ts";
import { auditReview, auditRun } from "./audit.ts";
import type { Database, Transaction } from "./database.ts";
import { moveGroup } from "./finish.ts";
import { liveReviewsForUpdate, moveReview } from "./reviews.sql.ts";
import { endRun, openRunsForUpdate, type RunError, type RunRow, requestCancel, runForUpdate } from "./runs.sql.ts";
import { lockThread, setThreadStatus, type ThreadRow, threadForUpdate } from "./threads.sql.ts";

/** Who wants which run stopped. */
export interface CancelRun {
  tenant_id: string;
  thread_id: string;
  run_id: string;
  principal_id: string;
}

/**
 * T-cancel. Locks: thread advisory lock, thread row, run, live reviews by id, audit.
 * A queued run ends at once, a running one is asked to stop, and one that waits for a person takes its questions back.
 * Returns the run as it was before; a run that has ended is left alone. Throws `not_found`.
 */
export async function cancelRun(database: Database, request: CancelRun): Promise<RunRow> {
  return await database.transaction(async (tx) => {
    await tx.run(lockThread(request.thread_id));
    const thread = await tx.maybeOne(threadForUpdate(request.tenant_id, request.thread_id));
    const run =
      thread === undefined
        ? undefined
        : await tx.maybeOne(runForUpdate(request.tenant_id, request.thread_id, request.run_id));
    if (thread === undefined || run === undefined) {
      throw new HoldpointError("not_found", `Run with ID ${request.run_id} not found on thread ${request.thread_id}`);
    }
    if (run.status === "running") {
      await tx.run(requestCancel(run.tenant_id, run.run_id, "interrupt", request.principal_id));
      await auditRun(tx, run, "run.cancel_requested", request.principal_id);
    } else if (RUN_TRANSITIONS[run.status].cancel !== null) await cancelQueued(tx, run, thread, request);
    else if (thread.status === "interrupted") await cancelWaiting(tx, run, thread, request);
    return run;
  });
}

async function cancelQueued(
  tx: Transaction,
  run: RunRow,
  thread: ThreadRow & { now: string },
  request: CancelRun,
): Promise<void> {
  await endCancelled(tx, run, request.principal_id, thread.now);
}

/** Ends a run that nobody executes. The caller holds the thread's locks. */
export async function endCancelled(tx: Transaction, run: RunRow, principal_id: string, at: string): Promise<void> {
  await tx.run(endRun(run.tenant_id, run.run_id, "interrupted", null, cancelledBy(principal_id)));
  await moveGroup(tx, run, "cancel", `${principal_id} cancelled the run that carried the answer`, at, principal_id);
  await auditRun(tx, run, "run.cancelled", principal_id);
  const left = await tx.many(openRunsForUpdate(run.tenant_id, run.thread_id));
  if (left.length > 0) return;
  const waiting = (await tx.many(liveReviewsForUpdate(run.tenant_id, run.thread_id))).some(isWaiting);
  await tx.run(setThreadStatus(run.tenant_id, run.thread_id, waiting ? "interrupted" : "idle"));
}

async function cancelWaiting(
  tx: Transaction,
  run: RunRow,
  thread: ThreadRow & { now: string },
  request: CancelRun,
): Promise<void> {
  const reviews = await tx.many(liveReviewsForUpdate(run.tenant_id, run.thread_id));
  const own = reviews.filter((review) => review.run_id === run.run_id && isWaiting(review));
  if (own.length === 0) return;
  for (const review of own) {
    const status = REVIEW_TRANSITIONS[review.status].cancel;
    if (status === null) continue;
    const reason = `${request.principal_id} cancelled run ${run.run_id}`;
    await tx.run(moveReview(review.tenant_id, review.id, status, reason, null));
    await auditReview(tx, review, {
      kind: status,
      principal_id: request.principal_id,
      at: thread.now,
      run_id: run.run_id,
      body: { reason },
    });
  }
  await tx.run(endRun(run.tenant_id, run.run_id, "interrupted", run.output, cancelledBy(request.principal_id)));
  await auditRun(tx, run, "run.cancelled", request.principal_id);
  const othersWait = reviews.some((review) => review.run_id !== run.run_id && isWaiting(review));
  await tx.run(setThreadStatus(run.tenant_id, run.thread_id, othersWait ? "interrupted" : "idle"));
}

function cancelledBy(principal_id: string): RunError {
  return { error: "cancelled", message: `cancelled by ${principal_id}` };
}
