import { expect, test } from "vitest";
import { digest } from "../../src/policy/digest.ts";
import { reviewRequest, shownDigest } from "../../src/policy/review/open.ts";
import type { PendingInterrupt } from "../../src/protocol/interrupt.ts";
import { DEFAULT_REVIEW_POLICY } from "../../src/protocol/review-policy.ts";

const context = {
  graph_id: "g",
  graph_fingerprint: "sha256:graph",
  guarded: false,
  checkpoint_id: "head",
  policyOf: () => DEFAULT_REVIEW_POLICY,
};
const pause = (value: unknown, extra: Partial<PendingInterrupt> = {}): PendingInterrupt => ({
  interrupt_id: "id",
  asking: { asking_ns: "", asking_checkpoint_id: "head", asking_task_id: "task" },
  ordinal: 0,
  task_id: "task",
  node: "ask",
  value,
  ...extra,
});

const shown = (title: string) => {
  const value = {
    holdpoint: "review",
    key: "pay",
    title,
    description: "",
    actions: [{ index: 0, name: "pay", args: { amount: 5 }, allowed: ["approve"] }],
  };
  return { ...value, value_digest: digest(value) };
};
const schema = { type: "object" };

test("a review() shows its title and actions, under the digest that the node computes itself", () => {
  const value = shown("Pay?");
  const request = reviewRequest(pause(value, { response_schema: schema }), context);
  expect(request).toMatchObject({ flavour: "review", title: "Pay?", value_digest: value.value_digest });
});

test("text that looks like an escaped half of a character does not change the digest", () => {
  for (const title of ["\\ud83d", "\\\\ud800", 'say "\\udead"']) {
    const value = shown(title);
    expect(reviewRequest(pause(value, { response_schema: schema }), context).value_digest, title).toBe(
      value.value_digest,
    );
  }
});

test("what a review() claims as its digest is not believed", () => {
  const value = { ...shown("Pay?"), value_digest: "sha256:claimed" };
  expect(reviewRequest(pause(value, { response_schema: schema }), context).value_digest).toBe(
    shown("Pay?").value_digest,
  );
});

test("a plain interrupt() that looks like a review is none: nothing in its node compares the answer", () => {
  expect(reviewRequest(pause(shown("Pay?")), context).flavour).toBe("raw");
});

test("a plain question offers one answer, the JSON the graph will receive", () => {
  expect(reviewRequest(pause("what?"), context)).toMatchObject({
    flavour: "raw",
    actions: [{ allowed: ["respond"], args: "what?" }],
  });
  expect(reviewRequest(pause("what?", { response_schema: schema }), context)).toMatchObject({
    flavour: "schema",
    actions: [{ args_schema: schema }],
  });
  expect(reviewRequest(pause(null, { interrupt_id: null }), context)).toMatchObject({
    flavour: "breakpoint",
    actions: [{ allowed: ["approve"] }],
  });
});

test("the request's digest moves with everything an answer is bound to", () => {
  const base = reviewRequest(pause("what?"), context).request_digest;
  const others = [
    reviewRequest(pause("what!"), context),
    reviewRequest(pause("what?", { response_schema: schema }), context),
    reviewRequest(pause("what?"), { ...context, checkpoint_id: "later" }),
    reviewRequest(pause("what?"), { ...context, graph_fingerprint: "sha256:new" }),
    reviewRequest(pause("what?"), { ...context, policyOf: () => ({ ...DEFAULT_REVIEW_POLICY, risk: "high" }) }),
  ].map(({ request_digest }) => request_digest);
  expect(new Set([base, ...others]).size).toBe(others.length + 1);
  expect(reviewRequest(pause("what?"), context).request_digest).toBe(base);
});

test("halves of characters, NUL, deep and large values have a digest too", () => {
  const values = [
    "\ud800",
    "\udfff",
    "a\u0000b",
    { "\ud800": 1 },
    "x".repeat(2_000_000),
    Array(50_000).fill({ a: 1 }),
    JSON.parse(`${"[".repeat(500)}${"]".repeat(500)}`),
  ];
  const digests = values.map((value) => reviewRequest(pause(value), context).value_digest);
  expect(new Set(digests).size).toBe(values.length);
  for (const value of digests) expect(value).toMatch(/^sha256:[0-9a-f]{64}$/);
});

test("what JSON has no form for is shown as JSON shows it", () => {
  const at = new Date("2026-01-01T00:00:00.000Z");
  expect(reviewRequest(pause({ at, gone: undefined, map: new Map([[1, 2]]) }), context).value).toEqual({
    at: at.toISOString(),
    map: {},
  });
  expect(reviewRequest(pause(undefined), context).value).toBeNull();
  expect(
    reviewRequest(
      pause(() => 1),
      context,
    ).value,
  ).toBeNull();
});

test("the digest of what is shown now is the one the review was opened with", () => {
  for (const one of [pause("what?"), pause(shown("Pay?"), { response_schema: schema }), pause({ a: "\ud800" })]) {
    expect(shownDigest(one, "g")).toBe(reviewRequest(one, context).value_digest);
  }
});
