import { isWaiting, REVIEW_TRANSITIONS, type ReviewEvent } from "../policy/review/lifecycle.ts";
import { threadStatusAfter } from "../policy/run-lifecycle.ts";
import { TIMEOUT } from "../protocol/principal.ts";
import { reviewLink, runAudit } from "./audit.ts";
import type { Transaction } from "./database.ts";
import { moveReview, type ReviewRow } from "./reviews.sql.ts";
import type { RunError, RunRow } from "./runs.sql.ts";
import type { Statement } from "./sql.ts";
import { failThread } from "./threads.sql.ts";

/** The thread of a review whose time is over, under its locks. */
export interface TimedOutScene {
  now: string;
  openRuns: readonly RunRow[];
  live: readonly ReviewRow[];
}

/**
 * T-time-out-review: what T-review-timer does last when nobody has decided and the policy has no answer either. Its locks
 * are those of T-review-timer. The review has failed; what else the thread asks is taken back, answered or not, because
 * the run that paused there does not go on. That run has ended long ago and stays as it is; the thread says what became of
 * it. A queued run has had its place since then, and goes on.
 */
export async function timeOutReview(
  tx: Transaction,
  { now, openRuns, live }: TimedOutScene,
  review: ReviewRow,
  reason: string,
): Promise<Statement[]> {
  const { tenant_id, thread_id } = review;
  const others = live.filter((other) => other.id !== review.id && isWaiting(other));
  const taken = `review ${review.id}, which waited for the same run, timed out`;
  const statements = await endReview(tx, review, "time_out", reason, now);
  for (const other of others) statements.push(...(await endReview(tx, other, "cancel", taken, now)));
  const status = threadStatusAfter("timed_out", openRuns.length > 0);
  const error: RunError = {
    error: "review_timed_out",
    message: `review ${review.id} ("${review.title}") timed out: ${reason}; a run with empty input goes on from there`,
  };
  return [
    ...statements,
    failThread(tenant_id, thread_id, status, JSON.stringify(error)),
    runAudit(review, "run.review_timed_out", TIMEOUT, { review_id: review.id, reason }),
  ];
}

async function endReview(
  tx: Transaction,
  review: ReviewRow,
  event: Extract<ReviewEvent, "time_out" | "cancel">,
  reason: string,
  at: string,
): Promise<Statement[]> {
  const status = REVIEW_TRANSITIONS[review.status][event];
  if (status === null) throw new Error(`review ${review.id} is ${review.status}, where it cannot ${event}`);
  const link = { kind: status, principal_id: TIMEOUT, at, run_id: review.run_id, body: { reason } };
  return [moveReview(review.tenant_id, review.id, status, reason, null), await reviewLink(tx, review, link)];
}
