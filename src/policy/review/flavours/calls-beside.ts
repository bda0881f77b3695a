import type { Flavour, ReviewAction } from "../../../protocol/interrupt.ts";
import { isRecord, namesInTitle } from "./shape.ts";

/**
 * What a person should know before they reject: LangChain.js drops with a rejected call those of the same message that
 * need no approval, and leaves them in the conversation without a result. The question does not name them; the thread's
 * messages do. Empty when there are none.
 */
export function noteOfCallsBeside(flavour: Flavour, actions: readonly ReviewAction[], values: unknown): string {
  if (flavour !== "hitl") return "";
  const beside = callsBeside(actions, values);
  if (beside.length === 0) return "";
  const names = namesInTitle(beside);
  return `Without asking, the agent also calls ${names}. If you reject, that is not called either, and stays in the conversation without a result: many model providers refuse to go on with such a conversation.`;
}

function callsBeside(actions: readonly ReviewAction[], values: unknown): string[] {
  const calls = lastCalls(values);
  const rest = [...calls];
  for (const { name } of actions) {
    const at = rest.indexOf(name);
    // Not the message that is asked about.
    if (at === -1) return [];
    rest.splice(at, 1);
  }
  return rest;
}

/** The names of the calls in the last message that makes any. */
function lastCalls(values: unknown): string[] {
  const messages: unknown = isRecord<unknown>(values) ? values["messages"] : undefined;
  if (!Array.isArray(messages)) return [];
  const calling = messages.findLast((message: unknown) => Array.isArray((message as Caller | null)?.tool_calls));
  const calls: readonly unknown[] = (calling as Caller | undefined)?.tool_calls ?? [];
  return calls.map((call) => String((call as { name?: unknown } | null)?.name ?? ""));
}

interface Caller {
  tool_calls?: readonly unknown[];
}
