import { auditReview } from "./audit.ts";
import type { Queryable } from "./database.ts";
import { moveReview, type ReviewRow } from "./reviews.sql.ts";

/** Ends a review whose question no longer stands. */
export async function supersedeReview(
  tx: Queryable,
  review: ReviewRow,
  cause: { reason: string; principal_id: string; run_id: string; at: string; superseded_by?: string },
): Promise<void> {
  await tx.run(moveReview(review.tenant_id, review.id, "superseded", cause.reason, cause.superseded_by ?? null));
  await auditReview(tx, review, {
    kind: "superseded",
    principal_id: cause.principal_id,
    at: cause.at,
    run_id: cause.run_id,
    body: { reason: cause.reason },
  });
}
