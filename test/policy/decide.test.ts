import { describe, expect, test } from "vitest";
import { digest } from "../../src/policy/digest.ts";
import type { DecisionRequest } from "../../src/policy/review/decide.ts";
import { decideReview } from "../../src/policy/review/decide.ts";
import type { StandingDecision } from "../../src/policy/review/refuse-over.ts";
import type { CanonicalDecision } from "../../src/protocol/decision.ts";
import type { HoldpointError } from "../../src/protocol/errors.ts";
import { REVIEW_STATUSES } from "../../src/protocol/review.ts";
import {
  APPROVE,
  bound,
  context,
  decidedBy,
  type Given,
  HEAD,
  invalid,
  open,
  outcome,
  REJECT,
  unbound,
} from "./decide-scene.ts";

test("given an open review and a bound answer, when it is decided, then the answer is taken", () => {
  expect(outcome({})).toEqual({
    kind: "accept",
    decisions: APPROVE,
    decisions_digest: digest(APPROVE),
    binding: "digest",
    overrides: [],
  });
});

describe("what binds an answer", () => {
  const bindings: [string, Partial<DecisionRequest>, string][] = [
    ["seen_digest", { seen_digest: open.request_digest }, "digest"],
    ["the value's digest", { value_digest: open.value_digest }, "digest"],
    ["If-Match", { seen_version: 3 }, "version"],
    ["the interrupt id", { by_interrupt_id: true }, "interrupt_id"],
    ["the head checkpoint", { checkpoint_id: HEAD }, "checkpoint"],
    ["nothing, where that is allowed", {}, "unbound"],
  ];
  test.each(bindings)("%s", (_what, request, binding) => {
    expect(outcome({ from: unbound, request })).toMatchObject({ kind: "accept", binding });
  });
  test("a digest outranks a version, a version an id, an id a checkpoint", () => {
    const all = { seen_digest: open.request_digest, seen_version: 3, by_interrupt_id: true, checkpoint_id: HEAD };
    const { seen_digest: _digest, ...version } = all;
    const { seen_version: _version, ...id } = version;
    expect(outcome({ from: unbound, request: all })).toMatchObject({ binding: "digest" });
    expect(outcome({ from: unbound, request: version })).toMatchObject({ binding: "version" });
    expect(outcome({ from: unbound, request: id })).toMatchObject({ binding: "interrupt_id" });
  });
  test.each([
    ["on a guarded graph", { review: { guarded: true } }, "428 precondition_required"],
    ["where the setting forbids it", { around: { allow_scalar_resume: false } }, "428 precondition_required"],
    ["where several questions are open", { around: { open_reviews: 2 } }, "409 ambiguous_resume"],
    [
      "by an id that has shown something else, on a guarded graph",
      { request: { by_interrupt_id: true }, review: { guarded: true }, around: { asked_differently_before: true } },
      "428 precondition_required",
    ],
    [
      "by a checkpoint at which something else was shown, where unbound answers are forbidden",
      { request: { checkpoint_id: HEAD }, around: { asked_differently_before: true, allow_scalar_resume: false } },
      "428 precondition_required",
    ],
  ] satisfies [string, Given, string][])("nothing binds %s", (_what, given, refusal) => {
    expect(outcome({ from: unbound, ...given })).toBe(refusal);
  });
  test("an id that has shown something else binds nothing, and the record says so", () => {
    const given = {
      from: unbound,
      request: { by_interrupt_id: true },
      around: { asked_differently_before: true, open_reviews: 2 },
    };
    expect(outcome(given)).toMatchObject({ kind: "accept", binding: "unbound" });
  });
});

describe("replay", () => {
  const decided = (standing: StandingDecision) => ({ status: "closed" as const, decision: standing });
  test("the same principal and the same decisions", () => {
    expect(outcome({ review: decided(decidedBy("user:ana", APPROVE)) })).toEqual({ kind: "replay" });
  });
  test("whatever the status has become since", () => {
    for (const status of REVIEW_STATUSES) {
      const expected = status === "cancelled" ? "410 cancelled" : { kind: "replay" };
      expect(outcome({ review: { status, decision: decidedBy("user:ana", APPROVE) } }), status).toEqual(expected);
    }
  });
  test("the same decisions written another way are the same", () => {
    const two = [0, 1].map((index) => ({
      index,
      name: "pay",
      args: { a: 1, b: 2 },
      allowed: ["approve" as const, "edit" as const],
    }));
    const standing = decidedBy("user:ana", [
      { action: 0, type: "approve" },
      { action: 1, type: "edit", args: { a: 1, b: 3 } },
    ]);
    const value = [
      { action: 1, type: "edit" as const, args: { b: 3, a: 1 } },
      { action: 0, type: "approve" as const },
    ];
    expect(
      outcome({ review: { ...decided(standing), actions: two }, request: { decisions: { ok: true, value } } }),
    ).toEqual({ kind: "replay" });
  });
  test("another decision under the same key is refused as a misuse of the key", () => {
    const review = decided(decidedBy("user:ana", REJECT, "key"));
    expect(outcome({ review, request: { idempotency_key: "key" } })).toBe("422 idempotency_key_reused");
    expect(outcome({ review, request: { idempotency_key: "other" } })).toBe("409 already_decided");
  });
  test("somebody else's key says nothing", () => {
    const review = decided(decidedBy("user:ben", APPROVE, "key"));
    expect(outcome({ review, request: { idempotency_key: "key" } })).toBe("409 already_decided");
  });
  test("another principal is told who decided what, when, and whether it was the same", () => {
    const facts = (decisions: CanonicalDecision[]) => {
      try {
        decideReview({ ...open, ...decided(decidedBy("user:ben", decisions)) }, bound, context);
      } catch (error) {
        return (error as HoldpointError).facts;
      }
      throw new Error("was not refused");
    };
    expect(facts(APPROVE)).toMatchObject({
      same: true,
      decided_by: "user:ben",
      decided_at: "2026-11-21T10:00:00.000Z",
      decisions: APPROVE,
    });
    expect(facts(REJECT)).toMatchObject({ same: false });
  });
});

describe("409, each by itself", () => {
  const conflicts: [string, Given, string][] = [
    [
      "decided by somebody else",
      { review: { status: "decided", decision: decidedBy("user:ben", APPROVE) } },
      "already_decided",
    ],
    ["superseded", { review: { status: "superseded" } }, "superseded"],
    ["stale", { review: { status: "stale" } }, "stale"],
    ["timed out", { review: { status: "failed" } }, "already_timed_out"],
    ["another run comes first", { around: { other_run: { run_id: "r", kind: "run" } } }, "superseded"],
    ["opened after the answer was sent", { around: { opened_after_arrival: true } }, "already_decided"],
    [
      "the thread has moved on",
      { around: { head_checkpoint_id: "1ef00000-0000-6000-8000-000000000009" } },
      "superseded",
    ],
    ["the thread has no checkpoint any more", { around: { head_checkpoint_id: null } }, "superseded"],
    ["the graph is not loaded", { around: { graph: null } }, "stale"],
    ["the node is gone", { around: { graph: { fingerprint: open.graph_fingerprint, nodes: new Set() } } }, "stale"],
    [
      "other code under a plain question",
      { review: { flavour: "raw" }, around: { graph: { fingerprint: "sha256:new", nodes: new Set(["ask"]) } } },
      "stale",
    ],
    [
      "other code under a breakpoint",
      { review: { flavour: "breakpoint" }, around: { graph: { fingerprint: "sha256:new", nodes: new Set(["ask"]) } } },
      "stale",
    ],
    ["another digest", { request: { seen_digest: "sha256:old" } }, "digest_mismatch"],
    ["another value", { request: { value_digest: "sha256:old" } }, "digest_mismatch"],
    ["an older checkpoint", { request: { checkpoint_id: "1ef00000-0000-6000-8000-000000000000" } }, "use_fork"],
  ];
  test.each(conflicts)("%s", (_what, given, code) => {
    expect(outcome(given)).toBe(`409 ${code}`);
  });
  test.each(conflicts)("and before what is wrong with the request: %s", (_what, given, code) => {
    const worse = { ...given, request: { ...given.request, seen_version: 1, decisions: invalid } };
    expect(outcome(worse)).toBe(`409 ${code}`);
  });
  test("other code under a review() is no conflict: the node compares by itself", () => {
    expect(outcome({ around: { graph: { fingerprint: "sha256:new", nodes: new Set(["ask"]) } } })).toMatchObject({
      kind: "accept",
    });
  });
});

test("refusals come in one order: 410, 409, 428, 412, 422", () => {
  const worst: Given = {
    from: unbound,
    review: { status: "cancelled", guarded: true },
    request: { decisions: invalid, seen_version: 1 },
    around: { head_checkpoint_id: null },
  };
  expect(outcome(worst)).toBe("410 cancelled");
  expect(outcome({ ...worst, review: { guarded: true } })).toBe("409 superseded");
  expect(outcome({ from: unbound, review: { guarded: true }, request: { decisions: invalid } })).toBe(
    "428 precondition_required",
  );
  expect(outcome({ request: { decisions: invalid, seen_version: 1 } })).toBe("412 precondition_failed");
  expect(outcome({ request: { decisions: invalid } })).toBe("422 invalid");
});

test("only an open review can be decided, and one that asks for information is open", () => {
  for (const status of REVIEW_STATUSES) {
    const isOpen = status === "open" || status === "info_requested";
    const taken = typeof outcome({ review: { status } }) === "object";
    expect(taken, status).toBe(isOpen);
  }
});
