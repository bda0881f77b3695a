import { AIMessage, type BaseMessage, ToolMessage } from "@langchain/core/messages";
import type { ToolOutcome } from "../../protocol/tool-outcome.ts";
import type { ToolBox } from "./tool-box.ts";
import type { PlannedCall, RefusedCall } from "./tool-outcomes.ts";
import { refusalOf } from "./tool-selection.ts";

/** The calls that the last message asks for. What it cannot have, each of them is refused for. */
export function callsOfMessages(messages: unknown, box: ToolBox, most: number): (PlannedCall | RefusedCall)[] {
  const last = Array.isArray(messages) ? (messages.at(-1) as unknown) : undefined;
  if (!AIMessage.isInstance(last)) return [];
  const refused = refusalOf(last, box, most);
  const seen = new Set<string>();
  const valid = (last.tool_calls ?? []).map(({ id, name, args }, index): PlannedCall | RefusedCall => {
    const call_id = id ?? `call-${index + 1}`;
    const tool = box.find(name);
    const twice = seen.has(call_id) ? `two calls have the id ${call_id}` : null;
    seen.add(call_id);
    const why = refused ?? twice;
    if (tool === undefined || why !== null)
      return { call_id, tool: tool?.name ?? name, args, step: null, refused: why ?? "", class: "validation" };
    return { call_id, tool, args, key: `${tool.name}:${call_id}`, step: null };
  });
  const broken = (last.invalid_tool_calls ?? []).map(({ id, name, args }, index): RefusedCall => {
    const call_id = id ?? `broken-${index + 1}`;
    const tool = name ?? "unknown";
    return { call_id, tool, args: args ?? null, step: null, refused: "its arguments are no JSON", class: "validation" };
  });
  return [...valid, ...broken];
}

/** What the model is told of its calls. */
export function toolMessages(messages: unknown, outcomes: readonly ToolOutcome[]): BaseMessage[] {
  const last = Array.isArray(messages) ? (messages.at(-1) as AIMessage | undefined) : undefined;
  const valid = new Set((last?.tool_calls ?? []).map(({ id }, index) => id ?? `call-${index + 1}`));
  // A provider is told of calls with broken arguments only where there were no others; it knows no answer to the rest.
  const told = valid.size === 0 ? outcomes : outcomes.filter(({ call_id }) => valid.has(call_id));
  return told.map(
    ({ call_id, tool, ok, result, error }) =>
      new ToolMessage({
        tool_call_id: call_id,
        name: tool,
        status: ok ? "success" : "error",
        content: ok ? (typeof result === "string" ? result : JSON.stringify(result)) : (error?.message ?? "it failed"),
      }),
  );
}
