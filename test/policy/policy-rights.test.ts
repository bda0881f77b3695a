// No answer outside of what the graph offers, no time-out and no unknown word leads past a question, whatever the policy
// file says, whatever the graph says of itself and whatever is sent.

import { expect, test } from "vitest";
import { digest } from "../../src/policy/digest.ts";
import { answerForGraph, checkAnswer, checkDecisions, decisionsFromResume } from "../../src/policy/review/normalise.ts";
import { type ReviewRequest, reviewRequest } from "../../src/policy/review/open.ts";
import { NO_POLICY, type PolicyFile, type RuleTerms } from "../../src/policy/review/policy-file.ts";
import type { RuleMatch } from "../../src/policy/review/policy-schema.ts";
import { settlePolicy } from "../../src/policy/review/policy-settle.ts";
import { timeOutOf } from "../../src/policy/review/time-out.ts";
import type { Decision } from "../../src/protocol/decision.ts";
import { DECISION_TYPES } from "../../src/protocol/decision-type.ts";
import { isHoldpointError } from "../../src/protocol/errors.ts";
import type { Flavour, PendingInterrupt } from "../../src/protocol/interrupt.ts";
import type { Json } from "../../src/protocol/json.ts";
import { DEFAULT_REVIEW_POLICY, type ReviewPolicy, RISKS, type StatedTerms } from "../../src/protocol/review-policy.ts";
import { SCALE } from "../support/dice.ts";
import { fc } from "../support/properties.ts";
import { hitlPyValue, hitlValue, humanInterrupt } from "./pause.ts";

const runs = { numRuns: 300 * SCALE };

const PEOPLE = ["ana", "ben"] as const;
const GROUPS = ["finance", "leads"] as const;
const people = fc.record({ users: fc.subarray([...PEOPLE]), groups: fc.subarray([...GROUPS]) });
const words = fc.subarray([...DECISION_TYPES]);
const someWords = fc.subarray([...DECISION_TYPES], { minLength: 1 });
const ends = fc.constantFrom("fail" as const, "reject" as const, "approve" as const, "keep" as const);
const seconds = fc.constantFrom(60, 3_600, 86_400);

const terms: { [Key in keyof StatedTerms]-?: fc.Arbitrary<NonNullable<StatedTerms[Key]>> } = {
  risk: fc.constantFrom(...RISKS),
  priority: fc.integer({ min: 0, max: 100 }),
  candidates: people.filter(({ users, groups }) => users.length + groups.length > 0),
  due_after_seconds: seconds,
  reminders: fc.array(seconds, { maxLength: 2 }),
  escalations: fc.array(fc.record({ after_seconds: seconds, to: people }), { maxLength: 2 }),
  ends_after_seconds: seconds,
  on_timeout: ends,
  require_comment: words,
  reject_options: fc.constant([{ code: "a", title: "A" }]),
  notify: fc.constant({ webhooks: [], mail: ["a@b"] }),
  max_revisions: fc.integer({ min: 1, max: 9 }),
};
const stated: fc.Arbitrary<StatedTerms> = fc.record(terms, { requiredKeys: [] });
const MEANT = [null, true, false, "yes", "no", 7, { ok: true }];
const answers = fc.record(
  { approve: fc.constantFrom(...MEANT), reject: fc.constantFrom(...MEANT) },
  { requiredKeys: [] },
);
// More than a file can say: also what it would be refused for.
const set: fc.Arbitrary<RuleTerms> = fc.record(
  {
    ...terms,
    max_restarts: fc.integer({ min: 0, max: 9 }),
    allow_auto_approve: fc.boolean(),
    allowed: someWords,
    editable_paths: fc.subarray(["/amount", "/to", "/to/name", ""]),
    answers,
  },
  { requiredKeys: [] },
);
const match = fc.constantFrom<RuleMatch[]>(
  { graph: ["*"] },
  { tool: ["pay"] },
  { tool: ["mail"] },
  { arguments: [{ at: "/amount", above: 5 }] },
);
const written: fc.Arbitrary<PolicyFile> = fc.record({
  defaults: set.map(({ allowed: _a, editable_paths: _e, answers: _m, ...defaults }) => defaults),
  rules: fc.array(fc.record({ name: fc.constant("rule"), match, set }), { maxLength: 3 }),
});
const file = fc.oneof({ weight: 4, arbitrary: written }, { weight: 1, arbitrary: fc.constant(NO_POLICY) });

const args = fc.record({ amount: fc.constantFrom(1, 9, "9"), to: fc.constant({ name: "ACME" }) });
const calls = fc.array(fc.record({ name: fc.constantFrom("pay", "mail"), args }), { minLength: 1, maxLength: 3 });
const permits = fc.record({
  allow_accept: fc.boolean(),
  allow_edit: fc.boolean(),
  allow_ignore: fc.boolean(),
  allow_respond: fc.boolean(),
});

type Asked = Partial<PendingInterrupt> & { value: unknown };
const review = fc.tuple(calls, someWords, stated, fc.boolean()).map(([actions, allowed, policy, limited]): Asked => {
  const shown = {
    holdpoint: "review",
    key: "pay",
    title: "Pay?",
    description: "",
    actions: actions.map((action, index) => ({
      index,
      ...action,
      allowed,
      ...(limited ? { editable_paths: ["/amount", "/to/name"] } : {}),
    })),
    policy,
  } as unknown as Json;
  return { value: { ...(shown as object), value_digest: digest(shown) }, response_schema: { type: "object" } };
});
const asked: Record<Flavour, fc.Arbitrary<Asked>> = {
  review,
  hitl: fc.tuple(calls, someWords).map(([actions, allowed]) => ({ value: hitlValue(actions, allowed) })),
  hitl_py: fc.tuple(calls, someWords).map(([actions, allowed]) => ({ value: hitlPyValue(actions, allowed) })),
  agent_inbox: fc.tuple(args, permits).map(([given, config]) => ({ value: humanInterrupt(given, config) })),
  schema: fc
    .constantFrom({ type: "boolean" }, { type: "object", required: ["ok"] }, {})
    .map((response_schema) => ({ value: "?", response_schema })),
  raw: fc.constantFrom("delete?", { amount: 9 }, null).map((value) => ({ value })),
  breakpoint: fc.constant({ value: null, interrupt_id: null, asking: null }),
};
const anyQuestion = fc.oneof(...Object.values(asked));

const word = fc.constantFrom<string>(
  ...DECISION_TYPES,
  "accept",
  "ignore",
  "response",
  "yes",
  "APPROVE",
  "",
  "__proto__",
);
const leaf = fc.oneof(
  word,
  fc.constantFrom<Json>(null, true, false, 9, "9", { amount: 1 }, { amount: 9, to: { name: "ACME" } }),
);
const sent = fc.oneof(
  leaf,
  fc.record({
    decisions: fc.array(
      fc.record(
        { type: word, action: fc.nat(2), args: leaf, editedAction: leaf, message: leaf, value: leaf },
        { requiredKeys: ["type"] },
      ),
      { maxLength: 3 },
    ),
  }),
  fc.array(fc.record({ type: word, args: leaf }), { maxLength: 3 }),
);
const decision: fc.Arbitrary<Decision> = fc.record(
  { type: fc.constantFrom(...DECISION_TYPES), action: fc.nat(2), args: leaf, message: fc.constant("m"), value: leaf },
  { requiredKeys: ["type", "args"] },
) as fc.Arbitrary<Decision>;

function opened(
  pause: Asked,
  guarded: boolean,
  policyOf: (asked: Parameters<typeof settlePolicy>[0]) => ReviewPolicy,
): ReviewRequest {
  const asking = { asking_ns: "", asking_checkpoint_id: "head", asking_task_id: "task" };
  const context = { graph_id: "refund", graph_fingerprint: "f", guarded, checkpoint_id: "head", policyOf };
  return reviewRequest({ interrupt_id: "id", asking, ordinal: 0, task_id: "task", node: "ask", ...pause }, context);
}

/** The question under the policy, and what its graph alone would offer; null where the policy leaves nothing of it. */
function underPolicy(pause: Asked, guarded: boolean, policy: PolicyFile) {
  const own = opened(pause, guarded, () => DEFAULT_REVIEW_POLICY);
  try {
    return { own, shown: opened(pause, guarded, (asked) => settlePolicy(asked, policy, DEFAULT_REVIEW_POLICY)) };
  } catch (error) {
    // Loud, and nobody is asked anything.
    if (isHoldpointError(error) && error.code === "policy_invalid") return null;
    throw error;
  }
}

test("these questions are of the flavours they are meant to be of", () => {
  for (const [flavour, arbitrary] of Object.entries(asked)) {
    const found = fc.sample(arbitrary, 40).map((pause) => opened(pause, false, () => DEFAULT_REVIEW_POLICY).flavour);
    expect(found, flavour).toContain(flavour);
  }
});

test("a policy offers what the graph offers or less, and beside it only what it gives a plain question words for", () => {
  fc.assert(
    fc.property(anyQuestion, fc.boolean(), file, (pause, guarded, policy) => {
      const both = underPolicy(pause, guarded, policy);
      if (both === null) return;
      for (const [index, action] of both.shown.actions.entries()) {
        const graph = both.own.actions[index]!;
        const added = action.allowed.filter((type) => !graph.allowed.includes(type));
        expect(action.allowed.length).toBeGreaterThan(0);
        if (added.length === 0) continue;
        expect(["raw", "schema"]).toContain(both.shown.flavour);
        for (const type of added) expect(both.shown.policy.answers).toHaveProperty(type);
      }
    }),
    runs,
  );
});

test("an answer that is taken is one the graph offered, and gives the graph what the answer says", () => {
  let taken = 0;
  const road = fc.oneof(
    sent.map((resume) => (shown: ReviewRequest) => decisionsFromResume(shown, resume)),
    fc.array(decision, { minLength: 1, maxLength: 3 }).map((value) => () => ({ ok: true as const, value })),
  );
  fc.assert(
    fc.property(anyQuestion, fc.boolean(), file, road, (pause, guarded, policy, by) => {
      const both = underPolicy(pause, guarded, policy);
      if (both === null) return;
      const { own, shown } = both;
      const checked = checkAnswer(shown, by(shown));
      if (!checked.ok) {
        expect(checked.faults.length).toBeGreaterThan(0);
        return;
      }
      taken += 1;
      const given = answerForGraph({ ...shown, answers: shown.policy.answers }, checked.value);
      const meant = shown.policy.answers ?? {};
      for (const one of checked.value) {
        if (own.actions[one.action]?.allowed.includes(one.type)) continue;
        expect(["raw", "schema"]).toContain(shown.flavour);
        expect(one.type === "approve" || one.type === "reject").toBe(true);
        expect(given).toEqual(meant[one.type as "approve" | "reject"]);
      }
      // The node of a review() checks again, by what it has offered itself.
      if (shown.flavour === "review") expect(checkDecisions(checked.value, own.actions)).toEqual([]);
    }),
    { numRuns: 600 * SCALE },
  );
  expect(taken).toBeGreaterThan(20);
});

test("a time-out does what the question offers and the file allows, and approves nothing of a guarded graph", () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(anyQuestion, fc.boolean(), file, (pause, guarded, policy) => {
      const both = underPolicy(pause, guarded, policy);
      if (both === null) return;
      const { own, shown } = both;
      const { on_timeout, allow_auto_approve } = shown.policy;
      seen.add(on_timeout);
      const end = timeOutOf({ guarded, actions: shown.actions }, shown.policy);
      // What is promised is what happens.
      expect(end.action).toBe(on_timeout === "keep" ? "fail" : on_timeout);
      if (end.action === "fail") return;
      const checked = checkAnswer(shown, { ok: true, value: end.decisions });
      if (shown.flavour !== "hitl" && shown.flavour !== "hitl_py") expect(checked.ok).toBe(true);
      if (end.action === "reject") return;
      expect(guarded).toBe(false);
      expect(allow_auto_approve).toBe(true);
      const said = [policy.defaults, ...policy.rules.map((rule) => rule.set)];
      expect(said.some((terms) => terms.allow_auto_approve === true)).toBe(true);
      const plain = shown.flavour === "raw" || shown.flavour === "schema";
      for (const { allowed } of own.actions) expect(plain || allowed.includes("approve")).toBe(true);
    }),
    { numRuns: 600 * SCALE },
  );
  expect([...seen].sort()).toEqual(["approve", "fail", "keep", "reject"]);
});

test("what the graph says of its own question holds at least, whatever the rules say", () => {
  const everybody = [...PEOPLE, "eve"].flatMap((user) =>
    [[], ["finance"], ["leads"], ["finance", "leads"]].map((groups) => ({ user, groups })),
  );
  const isOn = (list: ReviewPolicy["candidates"], { user, groups }: (typeof everybody)[number]) =>
    list.users.length + list.groups.length === 0 ||
    list.users.includes(user) ||
    list.groups.some((group) => groups.includes(group));
  fc.assert(
    fc.property(review, fc.boolean(), file, (pause, guarded, policy) => {
      const both = underPolicy(pause, guarded, policy);
      if (both === null) return;
      const said = (pause.value as { policy: StatedTerms }).policy;
      const held = both.shown.policy;
      if (said.due_after_seconds !== undefined)
        expect(held.due_after_seconds).toBeLessThanOrEqual(said.due_after_seconds);
      if (said.max_revisions !== undefined) expect(held.max_revisions).toBeLessThanOrEqual(said.max_revisions);
      if (said.risk !== undefined) expect(RISKS.indexOf(held.risk!)).toBeGreaterThanOrEqual(RISKS.indexOf(said.risk));
      expect(held.require_comment).toEqual(expect.arrayContaining(said.require_comment ?? []));
      if (said.on_timeout === "fail") expect(held.on_timeout).toBe("fail");
      if (said.on_timeout !== undefined && said.on_timeout !== "approve") expect(held.on_timeout).not.toBe("approve");
      for (const person of everybody) {
        const mayDecide = [held.candidates, ...(held.also_candidates ?? [])].every((list) => isOn(list, person));
        if (mayDecide && said.candidates !== undefined) expect(isOn(said.candidates, person)).toBe(true);
      }
    }),
    runs,
  );
});
