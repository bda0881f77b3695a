// What a person wants, as the body that is sent: shown before it is sent, and sent as it was shown.
import type { Decision } from "../../../src/protocol/decision.ts";
import type { DecisionType, ReviewAction } from "../../../src/protocol/interrupt.ts";
import type { Json } from "../../../src/protocol/json.ts";
import type { ReviewTask } from "../../../src/protocol/review.ts";
import { type ArgsDraft, changesBetween, type Errors, editedArgs } from "./args-model.ts";

/** What was chosen and typed about one action. */
export interface ActionDraft {
  type?: DecisionType;
  args: ArgsDraft;
  /** What the graph is told: of a rejection, or as the response. */
  message: string;
}

/** Everything that was typed into a review. */
export interface Draft {
  actions: Record<number, ActionDraft>;
  comment: string;
  reason_code: string | null;
}

/** The body of a decision. */
export interface DecisionRequest {
  decisions: Decision[];
  comment?: string;
  reason_code?: string;
  seen_digest: string;
}

/** What would be sent, or what is still missing. */
export interface Outcome {
  body: DecisionRequest | null;
  /** In words, in the order of the page. */
  missing: string[];
  errors: Record<number, Errors>;
}

/** A draft into which nothing was typed. */
export const emptyDraft: Draft = { actions: {}, comment: "", reason_code: null };

const emptyAction: ActionDraft = { args: { texts: {} }, message: "" };

/** What was typed about one action. */
export function actionDraft(draft: Draft, index: number): ActionDraft {
  return draft.actions[index] ?? emptyAction;
}

/** Whether a response is JSON of the graph's own form, and not words. */
export function respondsWithValue(review: Pick<ReviewTask, "flavour">, action: ReviewAction): boolean {
  return review.flavour === "raw" || review.flavour === "schema" || action.response_schema !== undefined;
}

/** What would be sent if it were sent now. `chosen` stands in for what has not been chosen. */
export function outcomeOf(review: ReviewTask, draft: Draft, chosen?: DecisionType): Outcome {
  const missing: string[] = [];
  const errors: Record<number, Errors> = {};
  const several = review.actions.length > 1;
  const decisions = review.actions.flatMap((action): Decision[] => {
    const said = actionDraft(draft, action.index);
    const type = said.type ?? chosen;
    const name = several ? ` ${action.index + 1}` : "";
    if (type === undefined || !action.allowed.includes(type)) {
      missing.push(`decide action${name || ""}`);
      return [];
    }
    const read = readAction(review, action, said, type);
    if (read.errors !== undefined) errors[action.index] = read.errors;
    missing.push(...read.missing.map((what) => `${what}${several ? ` (action${name})` : ""}`));
    return read.decision === null ? [] : [read.decision];
  });
  missing.push(...missingReasons(review, draft, decisions));
  if (missing.length > 0) return { body: null, missing, errors };
  const isRejected = decisions.some(({ type }) => type === "reject");
  return {
    missing,
    errors,
    body: {
      decisions,
      ...(draft.comment.trim() === "" ? {} : { comment: draft.comment }),
      ...(draft.reason_code === null || !isRejected ? {} : { reason_code: draft.reason_code }),
      seen_digest: review.request_digest,
    },
  };
}

interface ReadAction {
  decision: Decision | null;
  missing: string[];
  errors?: Errors;
}

function readAction(review: ReviewTask, action: ReviewAction, said: ActionDraft, type: DecisionType): ReadAction {
  const { index } = action;
  const message = said.message.trim() === "" ? {} : { message: said.message };
  if (type === "approve") return { decision: { action: index, type }, missing: [] };
  if (type === "reject") return { decision: { action: index, type, ...message }, missing: [] };
  if (type === "edit") {
    const { args, errors } = editedArgs(action.args, said.args, action);
    if (Object.keys(errors).length > 0) return { decision: null, missing: ["correct what is marked"], errors };
    if (changesBetween(action.args, args).length === 0)
      return { decision: null, missing: ["change something, or approve"] };
    return { decision: { action: index, type, args }, missing: [] };
  }
  if (!respondsWithValue(review, action)) {
    if (said.message.trim() === "") return { decision: null, missing: ["write the answer"] };
    return { decision: { action: index, type, message: said.message }, missing: [] };
  }
  if (said.message.trim() === "") return { decision: null, missing: ["write the answer as JSON"] };
  try {
    return { decision: { action: index, type, value: JSON.parse(said.message) as Json }, missing: [] };
  } catch {
    return { decision: null, missing: ['write the answer as JSON: text stands in quotes, such as "yes"'] };
  }
}

function missingReasons({ policy }: ReviewTask, draft: Draft, decisions: readonly Decision[]): string[] {
  if (draft.comment.trim() !== "") return [];
  const hasReason = (decision: Decision) =>
    decision.type === "reject" &&
    policy.reject_options.some(({ code, message }) => code === draft.reason_code && message);
  const silent = decisions.find(
    (decision) =>
      policy.require_comment.includes(decision.type) &&
      !("message" in decision && decision.message !== undefined) &&
      !hasReason(decision),
  );
  return silent === undefined ? [] : [`say why in a comment: "${silent.type}" is taken with one only`];
}

/** Whether anything was typed or chosen. */
export function isTouched(draft: Draft): boolean {
  return (
    draft.comment !== "" ||
    draft.reason_code !== null ||
    Object.values(draft.actions).some(
      ({ type, args, message }) =>
        type !== undefined || message !== "" || args.raw !== undefined || Object.keys(args.texts).length > 0,
    )
  );
}

const VERBS: Record<DecisionType, string> = {
  approve: "Approve",
  edit: "Approve with changes",
  reject: "Reject",
  respond: "Answer",
};

/** What a decision is called on a button. */
export function verbOf(decisions: readonly Decision[]): string {
  const [first, ...others] = decisions;
  if (first === undefined) return "Decide";
  if (others.every(({ type }) => type === first.type)) {
    return others.length === 0 ? VERBS[first.type] : `${VERBS[first.type]} all ${decisions.length}`;
  }
  return `Send ${decisions.length} decisions`;
}

const FULL_SIZE = 4_000;

/** Whether a click more is asked for: much harm can be done, or more is sent than can be on screen. */
export function needsConfirmation({ risk, actions }: ReviewTask, decisions: readonly Decision[]): boolean {
  if (decisions.every(({ type }) => type === "reject")) return false;
  return (
    risk === "high" ||
    actions.some((action) => action.risk === "high") ||
    actions.some(({ args }) => JSON.stringify(args).length > FULL_SIZE)
  );
}
