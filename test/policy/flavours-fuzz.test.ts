import { expect, test } from "vitest";
import { FLAVOURS } from "../../src/policy/review/flavours/table.ts";
import { answerForGraph, checkAnswer, decisionsFromResume } from "../../src/policy/review/normalise.ts";
import type { ReviewRequest } from "../../src/policy/review/open.ts";
import { decisionSchema } from "../../src/protocol/decision.ts";
import type { Flavour } from "../../src/protocol/interrupt.ts";
import { fc } from "../support/properties.ts";
import { answersTo, args, leaf, pauses } from "./arbitrary-pauses.ts";

const SCALE = Number(process.env["HOLDPOINT_TEST_SCALE"] ?? 1);
const runs = (numRuns: number) => ({ numRuns: numRuns * SCALE });
const patience = { timeout: 30_000 * SCALE };

const POINTER = /^(\/([^~/]|~[01])*)*$/s;

/** Whatever is made of an answer: it is refused at a place, or every decision is one that its action offers. */
function judge(review: ReviewRequest, checked: ReturnType<typeof checkAnswer>): void {
  if (!checked.ok) {
    expect(checked.faults.length).toBeGreaterThan(0);
    for (const { pointer, message } of checked.faults) {
      expect(pointer).toMatch(POINTER);
      expect(message).not.toBe("");
    }
    return;
  }
  expect(checked.value.map(({ action }) => action)).toEqual(review.actions.map(({ index }) => index));
  for (const decision of checked.value) {
    expect(review.actions[decision.action]?.allowed).toContain(decision.type);
    expect(Object.keys(decision)).not.toContain("name");
  }
  const given = answerForGraph({ ...review, answers: null }, checked.value);
  refuseForeign(review, given);
}

/** What the middleware itself would throw at, after which its thread is lost. */
function refuseForeign(review: ReviewRequest, given: unknown): void {
  if (review.flavour !== "hitl" && review.flavour !== "hitl_py") return;
  const { decisions } = given as { decisions: Record<string, unknown>[] };
  expect(decisions).toHaveLength(review.actions.length);
  for (const [index, decision] of decisions.entries()) {
    expect(["string", "undefined"]).toContain(typeof decision["message"]);
    if (decision["type"] !== "edit") continue;
    const edited = decision[review.flavour === "hitl" ? "editedAction" : "edited_action"] as Record<string, unknown>;
    expect(edited["name"]).toBe(review.actions[index]?.name);
    expect(edited["args"] ?? edited["arguments"]).toBeTypeOf("object");
  }
  const words = new Set(decisions.map(({ type }) => type));
  if (review.flavour === "hitl" && words.has("reject")) expect(words.size).toBe(1);
}

test("whatever a graph asks is shown, with actions that can be answered and text that can be stored", patience, () => {
  fc.assert(
    fc.property(pauses, (review) => {
      expect(review.actions.length).toBeGreaterThan(0);
      for (const [index, action] of review.actions.entries()) {
        expect(action.index).toBe(index);
        expect(action.name).toBeTypeOf("string");
        expect(action.allowed.length).toBeGreaterThan(0);
      }
      expect(review.title.includes("\0") || !review.title.isWellFormed()).toBe(false);
      expect(review.title.length).toBeLessThan(500);
    }),
    runs(1_500),
  );
});

test("whatever resume comes is refused at a place, or is what was offered", patience, () => {
  const seen = new Map<string, number>();
  const cases = pauses.chain((review) => answersTo(review).map((resume) => ({ review, resume })));
  fc.assert(
    fc.property(cases, ({ review, resume }) => {
      const checked = checkAnswer(review, decisionsFromResume(review, resume));
      judge(review, checked);
      const key = `${review.flavour} ${checked.ok ? "taken" : "refused"}`;
      seen.set(key, (seen.get(key) ?? 0) + 1);
      if (!checked.ok && checked.choices !== undefined) seen.set("mixed", (seen.get("mixed") ?? 0) + 1);
    }),
    runs(3_000),
  );
  // Of each flavour some are taken and, where anything can be wrong, some refused: else this shows nothing.
  for (const flavour of ["hitl", "hitl_py", "agent_inbox", "schema", "raw"] satisfies Flavour[]) {
    expect(seen.get(`${flavour} taken`), flavour).toBeGreaterThan(0);
    if (flavour !== "raw") expect(seen.get(`${flavour} refused`), flavour).toBeGreaterThan(0);
  }
  expect(seen.get("mixed")).toBeGreaterThan(0);
});

test("whatever decisions come by our own API are refused at a place, or are what was offered", patience, () => {
  const decision = fc
    .record(
      {
        type: fc.constantFrom("approve", "edit", "reject", "respond"),
        action: fc.constantFrom(0, 1, 2, 7),
        name: fc.constantFrom("send_email", "pay", "other"),
        args: fc.oneof(args, leaf),
        message: fc.string({ maxLength: 5 }),
        value: leaf,
      },
      { requiredKeys: ["type"] },
    )
    .map((sent) => decisionSchema.safeParse(sent))
    .filter(({ success }) => success)
    .map(({ data }) => data as NonNullable<typeof data>);
  fc.assert(
    fc.property(pauses, fc.array(decision, { maxLength: 4 }), (review, value) => {
      judge(review, checkAnswer(review, { ok: true, value }));
    }),
    runs(2_000),
  );
});

test("the flavours are asked in an order that ends with the one that takes everything", () => {
  expect(Object.keys(FLAVOURS).at(-1)).toBe("raw");
});
