import {
  type AskedMessage,
  mustCall,
  objectsIn,
  ProtocolFault,
  questionOf,
  requireText,
  textOf,
} from "./asked-model.ts";
import { type ModelReply, piecesOf, type Wire, type WireEvent } from "./model-reply.ts";
import { requireStrict } from "./strict-schema.ts";

/** OpenAI's responses. */
export const RESPONSES: Wire = {
  read(body) {
    const model = requireText(body, "model");
    const messages = [...instructionsOf(body["instructions"]), ...readInput(body["input"])];
    const tools = objectsIn(body["tools"], "tools")
      .filter(({ type }) => type === "function")
      .map(({ name, parameters, strict }, index) => {
        if (strict === true) requireStrict(parameters, `tools[${index}].parameters`, name);
        if (typeof name !== "string") throw new ProtocolFault(`tools[${index}].name`, "each function needs a name");
        return { name, parameters };
      });
    const format = (body["text"] as { format?: Record<string, unknown> } | null | undefined)?.format;
    if (format?.["strict"] === true) requireStrict(format["schema"], "text.format.schema", format["name"]);
    const json = format?.["type"] === "json_object" ? { type: "object" } : undefined;
    return {
      protocol: "responses",
      model,
      messages,
      question: questionOf(messages),
      tools,
      must_call: mustCall(body["tool_choice"], nameIn(body["tool_choice"]), tools),
      schema: format?.["type"] === "json_schema" ? (format["schema"] ?? {}) : json,
      streams: body["stream"] === true,
      body,
    };
  },
  whole: (reply, { body }) => responseOf(reply, body, "completed", itemsOf(reply, "completed")),
  *events(reply, { body }) {
    let sequence_number = 0;
    const event = (type: string, data: object, isPiece = false): WireEvent => {
      const text = `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number, ...data })}\n\n`;
      sequence_number += 1;
      return { text, isPiece };
    };
    const begun = responseOf(reply, body, "in_progress", []);
    yield event("response.created", { response: begun });
    yield event("response.in_progress", { response: begun });
    const items = itemsOf(reply, "completed");
    for (const [output_index, item] of items.entries()) {
      const events = item.type === "message" ? messageEvents(item, output_index) : callEvents(item, output_index);
      for (const [type, data, isPiece] of events) yield event(type, data, isPiece);
    }
    yield event("response.completed", { response: responseOf(reply, body, "completed", items) });
  },
};

type Item = MessageItem | CallItem;
type Told = [type: string, data: object, isPiece?: boolean];

interface MessageItem {
  type: "message";
  id: string;
  status: string;
  role: "assistant";
  content: [{ type: "output_text"; text: string; annotations: never[]; logprobs: never[] }];
}

interface CallItem {
  type: "function_call";
  id: string;
  call_id: string;
  name: string;
  arguments: string;
  status: string;
}

function* messageEvents(item: MessageItem, output_index: number): Generator<Told> {
  const [part] = item.content;
  const place = { item_id: item.id, output_index, content_index: 0 };
  yield ["response.output_item.added", { output_index, item: { ...item, status: "in_progress", content: [] } }];
  yield ["response.content_part.added", { ...place, part: { ...part, text: "" } }];
  for (const delta of piecesOf(part.text))
    yield ["response.output_text.delta", { ...place, delta, logprobs: [] }, true];
  yield ["response.output_text.done", { ...place, text: part.text, logprobs: [] }];
  yield ["response.content_part.done", { ...place, part }];
  yield ["response.output_item.done", { output_index, item }];
}

function* callEvents(item: CallItem, output_index: number): Generator<Told> {
  const place = { item_id: item.id, output_index };
  yield ["response.output_item.added", { output_index, item: { ...item, status: "in_progress", arguments: "" } }];
  for (const delta of piecesOf(item.arguments))
    yield ["response.function_call_arguments.delta", { ...place, delta }, true];
  yield ["response.function_call_arguments.done", { ...place, name: item.name, arguments: item.arguments }];
  yield ["response.output_item.done", { output_index, item }];
}

function itemsOf({ id, text, calls }: ModelReply, status: string): Item[] {
  const said: Item[] = calls.map((call, index) => {
    const { id: call_id, name, arguments: given } = call;
    return { type: "function_call", id: `fc_${id}_${index}`, call_id, name, arguments: given, status };
  });
  if (text === undefined) return said;
  const content: MessageItem["content"] = [{ type: "output_text", text, annotations: [], logprobs: [] }];
  return [{ type: "message", id: `msg_${id}`, status, role: "assistant", content }, ...said];
}

function responseOf(reply: ModelReply, body: Record<string, unknown>, status: string, output: Item[]): object {
  const { input_tokens, output_tokens, cached_tokens } = reply.usage;
  const usage = {
    input_tokens,
    input_tokens_details: { cached_tokens },
    output_tokens,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: input_tokens + output_tokens,
  };
  return {
    id: `resp_${reply.id}`,
    object: "response",
    created_at: reply.created,
    status,
    error: null,
    incomplete_details: null,
    instructions: body["instructions"] ?? null,
    max_output_tokens: body["max_output_tokens"] ?? null,
    metadata: body["metadata"] ?? {},
    model: reply.model,
    output,
    parallel_tool_calls: body["parallel_tool_calls"] ?? true,
    previous_response_id: body["previous_response_id"] ?? null,
    reasoning: { effort: null, summary: null },
    service_tier: "default",
    store: body["store"] ?? true,
    temperature: body["temperature"] ?? 1,
    text: body["text"] ?? { format: { type: "text" } },
    tool_choice: body["tool_choice"] ?? "auto",
    tools: body["tools"] ?? [],
    top_p: body["top_p"] ?? 1,
    truncation: "disabled",
    usage: status === "completed" ? usage : null,
  };
}

const instructionsOf = (value: unknown): AskedMessage[] =>
  typeof value === "string" ? [{ role: "system", text: value }] : [];

function readInput(input: unknown): AskedMessage[] {
  if (typeof input === "string") return [{ role: "user", text: input }];
  const items = objectsIn(input, "input");
  if (items.length === 0) throw new ProtocolFault("input", "input has to be a text or at least one item");
  const asked = new Set(items.flatMap(({ type, call_id }) => (type === "function_call" ? [call_id] : [])));
  return items.map((item, index) => {
    if (item["type"] === "function_call") return { role: "assistant", text: "" };
    if (item["type"] === "function_call_output") {
      // What was asked for in an earlier response is named by its id, and only the provider keeps those.
      if (asked.size > 0 && !asked.has(item["call_id"]))
        throw new ProtocolFault(`input[${index}].call_id`, "no tool call was found for this function call output");
      return { role: "tool", text: textOf(item["output"]) };
    }
    return { role: typeof item["role"] === "string" ? item["role"] : "", text: textOf(item["content"]) };
  });
}

const nameIn = (choice: unknown) => (choice as { name?: unknown } | null | undefined)?.name;
