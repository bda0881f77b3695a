import { digest } from "../../src/policy/digest.ts";
import {
  type DecisionContext,
  type DecisionRequest,
  decideReview,
  type ReviewFacts,
} from "../../src/policy/review/decide.ts";
import type { Person } from "../../src/policy/review/may-decide.ts";
import type { StandingDecision } from "../../src/policy/review/refuse-over.ts";
import type { CanonicalDecision } from "../../src/protocol/decision.ts";
import { HoldpointError } from "../../src/protocol/errors.ts";
import { DEFAULT_REVIEW_POLICY } from "../../src/protocol/review-policy.ts";

export const HEAD = "1ef00000-0000-6000-8000-000000000001";
export const APPROVE: CanonicalDecision[] = [{ action: 0, type: "approve" }];
export const REJECT: CanonicalDecision[] = [{ action: 0, type: "reject" }];

const person = (principal_id: string, more: Partial<Person> = {}): Person => ({
  principal_id,
  kind: "user",
  groups: [],
  permissions: new Set(["review:decide"]),
  ...more,
});

export const open: ReviewFacts = {
  id: "review-1",
  candidate_users: [],
  candidate_groups: [],
  assignee: null,
  claimed_by: null,
  claimed_until: null,
  version: 3,
  status: "open",
  status_reason: null,
  superseded_by: null,
  flavour: "review",
  guarded: false,
  actions: [{ index: 0, name: "pay", args: { amount: 5 }, allowed: ["approve", "edit", "reject"] }],
  node: "ask",
  interrupt_id: "0123456789abcdef0123456789abcdef",
  checkpoint_id: HEAD,
  value_digest: "sha256:value",
  request_digest: "sha256:request",
  graph_fingerprint: "sha256:graph",
  due_at: "2026-11-24T10:00:00.000Z",
  policy: DEFAULT_REVIEW_POLICY,
  decision: null,
};

export const bound: DecisionRequest = {
  decisions: { ok: true, value: [{ type: "approve" }] },
  by_interrupt_id: false,
  seen_digest: open.request_digest,
};

export const context: DecisionContext = {
  now: "2026-11-21T11:00:00.000Z",
  by_timeout: false,
  decider: person("user:ana"),
  said: { of_several: false },
  head_checkpoint_id: HEAD,
  other_run: null,
  graph: { fingerprint: open.graph_fingerprint, nodes: new Set(["ask"]) },
  opened_after_arrival: false,
  asked_differently_before: false,
  open_reviews: 1,
  allow_scalar_resume: true,
};

export const decidedBy = (
  principal_id: string,
  decisions: CanonicalDecision[],
  idempotency_key: string | null = null,
): StandingDecision => ({
  principal_id,
  display_name: principal_id,
  channel: "api",
  at: "2026-11-21T10:00:00.000Z",
  decisions,
  decisions_digest: digest(decisions),
  idempotency_key,
});

export const invalid = { ok: false as const, faults: [{ pointer: "/decisions", message: "no" }] };
export const unbound: DecisionRequest = { decisions: bound.decisions, by_interrupt_id: false };

export interface Given {
  review?: Partial<ReviewFacts>;
  request?: Partial<DecisionRequest>;
  around?: Partial<DecisionContext>;
  from?: DecisionRequest;
}

/** given a review, a request and what surrounds them: the verdict, or the code it is refused with. */
export function outcome({ review = {}, request = {}, around = {}, from = bound }: Given): unknown {
  try {
    return decideReview({ ...open, ...review }, { ...from, ...request }, { ...context, ...around });
  } catch (error) {
    if (error instanceof HoldpointError) return `${error.status} ${error.code}`;
    throw error;
  }
}
