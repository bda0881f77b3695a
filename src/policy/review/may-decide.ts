import type { CanonicalDecision } from "../../protocol/decision.ts";
import { HoldpointError } from "../../protocol/errors.ts";
import type { Checked } from "../../protocol/fault.ts";
import type { ReviewPolicy } from "../../protocol/review-policy.ts";

/** What a time-out may do to a review. */
export interface TimedReview {
  id: string;
  guarded: boolean;
  due_at: string | null;
  policy: ReviewPolicy;
}

/**
 * A time-out decides what the policy says it does, once the review is due, and nothing else: no clock that runs wrong and
 * no mistake of whoever sweeps leads past a person. Throws `permission_denied`.
 */
export function refuseEarlyTimeout(review: TimedReview, decisions: Checked<CanonicalDecision[]>, now: string): void {
  const why = whyNot(review, decisions, now);
  if (why === null) return;
  throw new HoldpointError("permission_denied", `a time-out does not decide this: ${why}`, {
    facts: { review_id: review.id, on_timeout: review.policy.on_timeout },
  });
}

function whyNot({ guarded, due_at, policy }: TimedReview, decisions: Checked<CanonicalDecision[]>, now: string) {
  const { on_timeout, allow_auto_approve } = policy;
  if (due_at === null || now < due_at) return `it is due ${due_at === null ? "never" : `at ${due_at}`}`;
  if (on_timeout !== "approve" && on_timeout !== "reject") return `its policy says "${on_timeout}"`;
  if (on_timeout === "approve" && guarded) return "its graph is guarded, and only a person approves there";
  if (on_timeout === "approve" && !allow_auto_approve) return "its policy does not allow an approval by time-out";
  if (decisions.ok && decisions.value.some(({ type }) => type !== on_timeout)) {
    return `its policy says "${on_timeout}", and nothing else is decided`;
  }
  return null;
}
