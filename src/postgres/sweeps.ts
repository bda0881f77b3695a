import { REVIEW_TRANSITIONS } from "../policy/review/lifecycle.ts";
import { auditReview, auditRun } from "./audit.ts";
import { disableCronsOfThread } from "./crons.sql.ts";
import type { Database, Transaction } from "./database.ts";
import { liveReviewsForUpdate, moveReview } from "./reviews.sql.ts";
import { endRun, openRunsForUpdate } from "./runs.sql.ts";
import {
  deleteOldLoginLinks,
  deleteOldSessions,
  deleteSomeEvents,
  threadIsClear,
  threadsToClear,
  threadToClear,
  tryLockThread,
} from "./sweeps.sql.ts";
import { readNow } from "./threads.sql.ts";

const ROWS = 1_000;
const THREADS = 20;

/** Removes sessions that are over, a bounded number at a time; gives how many. */
export async function sweepSessions(database: Database): Promise<number> {
  return await database.run(deleteOldSessions(ROWS));
}

/** Removes login links that are over, a bounded number at a time; gives how many. */
export async function sweepLoginLinks(database: Database): Promise<number> {
  return await database.run(deleteOldLoginLinks(ROWS));
}

/**
 * Ends the runs and reviews of deleted threads, switches off their crons, and removes their events, a bounded number at a
 * time: a thread can have millions, and its deletion must not take as long. What webhooks are still to be told of them
 * stays: it has happened, and each delivery has all that it says. Gives how many events were removed, and one for a
 * thread that had none left.
 */
export async function sweepDeletedThreads(database: Database): Promise<number> {
  let swept = 0;
  for (const { tenant_id, thread_id } of await database.many(threadsToClear(THREADS))) {
    swept += await clearThread(database, tenant_id, thread_id);
  }
  return swept;
}

/**
 * T-clear-thread. Locks: thread advisory lock and thread row, both only if nobody has them; open runs, live reviews by
 * id, crons that nobody has, audit.
 */
async function clearThread(database: Database, tenant_id: string, thread_id: string): Promise<number> {
  return await database.transaction(async (tx) => {
    // A statement of its own: whoever had the lock may have stored something that an older snapshot does not show.
    const { is_locked } = await tx.one(tryLockThread(thread_id));
    if (!is_locked || (await tx.maybeOne(threadToClear(tenant_id, thread_id))) === undefined) return 0;
    const why = { reason: `thread ${thread_id} was deleted`, principal_id: "system:sweep" };
    await endThreadRuns(tx, tenant_id, thread_id, why);
    await takeBackReviews(tx, tenant_id, thread_id, why);
    await tx.run(disableCronsOfThread(tenant_id, thread_id, `thread ${thread_id} was deleted`));
    const deleted = await tx.run(deleteSomeEvents(tenant_id, thread_id, ROWS));
    if (deleted < ROWS) await tx.run(threadIsClear(tenant_id, thread_id));
    return Math.max(deleted, 1);
  });
}

/** Who has deleted a thread, and in which words. */
interface Deletion {
  reason: string;
  principal_id: string;
  now?: string;
}

/** Ends the open runs of a deleted thread: whoever executed one has lost its lease to the deletion, and nobody will claim it again. */
export async function endThreadRuns(
  tx: Transaction,
  tenant_id: string,
  thread_id: string,
  { reason, principal_id }: Deletion,
): Promise<void> {
  const error = { error: "deleted", message: reason };
  // The last first: none of them calls another.
  for (const run of (await tx.many(openRunsForUpdate(tenant_id, thread_id))).toReversed()) {
    await tx.run(endRun(tenant_id, run.run_id, "interrupted", null, error));
    await auditRun(tx, run, "run.cancelled", principal_id, error);
  }
}

/** Takes back what a deleted thread asks: nobody can answer it, and no time-out ends it. */
export async function takeBackReviews(
  tx: Transaction,
  tenant_id: string,
  thread_id: string,
  { reason, principal_id, now }: Deletion,
): Promise<void> {
  const reviews = await tx.many(liveReviewsForUpdate(tenant_id, thread_id));
  if (reviews.length === 0) return;
  const at = now ?? (await tx.one(readNow())).now;
  for (const review of reviews) {
    const status = REVIEW_TRANSITIONS[review.status].cancel;
    if (status === null) continue;
    await tx.run(moveReview(tenant_id, review.id, status, reason, null));
    await auditReview(tx, review, { kind: status, principal_id, at, body: { reason } });
  }
}
