import { isWaiting, REVIEW_TRANSITIONS } from "../policy/review/lifecycle.ts";
import { reviewLink } from "./audit.ts";
import type { Database } from "./database.ts";
import { liveReviewsForUpdate, moveReview } from "./reviews.sql.ts";
import type { Statement } from "./sql.ts";
import { lockThread, threadForUpdate } from "./threads.sql.ts";

/** Questions that nobody can answer any more, with the reason for each. */
export interface Unanswerable {
  tenant_id: string;
  thread_id: string;
  reasons: ReadonlyMap<string, string>;
  /** Who wants them to be asked again. */
  principal_id: string;
}

/**
 * T-go-stale: takes questions back that the code there is now cannot be given an answer to, with the rest of their group,
 * so that the graph can ask again. Locks: thread advisory lock, thread row, live reviews by id, audit.
 */
export async function goStale(database: Database, { tenant_id, thread_id, reasons, principal_id }: Unanswerable) {
  await database.transaction(async (tx) => {
    await tx.run(lockThread(thread_id));
    const thread = await tx.maybeOne(threadForUpdate(tenant_id, thread_id));
    if (thread === undefined) return;
    const waiting = (await tx.many(liveReviewsForUpdate(tenant_id, thread_id))).filter(isWaiting);
    const groups = new Map(waiting.filter(({ id }) => reasons.has(id)).map(({ id, group_id }) => [group_id, id]));
    const statements: Statement[] = [];
    for (const review of waiting) {
      const reason = reasons.get(review.id) ?? reasons.get(groups.get(review.group_id) ?? "");
      const status = REVIEW_TRANSITIONS[review.status].go_stale;
      if (reason === undefined || status === null) continue;
      const event = { kind: status, principal_id, at: thread.now, body: { reason } };
      statements.push(moveReview(tenant_id, review.id, status, reason, null), await reviewLink(tx, review, event));
    }
    if (statements.length > 0) await tx.pipeline(statements);
  });
}
