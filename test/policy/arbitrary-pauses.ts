import type { ReviewAction } from "../../src/protocol/interrupt.ts";
import { fc } from "../support/properties.ts";
import { hitlPyValue, hitlValue, humanInterrupt, opened } from "./pause.ts";

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
/** A scalar, often one of the words. */
export const leaf = fc.oneof(
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
/** Arguments of a tool. */
export const args = fc.dictionary(fc.constantFrom("amount", "to", "list", "deep", "__proto__"), leaf, { maxKeys: 4 });
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
/** What graphs ask: in one of the forms, nearly so, or anything. */
export const values = fc.oneof(
  { weight: 6, arbitrary: fitting },
  broken,
  wild,
  fitting.map((value) => JSON.stringify(value)),
  fc.array(fitting, { maxLength: 3 }),
);
/** Pauses of every flavour but `review`. */
export const pauses = fc.oneof(
  { weight: 8, arbitrary: values.map((value) => opened(value)) },
  { weight: 1, arbitrary: values.map((value) => opened(value, { response_schema: { type: "object" } })) },
  { weight: 1, arbitrary: fc.constant(opened(null, { interrupt_id: null, asking: null })) },
);

function graft(value: unknown, key: string, member: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (at, kept) => (at === key ? member : kept));
}

/** An answer that mostly fits: to each action something, in one of the spellings. */
export const answersTo = ({ actions }: { actions: readonly ReviewAction[] }): fc.Arbitrary<unknown> => {
  const one = (action: ReviewAction) => {
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
  const list = fc.tuple(...actions.map(one)) as fc.Arbitrary<unknown[]>;
  return fc.oneof(
    wild,
    list,
    { weight: 6, arbitrary: list.map((decisions) => ({ decisions })) },
    list.map(([first]) => first),
  );
};
