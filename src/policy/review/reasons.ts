import type { CanonicalDecision } from "../../protocol/decision.ts";
import type { Fault } from "../../protocol/fault.ts";
import type { ReviewPolicy } from "../../protocol/review-policy.ts";

/** What is said about a decision beside what is decided. */
export interface Reasons {
  comment?: string | undefined;
  reason_code?: string | undefined;
  /** True when it is said about several reviews at once: then a reason is for those that are rejected. */
  of_several: boolean;
}

/** Gives a rejection the words of the reason that was chosen, unless its maker wrote their own. */
export function withReason(
  decisions: readonly CanonicalDecision[],
  { reject_options }: ReviewPolicy,
  reason_code: string | undefined,
): CanonicalDecision[] {
  const words = reject_options.find(({ code }) => code === reason_code)?.message;
  return decisions.map((decision) =>
    decision.type === "reject" && decision.message === undefined && words !== undefined
      ? { ...decision, message: words }
      : decision,
  );
}

/** What the policy wants to be told of a decision and is not, and reasons that it does not know. */
export function checkReasons(decisions: readonly CanonicalDecision[], policy: ReviewPolicy, said: Reasons): Fault[] {
  return [...checkComment(decisions, policy, said), ...checkReason(decisions, policy, said)];
}

function checkComment(decisions: readonly CanonicalDecision[], policy: ReviewPolicy, { comment }: Reasons): Fault[] {
  if (comment !== undefined && comment.trim() !== "") return [];
  // What is said to the graph says why as well.
  const isSilent = (decision: CanonicalDecision) =>
    !("message" in decision) || decision.message === undefined || decision.message.trim() === "";
  const silent = decisions.find((decision) => policy.require_comment.includes(decision.type) && isSilent(decision));
  if (silent === undefined) return [];
  return [{ pointer: "/comment", message: `"${silent.type}" is taken with a comment only: say why` }];
}

function checkReason(decisions: readonly CanonicalDecision[], policy: ReviewPolicy, said: Reasons): Fault[] {
  const { reason_code, of_several } = said;
  if (reason_code === undefined) return [];
  const pointer = "/reason_code";
  if (!decisions.some(({ type }) => type === "reject")) {
    return of_several ? [] : [{ pointer, message: "is a reason to reject, and nothing is rejected" }];
  }
  const known = policy.reject_options.map(({ code }) => code);
  if (known.includes(reason_code)) return [];
  return [{ pointer, message: `is none of this review's reasons: ${known.join(", ") || "it has none"}` }];
}
