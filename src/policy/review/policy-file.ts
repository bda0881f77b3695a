import type { z } from "zod";
import type { DecisionType } from "../../protocol/interrupt.ts";
import type { ReviewPolicy, StatedTerms } from "../../protocol/review-policy.ts";
import { policyFileSchema, type RuleMatch, type WrittenTerms } from "./policy-schema.ts";
import { statedTerms } from "./policy-terms.ts";
import { type FileFault, type ReadYaml, readYaml } from "./policy-yaml.ts";

/** What the policy file can say: all a graph can, and what no graph may say of itself. */
export interface RuleTerms extends StatedTerms {
  max_restarts?: number;
  allow_auto_approve?: boolean;
  allowed?: DecisionType[];
  editable_paths?: string[];
  answers?: NonNullable<ReviewPolicy["answers"]>;
}

/** What holds for the questions that it matches. */
export interface PolicyRule {
  /** As it is called in messages. */
  name: string;
  match: RuleMatch;
  set: RuleTerms;
}

/** The operator's word on reviews. */
export interface PolicyFile {
  /** For what neither the graph nor a rule says. */
  defaults: RuleTerms;
  /** In order: of two that set the same, the later one counts. */
  rules: readonly PolicyRule[];
}

/** No file, no rules. */
export const NO_POLICY: PolicyFile = { defaults: {}, rules: [] };

/** Reads the text of a policy file, or says line by line what is wrong with it. */
export function parsePolicyFile(text: string): { ok: true; value: PolicyFile } | { ok: false; faults: FileFault[] } {
  const yaml = readYaml(text);
  if (!yaml.ok) return yaml;
  const parsed = policyFileSchema.safeParse(yaml.value.value ?? {});
  if (!parsed.success) {
    const faults = parsed.error.issues.flatMap((issue) => faultsOf(issue, yaml.value));
    return { ok: false, faults: faults.toSorted((a, b) => a.line - b.line || a.column - b.column) };
  }
  const { defaults = {}, rules = [] } = parsed.data;
  return {
    ok: true,
    value: {
      defaults: ruleTerms(defaults),
      rules: rules.map(({ name, match, set }, index) => ({
        name: name === undefined ? `rule ${index + 1}` : `rule ${index + 1} (${name})`,
        match,
        set: ruleTerms(set),
      })),
    },
  };
}

/** A fault as editors and terminals read it. */
export function formatFault(path: string, { line, column, message }: FileFault): string {
  return `${path}:${line}:${column}: ${message}`;
}

function ruleTerms(written: WrittenTerms): RuleTerms {
  const { max_restarts, allow_auto_approve, allowed, editable_paths, answers, ...rest } = written;
  const own = { max_restarts, allow_auto_approve, allowed, editable_paths, answers };
  return {
    ...statedTerms(rest),
    ...Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined)),
  };
}

function faultsOf(issue: z.core.$ZodIssue, yaml: ReadYaml): FileFault[] {
  const where = nameOf(issue.path);
  if (issue.code !== "unrecognized_keys")
    return [{ ...yaml.place(issue.path), message: `${where === "" ? "" : `${where}: `}${issue.message}` }];
  return issue.keys.map((key) => ({
    ...yaml.keyPlace([...issue.path, key]),
    message: `${where === "" ? "" : `${where}: `}there is no setting ${JSON.stringify(key.slice(0, 60))}`,
  }));
}

/** rules[2].set.due */
function nameOf(path: readonly PropertyKey[]): string {
  return path
    .map((step) => (typeof step === "number" ? `[${step}]` : `.${String(step)}`))
    .join("")
    .replace(/^\./, "");
}
