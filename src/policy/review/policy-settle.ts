// What surrounds a question, out of the four that have a say: the defaults, the file's `defaults:`, what the graph says
// of its own question, and the file's rules in order. Of two rules the later counts. What the graph has said about who
// decides, what may be decided and what happens when nobody does, a rule can make stricter and nothing else: whoever
// wrote the graph relied on it.
import { HoldpointError } from "../../protocol/errors.ts";
import type { DecisionType, ReviewAction } from "../../protocol/interrupt.ts";
import { type ReviewPolicy, RISKS, type Risk, type StatedTerms } from "../../protocol/review-policy.ts";
import { commonPointers } from "../json-pointer.ts";
import { type Candidates, reducedLists } from "./candidates.ts";
import type { AskedQuestion } from "./open.ts";
import { actionsUnder, withAnswers } from "./policy-actions.ts";
import type { PolicyFile, PolicyRule, RuleTerms } from "./policy-file.ts";
import { ruleMatches } from "./policy-match.ts";
import { timeOutOf } from "./time-out.ts";

/** The policy of a question, as it is kept with its review. */
export function settlePolicy(question: AskedQuestion, file: PolicyFile, base: ReviewPolicy): ReviewPolicy {
  const terms = question.actions.map((action) => termsOf(action, question, file, base));
  const policy = strictest(terms, base);
  const actions = actionsUnder(policy, question.flavour, question.actions);
  const { on_timeout } = policy;
  if (on_timeout === "keep" || on_timeout === "fail") return policy;
  // What cannot be done is not promised: the review shows from the start that it will fail.
  const end = timeOutOf({ guarded: question.guarded, actions }, policy);
  const isUncommented = on_timeout === "approve" && policy.require_comment.includes("approve");
  return end.action === on_timeout && !isUncommented ? policy : { ...policy, on_timeout: "fail" };
}

/** What holds for one action. */
interface ActionTerms {
  policy: Omit<ReviewPolicy, "candidates" | "also_candidates" | "limits">;
  candidates: Candidates[];
  limit: NonNullable<ReviewPolicy["limits"]>[number] | null;
}

function termsOf(action: ReviewAction, question: AskedQuestion, file: PolicyFile, base: ReviewPolicy): ActionTerms {
  const stated = statedOf(action, question.stated);
  const matching = file.rules.filter(({ match }) => ruleMatches(match, { ...question, action }));
  const ruled: RuleTerms = Object.assign({}, ...matching.map(({ set }) => set));
  const said: ReviewPolicy = { ...base, ...policyTerms(file.defaults), ...stated };
  const last: ReviewPolicy = { ...said, ...policyTerms(ruled) };
  const everyRule = <Item>(of: (set: RuleTerms) => readonly Item[] | undefined) =>
    matching.flatMap(({ set }) => of(set) ?? []);
  return {
    policy: {
      ...withoutRights(last),
      risk: stricter(ruled.risk, stated.risk, riskier) ?? said.risk,
      due_after_seconds:
        stricter(ruled.due_after_seconds, stated.due_after_seconds, Math.min) ?? said.due_after_seconds,
      ends_after_seconds:
        stricter(ruled.ends_after_seconds, stated.ends_after_seconds, Math.min) ?? said.ends_after_seconds,
      on_timeout: stricter(ruled.on_timeout, stated.on_timeout, stricterEnd) ?? said.on_timeout,
      max_revisions: stricter(ruled.max_revisions, stated.max_revisions, Math.min) ?? said.max_revisions,
      // Never the graph's to say.
      allow_auto_approve: ruled.allow_auto_approve ?? file.defaults.allow_auto_approve ?? false,
      require_comment: distinct([...said.require_comment, ...everyRule((set) => set.require_comment)]),
      notify: {
        webhooks: distinct([...said.notify.webhooks, ...everyRule((set) => set.notify?.webhooks)]),
        mail: distinct([...said.notify.mail, ...everyRule((set) => set.notify?.mail)]),
      },
      answers: ruled.answers ?? null,
    },
    // The rule's list is the one that is shown and told; the graph's stays a condition beside it.
    candidates: reducedLists(
      ruled.candidates === undefined
        ? [said.candidates]
        : [ruled.candidates, ...(stated.candidates === undefined ? [] : [stated.candidates])],
    ),
    limit: limitOf(action, question, matching, ruled.answers ?? null),
  };
}

/** What the graph says, with the risk of the action itself. */
function statedOf(action: ReviewAction, stated: StatedTerms | null): StatedTerms {
  const risk = stricter(action.risk, stated?.risk, riskier);
  return { ...stated, ...(risk === undefined ? {} : { risk }) };
}

function limitOf(
  action: ReviewAction,
  { flavour, graph_id, node }: AskedQuestion,
  matching: readonly PolicyRule[],
  answers: ReviewPolicy["answers"],
): ActionTerms["limit"] {
  const narrowing = matching.filter(({ set }) => set.allowed !== undefined || set.editable_paths !== undefined);
  if (narrowing.length === 0) return null;
  let allowed: DecisionType[] = withAnswers(action, flavour, answers).allowed;
  let editable: string[] | null = null;
  for (const { set } of narrowing) {
    allowed = allowed.filter((type) => set.allowed?.includes(type) ?? true);
    const before: readonly string[] | undefined = editable ?? action.editable_paths;
    if (set.editable_paths !== undefined)
      editable = before === undefined ? set.editable_paths : commonPointers(before, set.editable_paths);
  }
  if (editable?.length === 0) allowed = allowed.filter((type) => type !== "edit");
  if (allowed.length > 0) return { action: action.index, allowed, editable_paths: editable };
  const rules = narrowing.map(({ name }) => name).join(" and ");
  throw new HoldpointError(
    "policy_invalid",
    `${rules} of the policy file leaves nothing that could be decided about "${action.name}" of node "${node}" in graph "${graph_id}"; the graph offers ${action.allowed.join(", ")}: allow one of these`,
  );
}

/**
 * One policy for a question with several actions, which are decided together: the strictest of each. The timetable is
 * one action's as a whole, that of the first to be due, because reminders and escalations belong to their own due time.
 */
function strictest(terms: readonly ActionTerms[], base: ReviewPolicy): ReviewPolicy {
  const byRisk = terms.toSorted((a, b) => riskOf(b.policy.risk) - riskOf(a.policy.risk));
  const [riskiest] = byRisk;
  if (riskiest === undefined) return base;
  const policies = byRisk.map(({ policy }) => policy);
  const timetable = policies.reduce((first, one) => (one.due_after_seconds < first.due_after_seconds ? one : first));
  const [candidates = { users: [], groups: [] }, ...also] = reducedLists(byRisk.flatMap((one) => one.candidates));
  const limits = terms.flatMap(({ limit }) => (limit === null ? [] : [limit]));
  const { due_after_seconds, reminders, escalations, ends_after_seconds } = timetable;
  return {
    ...riskiest.policy,
    due_after_seconds,
    reminders: reminders.filter((before) => before < due_after_seconds),
    escalations,
    ends_after_seconds,
    priority: Math.max(...policies.map(({ priority }) => priority)),
    candidates,
    ...(also.length === 0 ? {} : { also_candidates: also }),
    on_timeout: policies.map(({ on_timeout }) => on_timeout).reduce(stricterEnd),
    allow_auto_approve: policies.every(({ allow_auto_approve }) => allow_auto_approve),
    require_comment: distinct(policies.flatMap(({ require_comment }) => require_comment)),
    reject_options: distinctCodes(policies.flatMap(({ reject_options }) => reject_options)),
    notify: {
      webhooks: distinct(policies.flatMap(({ notify }) => notify.webhooks)),
      mail: distinct(policies.flatMap(({ notify }) => notify.mail)),
    },
    max_revisions: Math.min(...policies.map(({ max_revisions }) => max_revisions)),
    max_restarts: Math.min(...policies.map(({ max_restarts }) => max_restarts)),
    ...(limits.length === 0 ? {} : { limits }),
  };
}

function policyTerms({ allowed: _allowed, editable_paths: _paths, ...terms }: RuleTerms): Partial<ReviewPolicy> {
  return terms;
}

function withoutRights({ candidates: _candidates, also_candidates: _also, limits: _limits, ...policy }: ReviewPolicy) {
  return policy;
}

/** Of what a rule and the graph say the stricter; what only one of them says; undefined where neither does. */
function stricter<Value>(
  ruled: Value | undefined,
  stated: Value | undefined,
  choose: (ruled: NonNullable<Value>, stated: NonNullable<Value>) => Value,
): Value | undefined {
  if (ruled == null || stated == null) return ruled ?? stated;
  return choose(ruled, stated);
}

const riskOf = (risk: Risk | null) => (risk === null ? -1 : RISKS.indexOf(risk));
const riskier = (one: Risk, other: Risk): Risk => (riskOf(one) >= riskOf(other) ? one : other);

// From the one that does most by itself to the one that does least.
const ENDS = ["approve", "keep", "reject", "fail"] as const satisfies readonly ReviewPolicy["on_timeout"][];
const stricterEnd = (one: ReviewPolicy["on_timeout"], other: ReviewPolicy["on_timeout"]) =>
  ENDS.indexOf(one) >= ENDS.indexOf(other) ? one : other;

function distinct<Item>(items: readonly Item[]): Item[] {
  return [...new Set(items)];
}

function distinctCodes(options: ReviewPolicy["reject_options"]): ReviewPolicy["reject_options"] {
  return options.filter(({ code }, index) => options.findIndex((one) => one.code === code) === index);
}
