import { createHash } from "node:crypto";
import { AIMessage, AIMessageChunk, type BaseMessage } from "@langchain/core/messages";
import { convertToOpenAITool, isLangChainTool } from "@langchain/core/utils/function_calling";
import { canonicalJson } from "../../policy/canonical-json.ts";
import type { Json, JsonObject } from "../../protocol/json.ts";
import { portsIfAny } from "../ports.ts";
import { type BoundModel, parametersOf } from "./bind.ts";
import { type Candidate, temperatureOf } from "./candidate.ts";
import type { ModelCall, Piece } from "./model-call.ts";

/** Where an answer is kept. */
export interface KeptAnswer {
  read(): Promise<Piece | undefined>;
  write(pieces: readonly Piece[]): Promise<void>;
}

/** Undefined where answers are not kept: nobody asked for it, or there is no run whose tenant they would belong to. */
export function answerCache(call: ModelCall, candidate: Candidate, bound: BoundModel): KeptAnswer | undefined {
  const ports = portsIfAny();
  const ttl_ms = call.terms.cacheMs;
  if (ports === undefined || ttl_ms === undefined) return undefined;
  const key = answerKey(ports.run.tenant_id, call, candidate, bound);
  return {
    async read() {
      const kept = await ports.guards.cache.get(key);
      return kept === undefined ? undefined : restored(kept as unknown as Kept, call.streams);
    },
    async write(pieces) {
      const kept = keepable(pieces);
      if (kept !== undefined) await ports.guards.cache.put(key, kept as unknown as Json, ttl_ms);
    },
  };
}

/** A digest of everything an answer depends on. */
export function answerKey(tenant_id: string, call: ModelCall, candidate: Candidate, bound: BoundModel): string {
  const parameters = jsonOf(parametersOf(bound));
  const said = {
    tenant_id,
    model: candidate.id,
    messages: call.messages.map(messageOf),
    tools: (call.options.tools ?? []).map((tool) => jsonOf(isLangChainTool(tool) ? convertToOpenAITool(tool) : tool)),
    shape: jsonOf(call.options.shape ?? null),
    temperature: temperatureOf(candidate) ?? null,
    parameters,
  };
  return `model:${createHash("sha256")
    .update(canonicalJson(jsonOf(said)), "utf8")
    .digest("hex")}`;
}

// Without ids, which are new each time, and without what a provider once said beside its answer.
function messageOf(message: BaseMessage): unknown {
  const { content, name } = message;
  const { tool_calls, tool_call_id } = message as { tool_calls?: { id?: string }[]; tool_call_id?: string };
  return { type: message.getType(), content, name, tool_calls, tool_call_id };
}

/** Plain JSON of what may hold classes, functions and half characters. */
function jsonOf(value: unknown): Json {
  const text = JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "string" ? inner.toWellFormed() : inner,
  );
  return text === undefined ? null : (JSON.parse(text) as Json);
}

interface Kept {
  content: Piece["content"];
  tool_calls: { name: string; args: JsonObject; id?: string }[];
  model: string;
  finish_reason: string;
}

// As providers say it: too long, held back, broken. Whatever else an answer ends with is its end.
const CUT = new Set([
  "length",
  "max_tokens",
  "model_length",
  "incomplete",
  "failed",
  "error",
  "content_filter",
  "safety",
  "recitation",
  "refusal",
]);

/** Only an answer that came to its end is kept; one that was cut, refused or empty may be better the next time. */
function keepable(pieces: readonly Piece[]): Kept | undefined {
  const [first, ...rest] = pieces;
  if (first === undefined) return undefined;
  const whole = rest.reduce<Piece>((soFar, piece) => (soFar as AIMessageChunk).concat(piece as AIMessageChunk), first);
  const { content, tool_calls = [], invalid_tool_calls = [], additional_kwargs, response_metadata } = whole;
  const finish_reason = endOf(response_metadata);
  const isEmpty = content.length === 0 && tool_calls.length === 0;
  if (isEmpty || invalid_tool_calls.length > 0 || additional_kwargs["refusal"] != null) return undefined;
  if (CUT.has(finish_reason.toLowerCase())) return undefined;
  const calls = tool_calls.map(({ name, args, id }) => ({ name, args: args as JsonObject, ...(id ? { id } : {}) }));
  return { content, tool_calls: calls, model: String(response_metadata["model_name"] ?? ""), finish_reason };
}

function endOf(told: Readonly<Record<string, unknown>>): string {
  const reasons = ["finish_reason", "finishReason", "stop_reason", "stopReason", "done_reason", "status"];
  const found = reasons.map((name) => told[name]).find((reason) => typeof reason === "string");
  return typeof found === "string" ? found : "";
}

function restored({ content, tool_calls, model, finish_reason }: Kept, streams: boolean): Piece {
  const fields = {
    content,
    // Nothing was spent on it, and nobody counts it again.
    usage_metadata: { input_tokens: 0, output_tokens: 0, total_tokens: 0 },
    response_metadata: { model_name: model, finish_reason, from: "stored" },
  };
  if (!streams)
    return new AIMessage({ ...fields, tool_calls: tool_calls.map((call) => ({ ...call, type: "tool_call" })) });
  const tool_call_chunks = tool_calls.map(({ name, args, id }, index) => ({
    type: "tool_call_chunk" as const,
    name,
    args: JSON.stringify(args),
    index,
    ...(id === undefined ? {} : { id }),
  }));
  return new AIMessageChunk({ ...fields, tool_call_chunks });
}
