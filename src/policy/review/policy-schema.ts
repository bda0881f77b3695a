import { z } from "zod";
import { DECISION_TYPES } from "../../protocol/decision-type.ts";
import { jsonSchema } from "../../protocol/json.ts";
import { reviewPolicySchema } from "../../protocol/review-policy.ts";
import { JSON_POINTER } from "../json-pointer.ts";
import { TERMS } from "./policy-terms.ts";

const MOST_RULES = 500;
const glob = z.string('expected a name, in which "*" stands for any characters').min(1).max(200);
/** One thing or a list of them. */
const several = <Item extends z.ZodType>(item: Item) =>
  z.preprocess((value) => (Array.isArray(value) ? value : [value]), z.array(item).min(1).max(50));
const pointer = z.string().max(500).regex(JSON_POINTER, 'must be a JSON pointer such as "/amount"');

const FLAVOURS = ["review", "hitl", "hitl_py", "agent_inbox", "schema", "raw", "breakpoint"] as const;
const OPERATORS = ["equals", "in", "above", "below", "matches", "exists"] as const;

const conditionSchema = z
  .strictObject({
    at: pointer,
    equals: jsonSchema.optional(),
    in: z.array(jsonSchema).min(1).max(100).optional(),
    above: z.number().optional(),
    below: z.number().optional(),
    matches: several(glob).optional(),
    exists: z.boolean().optional(),
  })
  .refine(
    (condition) => OPERATORS.some((name) => condition[name] !== undefined),
    `says nothing of what is there; add one of ${OPERATORS.join(", ")}`,
  );

const matchSchema = z
  .strictObject({
    graph: several(glob).optional(),
    node: several(glob).optional(),
    tool: several(glob).optional(),
    flavour: several(z.enum(FLAVOURS)).optional(),
    arguments: z.array(conditionSchema).min(1).max(20).optional(),
  })
  .refine(isNotEmpty, 'matches everything; say what it is about, or use graph: "*"');

const answer = jsonSchema.optional();
const everywhere = z.strictObject({
  ...TERMS,
  max_restarts: reviewPolicySchema.shape.max_restarts.optional(),
  allow_auto_approve: z.boolean().optional(),
});
const setSchema = everywhere
  .extend({
    allowed: z.array(z.enum(DECISION_TYPES)).min(1).optional(),
    editable_paths: z.array(pointer).max(100).optional(),
    answers: z.strictObject({ approve: answer, reject: answer }).refine(isNotEmpty, "says no answer").optional(),
  })
  .refine(isNotEmpty, "sets nothing");

const ruleSchema = z.strictObject({ name: z.string().min(1).max(100).optional(), match: matchSchema, set: setSchema });

const FILE_SHAPE = {
  defaults: everywhere.optional(),
  rules: z.array(ruleSchema).max(MOST_RULES).optional(),
};

/** The whole of `policy.yaml`; an empty file says nothing. */
export const policyFileSchema = z.strictObject(FILE_SHAPE).superRefine(refuseNonsense);

/** What an argument must be for a rule to match; all that is said of it must hold. */
export type Condition = z.output<typeof conditionSchema>;

/** What a rule is about; all that is said must hold. */
export type RuleMatch = z.output<typeof matchSchema>;

/** What holds where a rule matches, as it is written. */
export type WrittenTerms = z.output<typeof setSchema>;

function isNotEmpty(value: object): boolean {
  return Object.values(value).some((one) => one !== undefined);
}

/** What no single field can show to be wrong. */
function refuseNonsense(file: z.output<z.ZodObject<typeof FILE_SHAPE>>, context: z.RefinementCtx): void {
  const names = new Set<string>();
  const refuse = (path: (string | number)[], message: string) => context.addIssue({ code: "custom", path, message });
  const all: [(string | number)[], WrittenTerms][] = [];
  if (file.defaults !== undefined) all.push([["defaults"], file.defaults]);
  for (const [index, { name, match, set }] of (file.rules ?? []).entries()) {
    all.push([["rules", index, "set"], set]);
    if (name !== undefined && names.has(name)) refuse(["rules", index, "name"], `"${name}" is the name of two rules`);
    if (name !== undefined) names.add(name);
    const plain = match.flavour === undefined || match.flavour.some((one) => one === "raw" || one === "schema");
    if (set.answers !== undefined && !plain)
      refuse(["rules", index, "set", "answers"], "are for a plain interrupt() only: flavour raw or schema");
  }
  for (const [path, set] of all) {
    const allowed = set.allow_auto_approve ?? file.defaults?.allow_auto_approve ?? false;
    if (set.on_timeout === "approve" && !allowed)
      refuse([...path, "on_timeout"], "approve needs allow_auto_approve: true beside it, or in defaults");
    const early = set.due === undefined ? -1 : (set.reminders ?? []).findIndex((before) => before >= set.due!);
    if (early >= 0) refuse([...path, "reminders", early], "would come before the review is opened: it is due sooner");
  }
}
