import { isGraphBubbleUp } from "@langchain/langgraph";
import { scoreOf } from "../../policy/severity.ts";
import { type Finding, SEVERITIES, type Severity } from "../../protocol/finding.ts";
import { withoutSecrets } from "../../telemetry/log-error.ts";
import type { NamesOf } from "../known-options.ts";
import { runSignal } from "../ports.ts";
import { withinTime } from "../time-limit.ts";

/** What a rule says of one thing that it has found; what it leaves out is the rule's own. */
export interface Found {
  text?: string;
  severity?: Severity;
  /** From 0 to 1. */
  score?: number;
  /** Where: a JSON pointer. */
  path?: string;
}

/** What a rule says: true where all is well, false where not, or what is wrong. Nothing at all is no answer. */
export type RuleAnswer = boolean | string | Found | readonly Found[];

/** A named check. */
export interface Rule<Value> {
  /** Names its findings: lower case letters, digits, underscore. */
  name: string;
  /** What is wrong where it finds something: one sentence for a person. */
  text: string;
  /** How much that matters; medium unless given. */
  severity?: Severity;
  /** From 0 to 1; by the severity unless given. */
  score?: number;
  /** 5 seconds unless given. A rule that takes longer has failed, and has not passed. */
  timeout_ms?: number;
  check(value: Value, call: { signal: AbortSignal }): RuleAnswer | Promise<RuleAnswer>;
}

/** What a rule may say. */
export const RULE_KEYS = {
  name: true,
  text: true,
  severity: true,
  score: true,
  timeout_ms: true,
  check: true,
} satisfies NamesOf<Rule<never>>;

const RULE_TIMEOUT_MS = 5_000;
const LONGEST_TEXT = 1_000;

/** What a rule finds. One that throws, takes too long or answers with nothing has found that it failed. */
export async function applyRule<Value>(rule: Rule<Value>, value: Value): Promise<Finding[]> {
  try {
    const body = (signal: AbortSignal) => rule.check(value, { signal });
    return found(rule, await withinTime(rule.timeout_ms ?? RULE_TIMEOUT_MS, runSignal(), body));
  } catch (error) {
    runSignal()?.throwIfAborted();
    if (isGraphBubbleUp(error)) throw error;
    return [ruleFailed(rule, error instanceof Error ? error.message : `it threw ${typeof error}`)];
  }
}

/** What stands for a rule of which nobody knows what it would have found: it weighs as much as if it had found it. */
export function ruleFailed(rule: Pick<Rule<never>, "name" | "severity" | "score">, why: string): Finding {
  const severity = rule.severity ?? "medium";
  const text = `the rule failed: ${withoutSecrets(why.slice(0, LONGEST_TEXT))}`;
  return { code: rule.name, severity, score: rule.score ?? scoreOf(severity), text };
}

function found<Value>(rule: Rule<Value>, answer: RuleAnswer): Finding[] {
  if (answer === true) return [];
  if (answer === false) return [finding(rule, {})];
  if (typeof answer === "string") return [finding(rule, { text: answer })];
  // Types are not checked where workflows run: what is none of its answers is no pass.
  if (typeof answer !== "object" || answer === null)
    return [ruleFailed(rule, `it answered ${String(answer)}; give true, false, a text or what was found`)];
  const all: readonly Found[] = Array.isArray(answer) ? answer : [answer];
  return all.map((one) => finding(rule, one));
}

function finding<Value>(rule: Rule<Value>, { text, severity, score, path }: Found): Finding {
  const weight = severity ?? rule.severity ?? "medium";
  const given = score ?? (severity === undefined ? rule.score : undefined);
  if (!SEVERITIES.includes(weight)) return ruleFailed(rule, `it weighs its finding "${String(weight)}"`);
  if (given !== undefined && !(given >= 0 && given <= 1)) return ruleFailed(rule, `it scores its finding ${given}`);
  return {
    code: rule.name,
    severity: weight,
    score: given ?? scoreOf(weight),
    text: (text ?? rule.text).slice(0, LONGEST_TEXT),
    ...(path === undefined ? {} : { path }),
  };
}
