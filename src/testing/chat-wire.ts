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

/** OpenAI's chat completions. */
export const CHAT: Wire = {
  read(body) {
    const model = requireText(body, "model");
    const messages = readMessages(body["messages"]);
    const tools = objectsIn(body["tools"], "tools").map(toolOf);
    return {
      protocol: "chat",
      model,
      messages,
      question: questionOf(messages),
      tools,
      must_call: mustCall(body["tool_choice"], nameIn(body["tool_choice"]), tools),
      schema: schemaOf(body["response_format"]),
      streams: body["stream"] === true,
      body,
    };
  },
  whole(reply) {
    const { text, calls } = reply;
    const tool_calls = calls.map(({ id, name, arguments: given }) => ({
      id,
      type: "function",
      function: { name, arguments: given },
    }));
    const message = {
      role: "assistant",
      content: text ?? null,
      refusal: null,
      ...(calls.length === 0 ? {} : { tool_calls }),
    };
    return {
      ...headOf(reply, "chat.completion"),
      choices: [{ index: 0, message, logprobs: null, finish_reason: finishOf(reply) }],
      usage: usageOf(reply),
    };
  },
  *events(reply, { body }) {
    const head = headOf(reply, "chat.completion.chunk");
    const chunk = (delta: object, finish_reason: string | null, isPiece: boolean) =>
      event({ ...head, choices: [{ index: 0, delta, logprobs: null, finish_reason }] }, isPiece);
    yield chunk({ role: "assistant", content: reply.text === undefined ? null : "" }, null, false);
    for (const content of reply.text === undefined ? [] : piecesOf(reply.text)) yield chunk({ content }, null, true);
    for (const [index, { id, name, arguments: given }] of reply.calls.entries()) {
      yield chunk({ tool_calls: [{ index, id, type: "function", function: { name, arguments: "" } }] }, null, false);
      for (const part of piecesOf(given))
        yield chunk({ tool_calls: [{ index, function: { arguments: part } }] }, null, true);
    }
    yield chunk({}, finishOf(reply), false);
    const options = body["stream_options"] as { include_usage?: unknown } | null | undefined;
    if (options?.include_usage === true) yield event({ ...head, choices: [], usage: usageOf(reply) }, false);
    yield { text: "data: [DONE]\n\n", isPiece: false };
  },
};

function readMessages(value: unknown): AskedMessage[] {
  const messages = objectsIn(value, "messages");
  if (messages.length === 0) throw new ProtocolFault("messages", "messages has to hold at least one message");
  const asked = new Set<unknown>();
  return messages.map((message, index) => {
    const role = message["role"];
    if (typeof role !== "string") throw new ProtocolFault(`messages[${index}].role`, "each message needs a role");
    for (const { id } of objectsIn(message["tool_calls"], `messages[${index}].tool_calls`)) asked.add(id);
    if (role === "tool" && !asked.has(message["tool_call_id"])) {
      throw new ProtocolFault(
        `messages[${index}].tool_call_id`,
        "a message of role 'tool' has to answer a call of an assistant's message before it",
      );
    }
    return { role, text: textOf(message["content"]) };
  });
}

function toolOf(tool: Record<string, unknown>, index: number) {
  const { name, parameters, strict } = (tool["function"] ?? {}) as Record<string, unknown>;
  if (strict === true) requireStrict(parameters, `tools[${index}].function.parameters`, name);
  if (typeof name === "string" && name !== "") return { name, parameters };
  throw new ProtocolFault(`tools[${index}].function.name`, "each tool needs a function with a name");
}

function schemaOf(format: unknown): unknown {
  const { type, json_schema } = (format ?? {}) as { type?: unknown; json_schema?: Record<string, unknown> };
  if (json_schema?.["strict"] === true) requireStrict(json_schema["schema"], "response_format", json_schema["name"]);
  if (type === "json_object") return { type: "object" };
  return type === "json_schema" ? (json_schema?.["schema"] ?? {}) : undefined;
}

const headOf = ({ id, created, model }: ModelReply, object: string) => {
  return {
    id: `chatcmpl-${id}`,
    object,
    created,
    model,
    system_fingerprint: "holdpoint-mock",
    service_tier: "default",
  };
};

const finishOf = ({ calls }: ModelReply) => (calls.length === 0 ? "stop" : "tool_calls");

function usageOf({ usage }: ModelReply) {
  return {
    prompt_tokens: usage.input_tokens,
    completion_tokens: usage.output_tokens,
    total_tokens: usage.input_tokens + usage.output_tokens,
    prompt_tokens_details: { cached_tokens: usage.cached_tokens },
    completion_tokens_details: { reasoning_tokens: 0 },
  };
}

const event = (data: object, isPiece: boolean): WireEvent => ({ text: `data: ${JSON.stringify(data)}\n\n`, isPiece });

const nameIn = (choice: unknown) => (choice as { function?: { name?: unknown } } | null | undefined)?.function?.name;
