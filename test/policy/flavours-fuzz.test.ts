import fc from "fast-check";
import { expect, test } from "vitest";
import { FLAVOURS } from "../../src/policy/review/flavours/table.ts";
import { answerForGraph, checkAnswer, decisionsFromResume } from "../../src/policy/review/normalise.ts";
import type { ReviewRequest } from "../../src/policy/review/open.ts";
import { decisionSchema } from "../../src/protocol/decision.ts";
import type { Flavour } from "../../src/protocol/interrupt.ts";
import { hitlPyValue, hitlValue, humanInterrupt, opened } from "./pause.ts";

const SCALE = Number(process.env["HOLDPOINT_TEST_SCALE"] ?? 1);
const runs = (numRuns: number) => ({ numRuns: numRuns * SCALE });

// Words that the formats themselves use, where they belong and where they do not.
const WORDS = [
  ...["approve", "edit", "reject", "respond", "accept", "ignore", "response", "review", "send_email", "pay"],
  ...["", "null", "true", "3", "1e999", "[1]", "{}", "__proto__", "constructor", "toString", "\ud800", "a\0b"],
];
const KEYS = [
  ...["type", "args", "arguments", "action", "name", "message", "value", "decisions", "description", "config"],
  ...["editedAction", "edited_action", "actionRequests", "action_requests", "reviewConfigs", "review_configs"],
  ...["actionName", "action_name", "allowedDecisions", "allowed_decisions", "argsSchema", "args_schema"],
  ...["action_request", "allow_accept", "allow_edit", "allow_ignore", "allow_respond", "amount", "to"],
  ...["holdpoint", "key", "title", "actions", "value_digest", "__proto__", "constructor"],
];
const leaf = fc.oneof(
  fc.constantFrom(...WORDS),
  fc.constantFrom(null, true, false, 0, -1, 1.5, 7, Number.MAX_SAFE_INTEGER),
  fc.string({ maxLength: 5 }),
);
const { wild } = fc.letrec((tie) => ({
  wild: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    leaf,
    fc.array(tie("wild"), { maxLength: 3 }),
    fc
      .array(fc.tuple(fc.constantFrom(...KEYS), tie("wild")), { maxLength: 5 })
      // A member of its own also where it is called `__proto__`.
      .map((members) => Object.fromEntries(members)),
  ),
}));

const name = fc.constantFrom("send_email", "pay");
const args = fc.dictionary(fc.constantFrom("amount", "to", "list", "deep", "__proto__"), leaf, { maxKeys: 4 });
const ALL_WORDS = ["approve", "edit", "reject", "respond", "perhaps"];
const words = fc.oneof({ weight: 2, arbitrary: fc.constant(ALL_WORDS) }, fc.subarray(ALL_WORDS));
const argsSchema = fc.constantFrom(
  undefined,
  { type: "object", properties: { amount: { type: "number" }, to: { type: ["string", "null"] } } },
  { type: "object", properties: { amount: { anyOf: [{ type: "integer" }, {}] } } },
  { $ref: "#/nowhere" },
);
const calls = fc.array(fc.record({ name, args }), { minLength: 1, maxLength: 3 });
const fitting = fc.oneof(
  fc.tuple(calls, words, argsSchema).map(([actions, allowed, schema]) => hitlValue(actions, allowed, schema)),
  fc.tuple(calls, words).map(([actions, allowed]) => hitlPyValue(actions, allowed)),
  fc
    .record({
      allow_accept: fc.boolean(),
      allow_edit: fc.boolean(),
      allow_ignore: fc.boolean(),
      allow_respond: fc.boolean(),
    })
    .chain((config) => args.map((given) => humanInterrupt(given, config))),
);
/** A value that fits but for one place. */
const broken = fc
  .tuple(fitting, fc.constantFrom(...KEYS), wild)
  .map(([value, key, member]) => graft(value, key, member));
const values = fc.oneof(
  { weight: 6, arbitrary: fitting },
  broken,
  wild,
  fitting.map((value) => JSON.stringify(value)),
  fc.array(fitting, { maxLength: 3 }),
);
const pauses = fc.oneof(
  { weight: 8, arbitrary: values.map((value) => opened(value)) },
  { weight: 1, arbitrary: values.map((value) => opened(value, { response_schema: { type: "object" } })) },
  { weight: 1, arbitrary: fc.constant(opened(null, { interrupt_id: null, asking: null })) },
);

function graft(value: unknown, key: string, member: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (at, kept) => (at === key ? member : kept));
}

/** An answer that mostly fits: to each action something, in one of the spellings. */
const answers = (review: ReviewRequest) => {
  const one = (action: ReviewRequest["actions"][number]) => {
    const edited = fc.record({ name: fc.constantFrom(action.name, action.name, "other"), args: fc.oneof(args, leaf) });
    return fc.oneof(
      {
        weight: 12,
        arbitrary: fc.constantFrom(...action.allowed).map((type) => ({ type, message: "so", args: "so" })),
      },
      fc.record({ type: fc.constantFrom(...WORDS), message: leaf }, { requiredKeys: ["type"] }),
      fc.record({ type: fc.constant("edit"), editedAction: edited }),
      fc.record({ type: fc.constant("edit"), edited_action: edited }),
      fc.record({ type: fc.constant("edit"), args: fc.record({ action: fc.constant(action.name), args }) }),
      fc.record({ type: fc.constantFrom("accept", "ignore", "response"), args: leaf }),
    );
  };
  const list = fc.tuple(...review.actions.map(one)) as fc.Arbitrary<unknown[]>;
  return fc.oneof(
    wild,
    list,
    { weight: 6, arbitrary: list.map((decisions) => ({ decisions })) },
    list.map(([first]) => first),
  );
};

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

test("whatever a graph asks is shown, with actions that can be answered and text that can be stored", () => {
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

test("whatever resume comes is refused at a place, or is what was offered", () => {
  const seen = new Map<string, number>();
  const cases = pauses.chain((review) => answers(review).map((resume) => ({ review, resume })));
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

test("whatever decisions come by our own API are refused at a place, or are what was offered", () => {
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
