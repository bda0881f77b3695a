import { describe, expect, test } from "vitest";
import { timeoutPrincipal } from "../../src/protocol/principal.ts";
import { DEFAULT_REVIEW_POLICY } from "../../src/protocol/review-policy.ts";
import { APPROVE, bound, decidedBy, type Given, outcome, REJECT } from "./decide-scene.ts";

describe("a time-out", () => {
  const late = { now: "2026-11-24T10:00:00.000Z", by_timeout: true, decider: timeoutPrincipal() };
  const rejects: Given = {
    review: { policy: { ...DEFAULT_REVIEW_POLICY, on_timeout: "reject" } },
    request: { decisions: { ok: true, value: [{ type: "reject" }] } },
    around: late,
  };
  const approves = { ...DEFAULT_REVIEW_POLICY, on_timeout: "approve", allow_auto_approve: true } as const;
  const byTimeout = { ...decidedBy("system:timeout", REJECT), channel: "timeout" };

  test("decides what the policy says once the review is due, and once more is the same", () => {
    expect(outcome(rejects)).toMatchObject({ kind: "accept", decisions: REJECT, binding: "digest" });
    expect(outcome({ ...rejects, review: { ...rejects.review, status: "closed", decision: byTimeout } })).toEqual({
      kind: "replay",
    });
  });
  test("comes too late where a person has decided", () => {
    const review = { ...rejects.review, status: "decided" as const, decision: decidedBy("user:ana", APPROVE) };
    expect(outcome({ ...rejects, review })).toBe("409 already_decided");
  });
  test("is what a person who comes later is told, whatever they say", () => {
    for (const decisions of [APPROVE, REJECT]) {
      const review = { status: "decided" as const, decision: byTimeout };
      expect(outcome({ review, request: { decisions: { ok: true, value: decisions } } })).toBe("409 already_timed_out");
    }
  });
  test.each([
    ["before the review is due", { around: { ...late, now: "2026-11-24T09:59:59.999Z" } }],
    ["where the review is never due", { review: { ...rejects.review, due_at: null } }],
    ["where the policy fails instead", { review: {} }],
    ["what the policy does not say", { request: { ...rejects.request, decisions: bound.decisions } }],
    [
      "an approval that the policy does not allow",
      { review: { policy: { ...approves, allow_auto_approve: false } }, request: { decisions: bound.decisions } },
    ],
    [
      "an approval on a guarded graph",
      { review: { policy: approves, guarded: true }, request: { decisions: bound.decisions } },
    ],
  ] satisfies [string, Given][])("does not decide %s", (_what, given) => {
    expect(outcome({ ...rejects, ...given })).toBe("403 permission_denied");
  });
  test("approves only where the policy allows it in so many words", () => {
    expect(
      outcome({ review: { policy: approves }, request: { decisions: bound.decisions }, around: late }),
    ).toMatchObject({
      kind: "accept",
      decisions: APPROVE,
    });
  });
});
