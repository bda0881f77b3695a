import { type ErrorCode, HoldpointError } from "../../protocol/errors.ts";
import type { ReviewStatus } from "../../protocol/review.ts";
import { isOpen } from "./lifecycle.ts";

/** Where a review stands. */
export interface Standing {
  id: string;
  version: number;
  status: ReviewStatus;
  status_reason: string | null;
  superseded_by: string | null;
  decision: StandingDecision | null;
}

/** The decision that already stands. */
export interface StandingDecision {
  principal_id: string;
  display_name: string;
  channel: string;
  at: string;
  decisions: unknown;
  decisions_digest: string;
  idempotency_key: string | null;
}

/** Refuses what comes after a cancellation. Throws `cancelled`. */
export function refuseCancelled<Review extends Standing>(review: Review): Review {
  if (review.status !== "cancelled") return review;
  return refuse("cancelled", review, `this review was cancelled: ${review.status_reason ?? "the run was cancelled"}`);
}

/**
 * Refuses what comes when nobody is asked any more, and says who or what was first. `isSame` tells whether a decision that
 * comes too late would have been the same. Throws `already_decided`, `already_timed_out`, `superseded`, `stale`.
 */
export function refuseOver(review: Standing, isSame?: (standing: StandingDecision) => boolean): void {
  const { status, status_reason, decision: standing } = review;
  if (isOpen(status)) return;
  if (standing !== null) {
    const [code, who] =
      standing.channel === "timeout"
        ? (["already_timed_out", "nobody decided this in time, so its policy did"] as const)
        : (["already_decided", `${standing.display_name} decided this`] as const);
    refuse(code, review, `${who} at ${standing.at}`, {
      ...(isSame === undefined ? {} : { same: isSame(standing) }),
      decided_by: standing.principal_id,
      decided_at: standing.at,
      decisions: standing.decisions,
    });
  }
  if (status === "superseded") {
    refuse("superseded", review, `this review was superseded: ${status_reason ?? "the thread has moved on"}`, {
      superseded_by: review.superseded_by,
    });
  }
  if (status === "stale")
    refuse("stale", review, `this review is stale: ${status_reason ?? "what was shown has changed"}`);
  if (status === "failed")
    refuse("already_timed_out", review, `nobody decided this in time: ${status_reason ?? "its run has failed"}`);
  refuse("already_decided", review, `this review is ${status}: ${status_reason ?? "it can no longer be decided"}`);
}

/** Refuses, and says of which review. */
export function refuse(
  code: ErrorCode,
  review: Pick<Standing, "id" | "status" | "version">,
  message: string,
  facts: Record<string, unknown> = {},
): never {
  throw new HoldpointError(code, message, {
    facts: { review_id: review.id, status: review.status, version: review.version, ...facts },
  });
}
