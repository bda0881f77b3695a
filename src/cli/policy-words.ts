import type { PolicyRule, RuleTerms } from "../policy/review/policy-file.ts";
import { spanText } from "../policy/span.ts";

type Match = PolicyRule["match"];
type Condition = NonNullable<Match["arguments"]>[number];
type Candidates = NonNullable<RuleTerms["candidates"]>;

/** What a rule is about, in plain words; all of it must hold. */
export function whenWords({ graph, node, tool, flavour, arguments: conditions }: Match): string[] {
  const named = (what: string, names: readonly string[] | undefined) =>
    names === undefined ? [] : [`${what} ${names.join(" or ")}`];
  return [
    ...named("graph", graph),
    ...named("node", node),
    ...named("tool", tool),
    ...named("asked as", flavour),
    ...(conditions ?? []).map(conditionWords),
  ];
}

function conditionWords(condition: Condition): string {
  const said = [
    ...(condition.exists === undefined ? [] : [condition.exists ? "is there" : "is not there"]),
    ...(condition.equals === undefined ? [] : [`is ${JSON.stringify(condition.equals)}`]),
    ...(condition.in === undefined ? [] : [`is ${condition.in.map((one) => JSON.stringify(one)).join(" or ")}`]),
    ...(condition.above === undefined ? [] : [`is above ${condition.above}`]),
    ...(condition.below === undefined ? [] : [`is below ${condition.below}`]),
    ...(condition.matches === undefined ? [] : [`looks like ${condition.matches.join(" or ")}`]),
  ];
  return `${condition.at === "" ? "what is asked" : condition.at} ${said.join(" and ")}`;
}

const ENDS: Record<NonNullable<RuleTerms["on_timeout"]>, string> = {
  approve: "is approved when nobody decides",
  reject: "is rejected when nobody decides",
  fail: "fails when nobody decides",
  keep: "stays open when nobody decides",
};

/** What holds where a rule matches, in plain words. */
export function thenWords(set: RuleTerms): string[] {
  const said = <Value>(value: Value | undefined, say: (value: Value) => string | string[]): string[] =>
    value === undefined ? [] : [say(value)].flat();
  return [
    ...said(set.risk, (risk) => `risk ${risk}`),
    ...said(set.priority, (priority) => `priority ${priority}`),
    ...said(set.candidates, (candidates) => `asks ${peopleWords(candidates)}`),
    ...said(set.allowed, (allowed) => `offers at most ${allowed.join(", ")}`),
    ...said(set.editable_paths, (paths) => (paths.length === 0 ? "no edits" : `edits of ${paths.join(", ")} only`)),
    ...said(set.answers, (answers) =>
      Object.entries(answers).map(([type, value]) => `${type} means ${JSON.stringify(value)}`),
    ),
    ...said(set.require_comment, (types) => (types.length === 0 ? [] : `wants a comment to ${types.join(", ")}`)),
    ...said(set.reject_options, (all) => `reasons to reject: ${all.map(({ code }) => code).join(", ") || "none"}`),
    ...timeWords(set),
    ...said(set.notify?.mail, (mail) => (mail.length === 0 ? [] : `mails ${mail.join(", ")}`)),
    ...said(set.notify?.webhooks, (urls) => (urls.length === 0 ? [] : `tells ${urls.join(", ")}`)),
    ...said(set.max_revisions, (most) => `is sent back ${most} times at most`),
    ...said(set.max_restarts, (most) => `is asked again ${most} times at most`),
  ];
}

function timeWords(set: RuleTerms): string[] {
  const { due_after_seconds, reminders, escalations, ends_after_seconds, on_timeout, allow_auto_approve } = set;
  return [
    ...(due_after_seconds === undefined ? [] : [`due after ${spanText(due_after_seconds)}`]),
    ...(reminders ?? []).map((before) => `reminds ${spanText(before)} before`),
    ...(reminders?.length === 0 ? ["reminds nobody"] : []),
    ...(escalations ?? []).map(
      ({ after_seconds, to }) =>
        `${after_seconds === 0 ? "once it is due" : `${spanText(after_seconds)} after that`} also asks ${peopleWords(to)}`,
    ),
    ...(escalations?.length === 0 ? ["never asks anybody else"] : []),
    ...(ends_after_seconds === undefined ? [] : [`ends ${spanText(ends_after_seconds)} later`]),
    ...(on_timeout === undefined ? [] : [ENDS[on_timeout]]),
    ...(allow_auto_approve === undefined
      ? []
      : [`approval without a person ${allow_auto_approve ? "" : "not "}allowed`]),
  ];
}

function peopleWords({ users, groups }: Candidates): string {
  const names = [...users, ...groups.map((group) => `group ${group}`)];
  return names.length === 0 ? "those who administer reviews" : names.join(", ");
}
