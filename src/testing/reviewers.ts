import { checkAnswer } from "../policy/review/normalise.ts";
import type { CanonicalDecision, Decision } from "../protocol/decision.ts";
import { HoldpointError } from "../protocol/errors.ts";
import type { Flavour, ReviewAction, ReviewValue } from "../protocol/interrupt.ts";
import type { Json, JsonObject } from "../protocol/json.ts";

/** What a graph has asked, as a person is shown it. */
export interface AskedQuestion extends Pick<ReviewValue, "title" | "description" | "evidence" | "policy"> {
  id: string;
  node: string;
  /** `review` for `review()`; the other words are other ways to pause. */
  flavour: Flavour;
  /** That of `review()`; undefined for other pauses. */
  key: string | undefined;
  actions: readonly ReviewAction[];
  /** All that the graph gave. */
  value: Json;
}

/** Changes of an action's arguments: members to put over them, or what makes new ones. */
export type Changes = JsonObject | ((args: Json) => Json);

/** What is said about one action: a decision, or an edit that says only what is different. */
export type Verdict = Decision | { type: "edit"; changes: Changes; action?: number };

/** What a reviewer says to one question: one verdict, or one for each action in order; undefined for nothing. */
export type Verdicts = Verdict | readonly Verdict[] | undefined;

/** Somebody who is asked. */
export type Reviewer = (question: AskedQuestion) => Verdicts | Promise<Verdicts>;

/** Lets it happen as it is proposed. */
export const approve: Verdict = { type: "approve" };

/** Lets it happen with other arguments: these members are put over those proposed. */
export function edit(changes: Changes): Verdict {
  return { type: "edit", changes };
}

/** Lets it not happen. */
export function reject(message?: string): Verdict {
  return { type: "reject", ...(message === undefined ? {} : { message }) };
}

/** Answers with a value. */
export function respond(value: Json, message?: string): Verdict {
  return { type: "respond", value, ...(message === undefined ? {} : { message }) };
}

/** Says that an effect of which nobody knows has happened, and what came of it. */
export function happened(result: Json): Verdict {
  return respond({ happened: result });
}

/** Lets an effect of which nobody knows be tried again. */
export function tryAgain(): Verdict {
  return respond({ try_again: true });
}

/** Asks reviewers: a function each time, a list one after the other. */
export function createReviewers(given: Reviewer | readonly (Verdicts | Reviewer)[]): Reviewer {
  if (typeof given === "function") return given;
  let asked = 0;
  return async (question) => {
    const next = given[asked];
    asked += 1;
    return typeof next === "function" ? await next(question) : next;
  };
}

/** The verdicts as the server would take them. Throws `invalid` with what it would refuse them for. */
export function decisionsOf(question: AskedQuestion, verdicts: Exclude<Verdicts, undefined>): CanonicalDecision[] {
  const list = Array.isArray(verdicts) ? (verdicts as readonly Verdict[]) : [verdicts as Verdict];
  const value = list.map((verdict, position) => decisionOf(verdict, question, list.length > 1 ? position : undefined));
  const checked = checkAnswer(question, { ok: true, value });
  if (checked.ok) return checked.value;
  const faults = checked.faults.map(({ pointer, message }) => `${pointer}: ${message}`).join("; ");
  throw new HoldpointError("invalid", `the answer to "${question.title}" is refused: ${faults}`, {
    facts: { faults: checked.faults },
  });
}

function decisionOf(verdict: Verdict, { actions }: AskedQuestion, position: number | undefined): Decision {
  // A list says one after the other what it does not say by number.
  const place = verdict.action === undefined && position !== undefined ? { action: position } : {};
  if (!("changes" in verdict)) return { ...verdict, ...place };
  const { changes, ...rest } = verdict;
  const args = (actions[verdict.action ?? position ?? 0]?.args ?? {}) as JsonObject;
  const edited = typeof changes === "function" ? changes(structuredClone(args)) : { ...args, ...changes };
  return { ...rest, ...place, args: edited };
}
