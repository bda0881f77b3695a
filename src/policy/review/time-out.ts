// What the end of a review's time does. Looked at when the time has come, whatever was said when the policy was read.
import type { Decision } from "../../protocol/decision.ts";
import type { DecisionType, ReviewAction } from "../../protocol/interrupt.ts";
import type { ReviewDeadline } from "../../protocol/review.ts";
import type { ReviewPolicy } from "../../protocol/review-policy.ts";
import { momentOf, timetable } from "./timetable.ts";

/** What the end does: an answer like a person's, or the failure of what asked. */
export type TimeOut =
  | { action: "approve" | "reject"; decisions: Decision[] }
  /** `instead`: why it is not what the policy says; null where the policy says so. */
  | { action: "fail"; instead: string | null };

/** The end of a review by its policy. What cannot be done ends in failure: of all ends it is the one that changes nothing. */
export function timeOutOf(
  review: { guarded: boolean; actions: readonly ReviewAction[] },
  { on_timeout, allow_auto_approve }: Pick<ReviewPolicy, "on_timeout" | "allow_auto_approve">,
): TimeOut {
  if (on_timeout !== "approve" && on_timeout !== "reject") return { action: "fail", instead: null };
  if (on_timeout === "approve" && review.guarded)
    return { action: "fail", instead: "its graph is guarded, and what nobody has looked at is not approved there" };
  if (on_timeout === "approve" && !allow_auto_approve)
    return { action: "fail", instead: "its policy does not say allow_auto_approve" };
  const closed = review.actions.find(({ allowed }) => !allowed.includes(on_timeout));
  if (closed !== undefined || review.actions.length === 0)
    return { action: "fail", instead: notOffered(closed, on_timeout) };
  const message = "nobody decided in time";
  const decisions = review.actions.map(
    ({ index }): Decision =>
      on_timeout === "approve" ? { action: index, type: "approve" } : { action: index, type: "reject", message },
  );
  return { action: on_timeout, decisions };
}

function notOffered(action: ReviewAction | undefined, wanted: DecisionType): string {
  if (action === undefined) return "it shows no action";
  return `"${wanted}" is not offered for ${action.name}; allowed: ${action.allowed.join(", ")}`;
}

/** The timetable of a review as the API shows it. What its end will do is what it would do now. */
export function deadlinesOf(
  review: { opened_at: string; timer_step: number; guarded: boolean; actions: readonly ReviewAction[] },
  policy: ReviewPolicy,
  isTimedOut: boolean,
): ReviewDeadline[] {
  return timetable(policy).map((step, index): ReviewDeadline => {
    const moment = { at: momentOf(review.opened_at, step.after_seconds), done: index < review.timer_step };
    if (step.kind === "reminder") return { step: "reminder", ...moment };
    if (step.kind === "escalation") return { step: "escalation", ...moment, level: step.level, to: step.to };
    return { step: "end", ...moment, done: isTimedOut, action: timeOutOf(review, policy).action };
  });
}
