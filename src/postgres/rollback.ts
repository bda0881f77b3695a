import { randomUUID } from "node:crypto";
import { isWaiting } from "../policy/review/lifecycle.ts";
import { firstStepAfterSeconds } from "../policy/review/timetable.ts";
import { HoldpointError, isHoldpointError } from "../protocol/errors.ts";
import type { ReviewPolicy } from "../protocol/review-policy.ts";
import type { ThreadStatus } from "../protocol/thread.ts";
import { auditReview, auditRun } from "./audit.ts";
import { rollBack } from "./checkpointer/delete-runs.ts";
import type { Queryable, Transaction } from "./database.ts";
import { selectGraphShape } from "./graph-shapes.sql.ts";
import { insertReview, liveReviewsForUpdate } from "./reviews.sql.ts";
import { deedsOfRun, deleteRunRow, restampThread } from "./rollback.sql.ts";
import { endRun, type RunRow } from "./runs.sql.ts";
import { reviewsSupersededBy, setSupersededBy } from "./supersede.sql.ts";
import { giveBackThread, selectHeadCheckpoint, type ThreadRow } from "./threads.sql.ts";

/** Whose wish it is to take a run back. */
export interface RollbackTerms {
  guarded: boolean;
  principal_id: string;
  /** Why somebody who may do so takes back what ran on a guarded graph. */
  bypass?: string | undefined;
}

/** Refuses to take back a run that somebody has decided about, or that has begun to change the world. Throws `guarded`, `superseded`. */
export async function refuseRollback(tx: Queryable, run: RunRow, by: RollbackTerms): Promise<void> {
  const { tenant_id, thread_id, run_id } = run;
  const refusal = (code: "guarded" | "superseded", because: string) =>
    new HoldpointError(code, `run ${run_id} is not rolled back: ${because}`, { facts: { run_id } });
  const { guarded, bypass: reason, principal_id } = by;
  if (guarded && reason === undefined) {
    throw refusal("guarded", "its graph is guarded; cancel it with the action interrupt");
  }
  const deed = await tx.maybeOne(deedsOfRun(tenant_id, thread_id, run_id));
  if (deed?.kind === "effect") {
    throw refusal("superseded", `effect ${deed.id} has been started, and what it did outside cannot be taken back`);
  }
  if (deed !== undefined || run.group_id !== null) {
    throw refusal("superseded", `it carries a decision (review ${deed?.id ?? "of its group"}), which stays`);
  }
  if (guarded) await auditRun(tx, run, "run.bypassed", principal_id, { reason, door: "the run is taken back" });
}

/**
 * Takes back a run that is pending or running: the run, its checkpoints and its executions go, the thread is what it was,
 * and questions that its input had left behind are asked again. The caller holds the thread's locks, and nobody executes
 * the run any more. False, and nothing is changed, when something it has done meanwhile cannot be taken back.
 */
export async function rolledBack(
  tx: Transaction,
  run: RunRow,
  thread: ThreadRow & { now: string },
  isQueued: boolean,
): Promise<boolean> {
  const { tenant_id, thread_id, run_id } = run;
  const principal_id = run.cancelled_by ?? "system:worker";
  try {
    await refuseRollback(tx, run, { guarded: false, principal_id });
    await rollBack(tx, tenant_id, thread_id, [run_id], { isPart: true });
  } catch (error) {
    if (!isHoldpointError(error)) throw error;
    await auditRun(tx, run, "run.rollback_refused", principal_id, { message: error.message });
    return false;
  }
  const asks = !isQueued && (await askAgain(tx, run, thread.now));
  const status = asks ? "interrupted" : await restingStatus(tx, thread, isQueued);
  // The lease of another run of the thread is not this one's to give back.
  if (run.status === "running" || !isQueued) await tx.run(giveBackThread(tenant_id, thread_id, status));
  await endAndDelete(tx, run, principal_id);
  return true;
}

/** Ends the run for whoever waits for it or is to be told, and removes it. */
async function endAndDelete(tx: Queryable, run: RunRow, principal_id: string): Promise<void> {
  const { tenant_id, run_id } = run;
  const error = { error: "cancelled", message: `rolled back by ${principal_id}` };
  await tx.run(endRun(tenant_id, run_id, "interrupted", null, error));
  await auditRun(tx, run, "run.rolled_back", principal_id);
  await removeRow(tx, run);
}

/** Removes what is left of a run but its events, and what it said of its thread. */
export async function removeRow(tx: Queryable, { tenant_id, thread_id, run_id }: RunRow): Promise<void> {
  await tx.run(deleteRunRow(tenant_id, thread_id, run_id));
  await tx.run(restampThread(tenant_id, thread_id));
}

/** Opens anew the questions that the run's input had superseded. A review that has ended stays ended: these are new ones. */
export async function askAgain(tx: Queryable, run: RunRow, at: string): Promise<boolean> {
  const { tenant_id, thread_id, run_id } = run;
  const head = await tx.maybeOne(selectHeadCheckpoint(tenant_id, thread_id));
  const left = await tx.many(reviewsSupersededBy(tenant_id, thread_id, run_id, head?.checkpoint_id ?? null));
  if (left.length === 0) return false;
  const group_id = randomUUID();
  for (const before of left) {
    const due_after_seconds =
      before.due_at === null ? 0 : (Date.parse(before.due_at) - Date.parse(before.opened_at)) / 1000;
    const next_after_seconds = firstStepAfterSeconds(JSON.parse(before.policy) as ReviewPolicy);
    const { graph_shape } = await tx.one(selectGraphShape(tenant_id, before.id));
    const anew = { ...before, id: randomUUID(), group_id, graph_shape, due_after_seconds, next_after_seconds };
    const review = await tx.maybeOne(insertReview(anew));
    if (review === undefined) continue;
    await tx.run(setSupersededBy(tenant_id, before.id, review.id));
    const { request_digest, value_digest, policy_digest, value, actions } = review;
    await auditReview(tx, review, {
      kind: "opened",
      principal_id: review.requested_by,
      at,
      run_id: review.run_id,
      body: { request_digest, value_digest, policy_digest, value: JSON.parse(value), actions: JSON.parse(actions) },
    });
  }
  return true;
}

/** What a thread was before a run that leaves nothing on it, and is again. */
export async function restingStatus(tx: Queryable, thread: ThreadRow, isQueued: boolean): Promise<ThreadStatus> {
  if (isQueued) return "busy";
  const live = await tx.many(liveReviewsForUpdate(thread.tenant_id, thread.thread_id));
  if (live.some((review) => isWaiting(review) || review.status === "stale")) return "interrupted";
  return thread.error === null ? "idle" : "error";
}
