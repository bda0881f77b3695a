import { Command } from "@langchain/langgraph";
import type { z } from "zod";
import { type Combination, reachedThreshold, scoreOf, type Threshold, totalScore } from "../../policy/severity.ts";
import { HoldpointError } from "../../protocol/errors.ts";
import { type Finding, findingSchema, SEVERITIES, type Severity } from "../../protocol/finding.ts";
import type { TrailEntry } from "../../protocol/trail.ts";
import { type NamesOf, refuseUnknown } from "../known-options.ts";
import { type ChoosingNode, choosing, currentNode, type NodeFunction, writing } from "../node.ts";
import { pointerOf } from "../tool/tool-json.ts";
import { applyRule, RULE_KEYS, type Rule, ruleFailed } from "./rule.ts";

// Where no schema is given, its type is the widest there is.
type Checked<Schema extends z.ZodType, Value> = [z.ZodType] extends [Schema] ? Value : z.output<Schema>;

/** What is checked, by what, and where the findings go. */
export interface ValidationOptions<State, Schema extends z.ZodType = z.ZodType, Value = unknown> {
  /** What is checked. */
  value: (state: State) => Value;
  schema?: Schema;
  /** How much it matters that the value does not fit its schema; high unless given. */
  schema_severity?: Severity;
  /** They are given what the schema gives, or without one the value itself. */
  rules?: readonly Rule<NoInfer<Checked<Schema, Value>>>[];
  /** How scores become one; the highest counts unless given. */
  combine?: Combination;
  /** The key of the state that gets the findings. */
  into: keyof State & string;
  /** The key that gets the total score, from 0 to 1. */
  score_into?: keyof State & string;
}

/** Where the findings lead: the first threshold that is reached, in their order. */
export interface ValidationRoutes<Exit extends string> {
  thresholds: readonly Threshold<Exit>[];
  otherwise: Exit;
}

type Update = Record<string, unknown>;

const KEYS = {
  value: true,
  schema: true,
  schema_severity: true,
  rules: true,
  combine: true,
  into: true,
  score_into: true,
  thresholds: true,
  otherwise: true,
} satisfies NamesOf<ValidationOptions<never> & ValidationRoutes<never>>;
const THRESHOLD_KEYS = { severity: true, score: true, to: true } satisfies NamesOf<Threshold>;

/** A node that checks something and says what it has found; with thresholds it chooses what comes next by that. */
export function validation<State, const Exit extends string, Schema extends z.ZodType = z.ZodType, Value = unknown>(
  options: ValidationOptions<State, Schema, Value> & ValidationRoutes<Exit>,
): ChoosingNode<State, Update, Exit>;
export function validation<State, Schema extends z.ZodType = z.ZodType, Value = unknown>(
  options: ValidationOptions<State, Schema, Value>,
): NodeFunction<State, Update>;
export function validation<State>(
  options: ValidationOptions<State> & Partial<ValidationRoutes<string>>,
): ChoosingNode<State, Update, string> | NodeFunction<State, Update> {
  checkOptions(options);
  const { into, score_into, combine, thresholds, otherwise } = options;
  const look = async (state: State) => {
    const findings = await findingsOf(options, options.value(state));
    const score = totalScore(findings, combine);
    if (Number.isNaN(score)) throw invalid(into, "combines its scores to no number from 0 to 1");
    const update: Update = { [into]: findings, ...(score_into === undefined ? {} : { [score_into]: score }) };
    return { findings, score, update };
  };
  const keys = { into, ...(score_into === undefined ? {} : { score_into }) };
  if (thresholds === undefined || otherwise === undefined)
    return writing(async (state: State) => (await look(state)).update, keys);
  const exits = [...new Set([...thresholds.map(({ to }) => to), otherwise])];
  const choose = choosing(exits, async (state: State) => {
    const { findings, score, update } = await look(state);
    const reached = reachedThreshold(findings, score, thresholds);
    const to = reached?.to ?? otherwise;
    const reason = reached?.reason ?? `${findings.length} findings reach no threshold`;
    const entry: TrailEntry = { kind: "route", node: currentNode(), to, by: "thresholds", reason, score };
    return new Command({ goto: to, update: { ...update, trail: [entry] } });
  });
  return writing(choose, keys);
}

const MOST_ISSUES = 50;

/** What is wrong with a value. Rules of a value that does not fit its schema are not applied, and have not passed. */
async function findingsOf<State>(options: ValidationOptions<State>, value: unknown): Promise<Finding[]> {
  const { schema, schema_severity = "high", rules = [] } = options;
  let fits: unknown = value;
  const unfit: Finding[] = [];
  if (schema !== undefined) {
    const check = { name: "schema", text: "", severity: schema_severity, check: checkSchema };
    unfit.push(...(await applyRule<unknown>(check, value)));
  }
  async function checkSchema() {
    const parsed = await (schema as z.ZodType).safeParseAsync(value);
    if (parsed.success) {
      fits = parsed.data;
      return [];
    }
    return parsed.error.issues.slice(0, MOST_ISSUES).map(({ path, message }) => {
      const place = pointerOf(path);
      return { text: place === "" ? message : `${place}: ${message}`, path: place, score: scoreOf(schema_severity) };
    });
  }
  if (unfit.length > 0)
    return [...unfit, ...rules.map((rule) => ruleFailed(rule, "the value does not fit its schema"))];
  return (await Promise.all(rules.map((rule) => applyRule(rule, fits)))).flat();
}

function checkOptions(options: ValidationOptions<never> & Partial<ValidationRoutes<string>>): void {
  refuseUnknown("validation", options, KEYS);
  const { into, schema, rules = [], thresholds, otherwise } = options;
  for (const rule of rules) refuseUnknown(`the rule "${rule.name}" of validation`, rule, RULE_KEYS);
  for (const threshold of thresholds ?? []) refuseUnknown("a threshold of validation", threshold, THRESHOLD_KEYS);
  if (schema === undefined && rules.length === 0) throw invalid(into, "checks nothing; give it a schema or rules");
  const names = rules.map(({ name }) => name);
  const wrong = names.find((name) => !findingSchema.shape.code.safeParse(name).success);
  if (wrong !== undefined)
    throw invalid(into, `has a rule "${wrong}"; name it by lower case letters, digits and underscores`);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw invalid(into, `has two rules "${twice}"`);
  if ((thresholds === undefined) !== (otherwise === undefined))
    throw invalid(into, "needs both or neither of thresholds and otherwise");
  for (const threshold of thresholds ?? []) checkThreshold(into, threshold);
}

function checkThreshold(into: string, { severity, score, to }: Threshold): void {
  if (severity === undefined && score === undefined)
    throw invalid(into, `goes to "${to}" whatever is found; give that threshold a severity or a score`);
  if (severity !== undefined && !SEVERITIES.includes(severity))
    throw invalid(into, `has a threshold of the severity "${severity}"; give one of ${SEVERITIES.join(", ")}`);
  if (score !== undefined && !(score >= 0 && score <= 1))
    throw invalid(into, `has a threshold of the score ${score}; give a number from 0 to 1`);
}

const invalid = (into: string, what: string) => new HoldpointError("invalid", `the validation of "${into}" ${what}`);
