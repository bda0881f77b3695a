import type { CanonicalDecision, Decision } from "../../../protocol/decision.ts";
import type { Checked } from "../../../protocol/fault.ts";
import type { DecisionType, ReviewAction } from "../../../protocol/interrupt.ts";
import type { Json } from "../../../protocol/json.ts";
import {
  type DecisionPlace,
  type FlavourForm,
  gathered,
  type Question,
  type SentDecisions,
  type StoredPause,
} from "./form.ts";
import { hitlFaults, messageFault, notOffered, readEditedAction, readHitlAnswer, saidIn } from "./hitl-answer.ts";
import { MAX_ACTIONS } from "./hitl-request.ts";
import { isName, isRecord, namesInTitle, optionalText, own } from "./shape.ts";

const PERMITS: readonly [key: string, word: DecisionType][] = [
  ["allow_accept", "approve"],
  ["allow_edit", "edit"],
  ["allow_ignore", "reject"],
  ["allow_respond", "respond"],
];

/** LangGraph's `HumanInterrupt`: one, a list of them, or the JSON text of either. */
export const agentInbox: FlavourForm = {
  question,
  fromResume,
  faultsOf: hitlFaults,
  mixed: () => null,
  // Always a list, as Agent Inbox sends it, however the question was asked.
  toGraph: ({ actions }, decisions) =>
    decisions.map((decision) => answerTo(actions[decision.action] as ReviewAction, decision)),
};

function question(pause: StoredPause): Question | undefined {
  if (pause.response_schema !== null) return undefined;
  const asked = typeof pause.value === "string" ? parsed(pause.value) : pause.value;
  const requests = Array.isArray(asked) ? asked : [asked];
  if (requests.length === 0 || requests.length > MAX_ACTIONS) return undefined;
  const actions: ReviewAction[] = [];
  for (const [index, request] of requests.entries()) {
    const action = actionOf(request ?? null, index);
    if (action === undefined) return undefined;
    actions.push(action);
  }
  const names = namesInTitle(actions.map(({ name }) => name));
  return { title: `${pause.graph_id}: asks about ${names}`, description: "", actions, shown: pause.value };
}

function parsed(text: string): Json | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function actionOf(request: Json, index: number): ReviewAction | undefined {
  if (!isRecord(request)) return undefined;
  const action = own(request, "action_request");
  const config = own(request, "config");
  const description = optionalText(own(request, "description"));
  if (!isRecord(action) || !isRecord(config) || description === false) return undefined;
  const name = own(action, "action");
  const args = own(action, "args");
  if (!isName(name) || !isRecord(args)) return undefined;
  const permits = PERMITS.map(([key, word]) => ({ given: own(config, key) ?? false, word }));
  if (!permits.every(({ given }) => typeof given === "boolean")) return undefined;
  const allowed = permits.flatMap(({ given, word }) => (given === true ? [word] : []));
  if (allowed.length === 0) return undefined;
  return { index, name, args: args as Json, allowed, ...(description === undefined ? {} : { description }) };
}

function fromResume(resume: unknown, actions: readonly ReviewAction[], at: string): SentDecisions {
  if (isRecord(resume) && Object.hasOwn(resume, "decisions")) return readHitlAnswer(resume, actions, at);
  const list: unknown[] = Array.isArray(resume) ? resume : [resume];
  if (list.length !== actions.length) {
    const message = `has ${list.length} responses for ${actions.length} actions; send one for each, in their order`;
    return { ok: false, faults: [{ pointer: at, message }] };
  }
  const read = list.map((one, index) =>
    readResponse(one, index, actions[index] as ReviewAction, Array.isArray(resume) ? `${at}/${index}` : at),
  );
  return gathered(read, at);
}

function readResponse(
  one: unknown,
  index: number,
  action: ReviewAction,
  at: string,
): Checked<{ decision: Decision; place: DecisionPlace }> {
  if (!isRecord(one)) {
    const message = 'expected {"type": "accept" | "edit" | "response" | "ignore", "args": …}';
    return { ok: false, faults: [{ pointer: at, message }] };
  }
  const args = own(one, "args");
  const place = { self: at, args: `${at}/args`, name: `${at}/args`, message: `${at}/args`, value: `${at}/args` };
  switch (own(one, "type")) {
    case "accept":
      // What comes along is the proposed action, in whatever state a form has left it; what runs is what was shown.
      return { ok: true, value: { decision: { action: index, type: "approve" }, place } };
    case "ignore":
      return { ok: true, value: { decision: { action: index, type: "reject" }, place } };
    case "response": {
      const fault = messageFault(args, place.message);
      if (fault !== undefined) return { ok: false, faults: [fault] };
      return { ok: true, value: { decision: { action: index, type: "respond", message: args as string }, place } };
    }
    case "edit":
      if (isRecord(args)) return readEditedAction(index, action, args, place.args, place);
      return { ok: false, faults: [{ pointer: place.args, message: "must be the edited action: {action, args}" }] };
    default:
      return { ok: false, faults: [{ pointer: `${at}/type`, message: notOffered(own(one, "type"), action) }] };
  }
}

function answerTo(action: ReviewAction, decision: CanonicalDecision): Json {
  switch (decision.type) {
    case "approve":
      // As Agent Inbox does: the action goes along where it could have been edited.
      return { type: "accept", args: action.allowed.includes("edit") ? whole(action, action.args) : null };
    case "edit":
      return { type: "edit", args: whole(action, decision.args) };
    case "reject":
      return { type: "ignore", args: null };
    case "respond":
      return { type: "response", args: saidIn(decision) };
  }
}

const whole = ({ name }: ReviewAction, args: Json): Json => ({ action: name, args });
