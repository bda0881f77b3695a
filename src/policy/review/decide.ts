// What an answer does to a review: pure, so that every race can be read and tested without a database. The caller
// holds the thread's lock and the review's row, so nothing here can change under it.
import type { Binding, CanonicalDecision } from "../../protocol/decision.ts";
import type { Checked, Fault } from "../../protocol/fault.ts";
import type { Flavour, ReviewAction } from "../../protocol/interrupt.ts";
import { digest } from "../digest.ts";
import type { SentDecisions } from "./flavours/form.ts";
import {
  type Custody,
  type Override,
  type Person,
  refuseClaimed,
  refuseEarlyTimeout,
  refuseStrangers,
} from "./may-decide.ts";
import { type CheckedAnswer, checkAnswer } from "./normalise.ts";
import { checkReasons, type Reasons, withReason } from "./reasons.ts";
import { refuse, refuseCancelled, refuseOver, type Standing } from "./refuse-over.ts";

/** The review as it stands under the lock. */
export interface ReviewFacts extends Custody, Standing {
  flavour: Flavour;
  guarded: boolean;
  actions: readonly ReviewAction[];
  node: string;
  interrupt_id: string | null;
  checkpoint_id: string;
  value_digest: string;
  request_digest: string;
  graph_fingerprint: string;
}

/** The answer as it came in. */
export interface DecisionRequest {
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

/** The graph as it is loaded now. */
export interface GraphFacts {
  fingerprint: string;
  nodes: ReadonlySet<string>;
  /**
   * Of the questions that were asked under other code: why their answer does not fit any more, null where it does.
   * Whoever cannot compare leaves it out; what carries the answer compares again.
   */
  moved?: ReadonlyMap<string, string | null>;
}

/** What surrounds the review. */
export interface DecisionContext {
  now: string;
  /** Who decides, as they stand under the lock. */
  decider: Person;
  said: Reasons;
  /** True when it is no person who decides, but that nobody has. */
  by_timeout: boolean;
  head_checkpoint_id: string | null;
  /** A pending or running run of the thread that is not a resume. */
  other_run: { run_id: string; kind: string } | null;
  /** The graph as it is loaded now; null when it is not. */
  graph: GraphFacts | null;
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
  | {
      kind: "accept";
      decisions: CanonicalDecision[];
      decisions_digest: string;
      binding: Binding;
      /** What an administrator has set aside by deciding. */
      overrides: Override[];
    };

/**
 * Decides what an answer does. The order of refusals is part of the contract:
 * 410 → (replay 200) → 409 → 428 → 412 → 422; 401, 403 and 404 come before, where there is no review yet.
 */
export function decideReview(review: ReviewFacts, request: DecisionRequest, context: DecisionContext): Verdict {
  const { decider, now, said } = context;
  const overrides = context.by_timeout ? [] : refuseStrangers(review, decider, now);
  refuseCancelled(review);
  const checked = check(review, request, said);
  if (context.by_timeout) refuseEarlyTimeout(review, checked, now);
  if (isReplay(review, request, checked, decider)) return { kind: "replay" };
  refuseConflicts(review, context, checked);
  if (!context.by_timeout) overrides.push(...refuseClaimed(review, decider, now));
  refuseMoved(review, request, context);
  const binding = bindingOf(review, request, context);
  if (request.seen_version !== undefined && request.seen_version !== review.version) {
    refuse(
      "precondition_failed",
      review,
      `If-Match names version ${request.seen_version}, the review is at version ${review.version}: read it again`,
    );
  }
  if (!checked.ok) return refuseInvalid(review, checked.faults, checked.choices);
  const unsaid = context.by_timeout ? [] : checkReasons(checked.value, review.policy, said);
  if (unsaid.length > 0) refuseInvalid(review, unsaid);
  return { kind: "accept", decisions: checked.value, decisions_digest: digest(checked.value), binding, overrides };
}

function refuseInvalid(review: ReviewFacts, faults: readonly Fault[], choices?: string[][]): never {
  const first = faults[0];
  const message = `the decision is not valid: ${first?.pointer ?? "/"} ${first?.message ?? ""}`;
  if (choices === undefined) return refuse("invalid", review, message, { faults });
  return refuse("mixed_batch", review, message, { faults, choices });
}

function check(review: ReviewFacts, request: DecisionRequest, { reason_code }: Reasons): CheckedAnswer {
  const checked = checkAnswer(review, request.decisions);
  return checked.ok ? { ok: true, value: withReason(checked.value, review.policy, reason_code) } : checked;
}

function isReplay(
  review: ReviewFacts,
  request: DecisionRequest,
  checked: Checked<CanonicalDecision[]>,
  { principal_id }: Person,
): boolean {
  const standing = review.decision;
  if (standing === null || standing.principal_id !== principal_id) return false;
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

function refuseConflicts(review: ReviewFacts, context: DecisionContext, checked: Checked<CanonicalDecision[]>): void {
  refuseOver(review, (standing) => checked.ok && digest(checked.value) === standing.decisions_digest);
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
}

function refuseMoved(review: ReviewFacts, request: DecisionRequest, context: DecisionContext): void {
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
  const { fingerprint, nodes, moved } = context.graph;
  const codes = { shown_fingerprint: review.graph_fingerprint, graph_fingerprint: fingerprint };
  if (!nodes.has(review.node))
    refuse(
      "stale",
      review,
      `the graph no longer has the node "${review.node}" that asked: restore it and decide again`,
      codes,
    );
  if (fingerprint === review.graph_fingerprint) return;
  const reason = moved?.get(review.id) ?? (moved?.has(review.id) ? null : uncompared(review));
  if (reason === null) return;
  refuse("stale", review, `this does not fit the graph any more: ${reason}`, codes);
}

// review() recomputes and compares what it shows when it is answered; a plain interrupt() cannot.
function uncompared({ flavour }: ReviewFacts): string | null {
  if (flavour === "review") return null;
  return "its code has changed since this was asked, and a plain interrupt() cannot tell whether it would still ask the same";
}

function refuseMovedBytes(review: ReviewFacts, request: DecisionRequest): void {
  // Whoever has an old page open sees at once what they would have decided about.
  const { version, value_digest, request_digest, actions } = review;
  const shown = { version, value_digest, request_digest, actions };
  if (request.seen_digest !== undefined && request.seen_digest !== request_digest) {
    const message = `seen_digest ${request.seen_digest} is not what this review shows (${request_digest}): read it again`;
    refuse("digest_mismatch", review, message, shown);
  }
  if (request.value_digest !== undefined && request.value_digest !== value_digest) {
    const message = `value_digest ${request.value_digest} is not what this review shows (${value_digest}): read it again`;
    refuse("digest_mismatch", review, message, shown);
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
