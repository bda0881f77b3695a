// What an answer does to a review: pure, so that every race can be read and tested without a database. The caller
// holds the thread's lock and the review's row, so nothing here can change under it.
import type { Binding, CanonicalDecision } from "../../protocol/decision.ts";
import { type ErrorCode, HoldpointError } from "../../protocol/errors.ts";
import type { Checked } from "../../protocol/fault.ts";
import type { Flavour, ReviewAction } from "../../protocol/interrupt.ts";
import type { ReviewStatus } from "../../protocol/review.ts";
import type { ReviewPolicy } from "../../protocol/review-policy.ts";
import { digest } from "../digest.ts";
import type { SentDecisions } from "./flavours/form.ts";
import { isOpen } from "./lifecycle.ts";
import { refuseEarlyTimeout } from "./may-decide.ts";
import { type CheckedAnswer, checkAnswer } from "./normalise.ts";

/** The review as it stands under the lock. */
export interface ReviewFacts {
  id: string;
  version: number;
  status: ReviewStatus;
  status_reason: string | null;
  superseded_by: string | null;
  flavour: Flavour;
  guarded: boolean;
  actions: readonly ReviewAction[];
  node: string;
  interrupt_id: string | null;
  checkpoint_id: string;
  value_digest: string;
  request_digest: string;
  graph_fingerprint: string;
  due_at: string | null;
  policy: ReviewPolicy;
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

/** The answer as it came in. */
export interface DecisionRequest {
  principal_id: string;
  decisions: SentDecisions;
  idempotency_key?: string;
  seen_digest?: string;
  /** The version of If-Match. */
  seen_version?: number;
  /** True when the answer named the interrupt's id. */
  by_interrupt_id: boolean;
  /** The checkpoint sent along with a resume. */
  checkpoint_id?: string;
  /** `value_digest` inside the resume value. */
  value_digest?: string;
}

/** What surrounds the review. */
export interface DecisionContext {
  now: string;
  /** True when it is no person who decides, but that nobody has. */
  by_timeout: boolean;
  head_checkpoint_id: string | null;
  /** A pending or running run of the thread that is not a resume. */
  other_run: { run_id: string; kind: string } | null;
  /** The graph as it is loaded now; null when it is not. */
  graph: { fingerprint: string; nodes: ReadonlySet<string> } | null;
  /** True when the question was opened after the answer had already arrived here. */
  opened_after_arrival: boolean;
  /** True when an earlier review of the thread had the same interrupt id and showed something else. */
  asked_differently_before: boolean;
  /** How many reviews of the thread are open. */
  open_reviews: number;
  allow_scalar_resume: boolean;
}

/** Accepted, or the same as what stands. A refusal is thrown. */
export type Verdict =
  | { kind: "replay" }
  | { kind: "accept"; decisions: CanonicalDecision[]; decisions_digest: string; binding: Binding };

/**
 * Decides what an answer does. The order of refusals is part of the contract:
 * 410 → (replay 200) → 409 → 428 → 412 → 422; 401, 403 and 404 come before, where there is no review yet.
 */
export function decideReview(review: ReviewFacts, request: DecisionRequest, context: DecisionContext): Verdict {
  if (review.status === "cancelled")
    refuse("cancelled", review, `this review was cancelled: ${review.status_reason ?? "the run was cancelled"}`);
  const checked: CheckedAnswer = checkAnswer(review, request.decisions);
  if (context.by_timeout) refuseEarlyTimeout(review, checked, context.now);
  if (isReplay(review, request, checked)) return { kind: "replay" };
  refuseConflicts(review, request, context, checked);
  const binding = bindingOf(review, request, context);
  if (request.seen_version !== undefined && request.seen_version !== review.version) {
    refuse(
      "precondition_failed",
      review,
      `If-Match names version ${request.seen_version}, the review is at version ${review.version}: read it again`,
    );
  }
  if (!checked.ok) {
    const { faults, choices } = checked;
    const message = `the decision is not valid: ${faults[0]?.pointer ?? "/"} ${faults[0]?.message ?? ""}`;
    if (choices === undefined) refuse("invalid", review, message, { faults });
    refuse("mixed_batch", review, message, { faults, choices });
  }
  return { kind: "accept", decisions: checked.value, decisions_digest: digest(checked.value), binding };
}

function isReplay(review: ReviewFacts, request: DecisionRequest, checked: Checked<CanonicalDecision[]>): boolean {
  const standing = review.decision;
  if (standing === null || standing.principal_id !== request.principal_id) return false;
  const same = checked.ok && digest(checked.value) === standing.decisions_digest;
  if (same) return true;
  if (request.idempotency_key !== undefined && request.idempotency_key === standing.idempotency_key) {
    refuse(
      "idempotency_key_reused",
      review,
      `idempotency key "${request.idempotency_key}" was used for another decision of this review`,
    );
  }
  return false;
}

function refuseConflicts(
  review: ReviewFacts,
  request: DecisionRequest,
  context: DecisionContext,
  checked: Checked<CanonicalDecision[]>,
): void {
  const standing = review.decision;
  if (standing !== null && !isOpen(review.status)) {
    const same = checked.ok && digest(checked.value) === standing.decisions_digest;
    const [code, who] =
      standing.channel === "timeout"
        ? (["already_timed_out", "nobody decided this in time, so its policy did"] as const)
        : (["already_decided", `${standing.display_name} decided this`] as const);
    refuse(code, review, `${who} at ${standing.at}`, {
      same,
      decided_by: standing.principal_id,
      decided_at: standing.at,
      decisions: standing.decisions,
    });
  }
  if (review.status === "superseded") {
    refuse("superseded", review, `this review was superseded: ${review.status_reason ?? "the thread has moved on"}`, {
      superseded_by: review.superseded_by,
    });
  }
  if (review.status === "stale")
    refuse("stale", review, `this review is stale: ${review.status_reason ?? "what was shown has changed"}`);
  if (review.status === "failed")
    refuse("already_timed_out", review, `nobody decided this in time: ${review.status_reason ?? "its run has failed"}`);
  if (!isOpen(review.status))
    refuse(
      "already_decided",
      review,
      `this review is ${review.status}: ${review.status_reason ?? "it can no longer be decided"}`,
    );
  if (context.other_run !== null) {
    refuse(
      "superseded",
      review,
      `run ${context.other_run.run_id} (${context.other_run.kind}) of this thread comes first; the thread may ask again after it`,
      { run_id: context.other_run.run_id },
    );
  }
  if (context.opened_after_arrival) {
    refuse(
      "already_decided",
      review,
      "this question was opened after your answer was sent, so the answer was meant for the one before it: read the new question",
    );
  }
  if (context.head_checkpoint_id !== review.checkpoint_id) {
    refuse(
      "superseded",
      review,
      `the thread has moved on from checkpoint ${review.checkpoint_id} to ${context.head_checkpoint_id ?? "none"}`,
      { head_checkpoint_id: context.head_checkpoint_id },
    );
  }
  refuseMovedGraph(review, context);
  refuseMovedBytes(review, request);
}

function refuseMovedGraph(review: ReviewFacts, context: DecisionContext): void {
  if (context.graph === null)
    refuse(
      "stale",
      review,
      `the graph is not loaded now, so that node "${review.node}" cannot be resumed: restore it and decide again`,
    );
  if (!context.graph.nodes.has(review.node))
    refuse(
      "stale",
      review,
      `the graph no longer has the node "${review.node}" that asked: restore it and decide again`,
    );
  // review() recomputes and compares what it shows when it is answered; a plain interrupt() cannot.
  if (review.flavour !== "review" && context.graph.fingerprint !== review.graph_fingerprint) {
    refuse(
      "stale",
      review,
      "the graph's code has changed since this was asked, and a plain interrupt() cannot tell whether it would still ask the same",
      {
        shown_fingerprint: review.graph_fingerprint,
        graph_fingerprint: context.graph.fingerprint,
      },
    );
  }
}

function refuseMovedBytes(review: ReviewFacts, request: DecisionRequest): void {
  if (request.seen_digest !== undefined && request.seen_digest !== review.request_digest) {
    refuse(
      "digest_mismatch",
      review,
      `seen_digest ${request.seen_digest} is not what this review shows (${review.request_digest}): read it again`,
    );
  }
  if (request.value_digest !== undefined && request.value_digest !== review.value_digest) {
    refuse(
      "digest_mismatch",
      review,
      `value_digest ${request.value_digest} is not what this review shows (${review.value_digest}): read it again`,
    );
  }
  if (request.checkpoint_id !== undefined && request.checkpoint_id !== review.checkpoint_id) {
    refuse(
      "use_fork",
      review,
      `checkpoint ${request.checkpoint_id} is not where this thread waits (${review.checkpoint_id}); to go back in time start a fork with that checkpoint and input null, which asks again`,
    );
  }
}

function bindingOf(review: ReviewFacts, request: DecisionRequest, context: DecisionContext): Binding {
  if (request.seen_digest !== undefined || request.value_digest !== undefined) return "digest";
  if (request.seen_version !== undefined) return "version";
  // A question asked again at the same checkpoint has the id it had before: the id says nothing about what was seen.
  const isNamed = request.by_interrupt_id || request.checkpoint_id !== undefined;
  if (isNamed && !context.asked_differently_before) return request.by_interrupt_id ? "interrupt_id" : "checkpoint";
  if (context.open_reviews > 1 && !isNamed) {
    refuse(
      "ambiguous_resume",
      review,
      `${context.open_reviews} questions are open on this thread: answer by interrupt id`,
    );
  }
  if (context.allow_scalar_resume && !review.guarded) return "unbound";
  refuse(
    "precondition_required",
    review,
    context.asked_differently_before
      ? "this question was asked before and showed something else: send seen_digest (the review's request_digest) or If-Match (its version)"
      : "say what you saw: send seen_digest (the review's request_digest), If-Match (its version), the interrupt id, or the checkpoint",
  );
}

function refuse(code: ErrorCode, review: ReviewFacts, message: string, facts: Record<string, unknown> = {}): never {
  throw new HoldpointError(code, message, {
    facts: { review_id: review.id, status: review.status, version: review.version, ...facts },
  });
}
