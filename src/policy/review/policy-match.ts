import { isDeepStrictEqual } from "node:util";
import type { ReviewAction } from "../../protocol/interrupt.ts";
import type { Json } from "../../protocol/json.ts";
import { matchesGlob } from "../glob.ts";
import { valueAt } from "../json-pointer.ts";
import type { Condition, RuleMatch } from "./policy-schema.ts";

/** What a rule is held against: one action of a question. */
export interface Matched {
  graph_id: string;
  node: string;
  flavour: string;
  action: Pick<ReviewAction, "name" | "args">;
}

/** True when all that the rule names holds. */
export function ruleMatches(match: RuleMatch, { graph_id, node, flavour, action }: Matched): boolean {
  return (
    named(match.graph, graph_id) &&
    named(match.node, node) &&
    named(match.tool, action.name) &&
    (match.flavour === undefined || match.flavour.some((one) => one === flavour)) &&
    (match.arguments ?? []).every((condition) => holds(condition, action.args))
  );
}

function named(globs: readonly string[] | undefined, name: string): boolean {
  return globs === undefined || globs.some((glob) => matchesGlob(glob, name));
}

function holds(condition: Condition, args: Json): boolean {
  const value = valueAt(args, condition.at);
  if (condition.exists !== undefined && condition.exists !== (value !== undefined)) return false;
  if (value === undefined) return condition.exists === false;
  const number = numberOf(value);
  return (
    (condition.equals === undefined || isDeepStrictEqual(value, condition.equals)) &&
    (condition.in === undefined || condition.in.some((one) => isDeepStrictEqual(value, one))) &&
    (condition.above === undefined || (number !== undefined && number > condition.above)) &&
    (condition.below === undefined || (number !== undefined && number < condition.below)) &&
    (condition.matches === undefined || (typeof value === "string" && named(condition.matches, value)))
  );
}

const NUMBER = /^-?\d{1,30}(\.\d{1,30})?([eE][+-]?\d{1,3})?$/;

// Models write amounts as text as often as not; a limit must not be passed by a pair of quotes.
function numberOf(value: Json): number | undefined {
  if (typeof value === "number") return value;
  return typeof value === "string" && NUMBER.test(value.trim()) ? Number(value) : undefined;
}
