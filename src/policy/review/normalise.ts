import type { CanonicalDecision, Decision } from "../../protocol/decision.ts";
import type { Checked, Fault } from "../../protocol/fault.ts";
import type { Flavour, ReviewAction } from "../../protocol/interrupt.ts";
import { isWellFormedJson, type Json } from "../../protocol/json.ts";
import type { ReviewOutcome } from "../../protocol/review.ts";
import { changedPaths } from "./diff.ts";
import type { AnsweredQuestion, DecisionPlace, SentDecisions } from "./flavours/form.ts";
import { FLAVOURS } from "./flavours/table.ts";
import { validateAgainst } from "./json-schema.ts";

/** Gives every decision its action's index and one order, so that equal answers are equal bytes. */
export function canonicalDecisions(decisions: readonly Decision[], actionCount: number): Checked<CanonicalDecision[]> {
  const faults: Fault[] = [];
  const seen = new Set<number>();
  const canonical = decisions.map((decision, position): CanonicalDecision => {
    const pointer = `/decisions/${position}/action`;
    const action = decision.action ?? (actionCount === 1 ? 0 : -1);
    if (action === -1)
      faults.push({
        pointer,
        message: `say which of the ${actionCount} actions this decides (0 to ${actionCount - 1})`,
      });
    else if (action >= actionCount)
      faults.push({ pointer, message: `there is no action ${action}; the review has ${actionCount}` });
    else if (seen.has(action)) faults.push({ pointer, message: `action ${action} is decided twice` });
    seen.add(action);
    return { ...decision, action };
  });
  for (let action = 0; action < actionCount; action += 1) {
    if (faults.length === 0 && !seen.has(action))
      faults.push({ pointer: "/decisions", message: `action ${action} is not decided` });
  }
  if (faults.length > 0) return { ok: false, faults };
  return { ok: true, value: canonical.toSorted((a, b) => a.action - b.action) };
}

/** Checks each decision against what its action allows: the type, the name, the edited arguments' schema, the editable paths. */
export function checkDecisions(decisions: readonly CanonicalDecision[], actions: readonly ReviewAction[]): Fault[] {
  return decisions.flatMap((decision, position) => {
    const action = actions[decision.action];
    if (action === undefined)
      return [{ pointer: `/decisions/${position}/action`, message: `there is no action ${decision.action}` }];
    return checkDecision(decision, action, `/decisions/${position}`);
  });
}

function checkDecision(decision: CanonicalDecision, action: ReviewAction, pointer: string): Fault[] {
  if (!action.allowed.includes(decision.type)) {
    return [
      {
        pointer: `${pointer}/type`,
        message: `"${decision.type}" is not offered here; allowed: ${action.allowed.join(", ")}`,
      },
    ];
  }
  if (decision.type === "edit") return checkEdit(decision, action, pointer);
  // Where a response is the only answer, the schema is the response's; beside approve or edit it is the arguments'.
  if (decision.type === "respond") {
    const isOnly = action.allowed.every((type) => type === "respond");
    const schema = action.response_schema ?? (isOnly ? action.args_schema : undefined);
    return validateAgainst(schema, decision.value ?? decision.message, `${pointer}/value`);
  }
  return [];
}

function checkEdit(decision: CanonicalDecision & { type: "edit" }, action: ReviewAction, pointer: string): Fault[] {
  // Another tool would be one that nobody was asked about, and perhaps one that is never asked about.
  if (decision.name !== undefined && decision.name !== action.name) {
    const message = `may not be changed: this is about "${action.name}"; reject it, and say what to call instead`;
    return [{ pointer: `${pointer}/name`, message }];
  }
  const bySchema = validateAgainst(action.args_schema, decision.args, `${pointer}/args`);
  if (bySchema.length > 0 || action.editable_paths === undefined) return bySchema;
  const editable = action.editable_paths;
  return changedPaths(action.args as Json, decision.args)
    .filter((path) => !editable.some((allowed) => path === allowed || path.startsWith(`${allowed}/`)))
    .map((path) => ({
      pointer: `${pointer}/args${path}`,
      message: `may not be changed; editable: ${editable.join(", ")}`,
    }));
}

/** A checked answer: canonical decisions, or what is wrong with it, by pointers into what was sent. */
export type CheckedAnswer =
  | { ok: true; value: CanonicalDecision[] }
  /** `choices`: the decisions are right one by one and do not go together; each choice is a set of words that do. */
  | { ok: false; faults: Fault[]; choices?: string[][] };

/** Checks an answer against its review: everything that has to hold before it may reach the graph. */
export function checkAnswer(
  review: { flavour: Flavour; actions: readonly ReviewAction[] },
  sent: SentDecisions,
): CheckedAnswer {
  if (!sent.ok) return sent;
  const refused = (faults: readonly Fault[], choices?: string[][]): CheckedAnswer => ({
    ok: false,
    faults: faults.map(({ pointer, message }) => ({ pointer: whereSent(pointer, sent), message })),
    ...(choices === undefined ? {} : { choices }),
  });
  if (!isWellFormedJson(sent.value)) {
    return refused([{ pointer: "/decisions", message: "must not contain lone surrogates (halves of UTF-16 pairs)" }]);
  }
  const canonical = canonicalDecisions(sent.value, review.actions.length);
  if (!canonical.ok) return refused(canonical.faults);
  // In the order they were sent, which is what pointers point into.
  const asSent = sent.value.map((decision): CanonicalDecision => ({ ...decision, action: decision.action ?? 0 }));
  const form = FLAVOURS[review.flavour];
  const offered = checkDecisions(asSent, review.actions);
  const faults = offered.length > 0 ? offered : form.faultsOf(asSent);
  if (faults.length > 0) return refused(faults);
  const mixed = form.mixed(asSent, review.actions);
  if (mixed !== null) return refused(mixed.faults, mixed.choices);
  return { ok: true, value: canonical.value.map(withoutName) };
}

/** The name is the action's, said or not: two answers that differ in nothing else are the same. */
function withoutName(decision: CanonicalDecision): CanonicalDecision {
  if (decision.type !== "edit") return decision;
  const { name: _same, ...edit } = decision;
  return edit;
}

/** A pointer into our own form, as one into what was sent. */
function whereSent(pointer: string, { places }: SentDecisions & { ok: true }): string {
  if (places === undefined) return pointer;
  const [, position, part, rest] =
    /^\/decisions(?:\/(\d+)(?:\/(args|name|message|value)(.*))?.*)?$/s.exec(pointer) ?? [];
  const place = position === undefined ? undefined : places.each[Number(position)];
  if (place === undefined) return places.all;
  if (part !== undefined) return `${place[part as keyof DecisionPlace]}${rest}`;
  return `${place.self}${pointer.slice(`/decisions/${position}`.length)}`;
}

/** Reads the value of a LangGraph `command.resume`, sent at the pointer `at`, as decisions on a review. */
export function decisionsFromResume(
  review: { flavour: Flavour; actions: readonly ReviewAction[] },
  resume: unknown,
  at = "/command/resume",
): SentDecisions {
  return FLAVOURS[review.flavour].fromResume(resume, review.actions, at);
}

/** What the graph receives from `interrupt()`; undefined for a breakpoint, which takes no answer. */
export function answerForGraph(
  review: AnsweredQuestion & { flavour: Flavour },
  decisions: readonly CanonicalDecision[],
): Json | undefined {
  return FLAVOURS[review.flavour].toGraph(review, decisions);
}

/** The word for what was decided. */
export function outcomeOf(decisions: readonly CanonicalDecision[]): ReviewOutcome {
  const words = { approve: "approved", edit: "edited", reject: "rejected", respond: "responded" } as const;
  const outcomes = new Set(decisions.map((decision) => words[decision.type]));
  const [only] = outcomes;
  return outcomes.size === 1 && only !== undefined ? only : "mixed";
}
