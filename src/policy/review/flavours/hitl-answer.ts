// Answers as the clients of LangChain's human-in-the-loop middleware send them: one decision for each action, in order.
import { type CanonicalDecision, type Decision, MAX_MESSAGE } from "../../../protocol/decision.ts";
import type { Checked, Fault } from "../../../protocol/fault.ts";
import type { ReviewAction } from "../../../protocol/interrupt.ts";
import type { Json } from "../../../protocol/json.ts";
import { coerceArgs, uncoerced } from "./coerce.ts";
import { type DecisionPlace, gathered, type SentDecisions } from "./form.ts";
import { isRecord, own } from "./shape.ts";

type Read = Checked<{ decision: Decision; place: DecisionPlace }>;

/** Reads `{decisions: […]}`, in either spelling and with the words that Agent Inbox uses inside it. */
export function readHitlAnswer(resume: unknown, actions: readonly ReviewAction[], at: string): SentDecisions {
  const list = isRecord(resume) ? own(resume, "decisions") : undefined;
  if (!Array.isArray(list)) {
    const words = [...new Set(actions.flatMap(({ allowed }) => allowed))].join(" | ");
    const message = `expected {"decisions": [{"type": ${words}, …}]} with one decision for each of the ${actions.length} actions, in their order`;
    return { ok: false, faults: [{ pointer: at, message }] };
  }
  if (list.length !== actions.length) {
    const message = `has ${list.length} decisions for ${actions.length} actions; send one for each, in their order`;
    return { ok: false, faults: [{ pointer: `${at}/decisions`, message }] };
  }
  const read = list.map((one: unknown, position): Read => {
    const index = isRecord(one) ? own(one, "action") : undefined;
    const action = typeof index === "number" ? index : position;
    return readDecision(one, action, actions[action], `${at}/decisions/${position}`);
  });
  return gathered(read, `${at}/decisions`);
}

function readDecision(one: unknown, index: number, action: ReviewAction | undefined, at: string): Read {
  if (!isRecord<unknown>(one)) return refused(at, "is no decision; expected an object with a type");
  if (action === undefined) return refused(`${at}/action`, `there is no action ${index}`);
  const place = { self: at, args: `${at}/args`, name: `${at}/name`, message: `${at}/message`, value: `${at}/value` };
  switch (own(one, "type")) {
    case "approve":
      return { ok: true, value: { decision: { action: index, type: "approve" }, place } };
    case "reject":
      return readMessage(one, index, "reject", place);
    case "respond":
      return readMessage(one, index, "respond", place);
    case "edit":
      return readEdit(one, index, action, place);
    default:
      return refused(`${at}/type`, notOffered(own(one, "type"), action));
  }
}

function readMessage(one: object, index: number, type: "reject" | "respond", place: DecisionPlace): Read {
  const record = one as Record<string, unknown>;
  // Agent Inbox puts what was typed into `args`.
  const [key, said] =
    own(record, "message") == null ? ["args", own(record, "args")] : ["message", own(record, "message")];
  const at = `${place.self}/${key}`;
  if (said === undefined || said === null) return { ok: true, value: { decision: { action: index, type }, place } };
  const fault = messageFault(said, at);
  if (fault !== undefined) return { ok: false, faults: [fault] };
  const decision = { action: index, type, message: said as string };
  return { ok: true, value: { decision, place: { ...place, message: at } } };
}

function readEdit(one: Record<string, unknown>, index: number, action: ReviewAction, place: DecisionPlace): Read {
  const key = ["editedAction", "edited_action"].find((spelling) => Object.hasOwn(one, spelling));
  if (key !== undefined) {
    const self = `${place.self}/${key}`;
    const edited = one[key];
    if (!isRecord(edited)) return refused(self, "must be the edited action, an object with a name and args");
    return readEditedAction(index, action, edited, self, place);
  }
  const args = own(one, "args");
  if (args === undefined) return refused(`${place.self}/edited_action`, "is missing: an edit says what to do instead");
  if (isWholeAction(args, action)) return readEditedAction(index, action, args, place.args, place);
  const name = own(one, "name");
  if (name !== undefined && typeof name !== "string") return refused(place.name, "must be the name of the action");
  return editDecision(index, action, args, name, place);
}

/** True for what Agent Inbox sends as `args`, the action as a whole, and not for arguments that only look like it. */
function isWholeAction(args: unknown, action: ReviewAction): args is Record<string, unknown> {
  if (!isRecord(args) || own(args, "action") !== action.name || !isRecord(own(args, "args"))) return false;
  return !(isRecord(action.args) && Object.hasOwn(action.args, "action"));
}

/** Reads an edited action, `{name or action, args or arguments}`, that was sent at the pointer `sentAt`. */
export function readEditedAction(
  index: number,
  action: ReviewAction,
  edited: Record<string, unknown>,
  sentAt: string,
  place: DecisionPlace,
): Read {
  const nameKey = Object.hasOwn(edited, "name") || !Object.hasOwn(edited, "action") ? "name" : "action";
  const argsKey = Object.hasOwn(edited, "args") || !Object.hasOwn(edited, "arguments") ? "args" : "arguments";
  const name = own(edited, nameKey);
  const at = { ...place, name: `${sentAt}/${nameKey}`, args: `${sentAt}/${argsKey}` };
  if (name !== undefined && typeof name !== "string") return refused(at.name, "must be the name of the action");
  return editDecision(index, action, own(edited, argsKey), name, at);
}

function editDecision(
  index: number,
  action: ReviewAction,
  args: unknown,
  name: string | undefined,
  place: DecisionPlace,
): Read {
  if (!isRecord(args)) return refused(place.args, "must be an object of arguments");
  const coerced = coerceArgs(args as Record<string, Json>, action);
  const left = uncoerced(coerced, action);
  if (left.length > 0) {
    const faults = left.map(({ key, wanted }) => ({
      pointer: `${place.args}/${escaped(key)}`,
      message: `must be ${wanted}; this text cannot be read as that`,
    }));
    return { ok: false, faults };
  }
  const decision = { action: index, type: "edit" as const, args: coerced, ...(name === undefined ? {} : { name }) };
  return { ok: true, value: { decision, place } };
}

/** What is wrong with a message, if anything. */
export function messageFault(said: unknown, pointer: string): Fault | undefined {
  if (typeof said !== "string") return { pointer, message: "must be text" };
  if (said.length <= MAX_MESSAGE) return undefined;
  return { pointer, message: `has ${said.length} characters; ${MAX_MESSAGE} are taken at most` };
}

const LONGEST_WORD_TOLD = 100;

/** Says that a word is none of those an action offers. */
export function notOffered(word: unknown, action: ReviewAction): string {
  const told = (JSON.stringify(word) ?? "nothing").slice(0, LONGEST_WORD_TOLD);
  return `${told} is not offered here; allowed: ${action.allowed.join(", ")}`;
}

/** What a middleware asks of edits and responses beyond the allowed words: arguments that are an object, words that are text. */
export function hitlFaults(decisions: readonly CanonicalDecision[]): Fault[] {
  return decisions.flatMap((decision, position): Fault[] => {
    const at = `/decisions/${position}`;
    if (decision.type === "edit" && !isRecord(decision.args)) {
      return [{ pointer: `${at}/args`, message: "must be an object of arguments" }];
    }
    if (decision.type !== "respond" || typeof decision.message === "string") return [];
    if (typeof decision.value === "string") return [];
    if (decision.value !== undefined)
      return [{ pointer: `${at}/value`, message: "must be text: the graph takes words only" }];
    return [{ pointer: `${at}/message`, message: "say what the graph is to be told" }];
  });
}

/** What a response says, however it was sent. */
export function saidIn(decision: CanonicalDecision & { type: "respond" }): string {
  return decision.message ?? (typeof decision.value === "string" ? decision.value : "");
}

function refused(pointer: string, message: string): Read {
  return { ok: false, faults: [{ pointer, message }] };
}

const escaped = (key: string) => key.replaceAll("~", "~0").replaceAll("/", "~1");
