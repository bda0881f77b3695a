import { CHAIN_START, linkHash } from "../policy/audit-chain.ts";
import { insertReviewAudit, insertRunAudit, lastReviewAudit } from "./audit.sql.ts";
import type { Queryable } from "./database.ts";
import type { Statement } from "./sql.ts";

/** The row that says what happened to a run; part of the transaction that makes it happen. */
export function runAudit(
  run: { tenant_id: string; thread_id: string; run_id: string | null },
  kind: string,
  principal_id: string,
  body: Record<string, unknown> = {},
): Statement {
  const { tenant_id, thread_id, run_id } = run;
  return insertRunAudit({ tenant_id, thread_id, run_id, kind, principal_id, body: JSON.stringify(body) });
}

/** Records what happened to a run, in the transaction that made it happen. */
export async function auditRun(tx: Queryable, ...row: Parameters<typeof runAudit>): Promise<void> {
  await tx.run(runAudit(...row));
}

/** What happened to a review. */
export interface ReviewAuditEvent {
  kind: string;
  principal_id: string;
  /** The transaction's `holdpoint.now()`. */
  at: string;
  run_id?: string | null;
  body?: Record<string, unknown>;
}

/** Adds a link to the review's chain. The caller holds the review's row, so no two links can follow the same one. */
export async function auditReview(
  tx: Queryable,
  review: { tenant_id: string; id: string; thread_id: string },
  event: ReviewAuditEvent,
): Promise<void> {
  const last = await tx.maybeOne(lastReviewAudit(review.tenant_id, review.id));
  const prev_hash = last?.hash ?? CHAIN_START;
  const link = {
    tenant_id: review.tenant_id,
    review_id: review.id,
    review_seq: (last?.review_seq ?? 0) + 1,
    kind: event.kind,
    at: event.at,
    principal_id: event.principal_id,
    thread_id: review.thread_id,
    run_id: event.run_id ?? null,
    body: JSON.stringify(event.body ?? {}),
  };
  await tx.run(insertReviewAudit({ ...link, prev_hash, hash: linkHash(prev_hash, link) }));
}
