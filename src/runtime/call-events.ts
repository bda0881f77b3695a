import { BaseCallbackHandler } from "@langchain/core/callbacks/base";
import { AIMessageChunk } from "@langchain/core/messages";
import { wireJson } from "../graphs/wire-json.ts";
import type { StreamEvent } from "../protocol/events.ts";

interface CallKind {
  of: "chat_model" | "tool";
  name: string;
  tags: string[];
  metadata: Record<string, unknown>;
}

// A handler that asks for pieces makes a model write them, also where the graph only waits for the whole.
interface StreamingHandler extends BaseCallbackHandler {
  lc_prefer_streaming: boolean;
}

/** The stream mode `events`, as far as it tells of models and tools: what they are given, what they write, what they give. */
export function callEvents(push: (event: StreamEvent) => void): BaseCallbackHandler {
  const calls = new Map<string, CallKind>();
  const tell = (step: "start" | "stream" | "end", run_id: string, data: Record<string, unknown>) => {
    const call = calls.get(run_id);
    if (call === undefined || call.tags.includes("langsmith:hidden")) return;
    const { of, ...rest } = call;
    const event = { event: `on_${of}_${step}`, run_id, ...rest, parent_ids: [], data };
    push({ event: "events", data: JSON.parse(wireJson(event)) });
  };
  const begin = (run_id: string, call: CallKind, data: Record<string, unknown>) => {
    calls.set(run_id, call);
    tell("start", run_id, data);
  };
  const end = (run_id: string, data: Record<string, unknown>) => {
    tell("end", run_id, data);
    calls.delete(run_id);
  };
  const handler = BaseCallbackHandler.fromMethods({
    handleChatModelStart(model, messages, run_id, _parent, _extra, tags = [], metadata = {}, name) {
      begin(run_id, { of: "chat_model", name: name ?? className(model), tags, metadata }, { input: { messages } });
    },
    handleLLMNewToken(token, _place, run_id, _parent, _tags, fields) {
      const piece = fields?.chunk;
      const written = piece !== undefined && "message" in piece ? piece.message : undefined;
      tell("stream", run_id, { chunk: written ?? new AIMessageChunk({ content: token, id: `run-${run_id}` }) });
    },
    handleLLMEnd({ generations }, run_id) {
      const [first] = generations.flat();
      end(run_id, { output: (first as { message?: unknown } | undefined)?.message ?? null });
    },
    handleLLMError: (error, run_id) => end(run_id, { error: String(error) }),
    handleToolStart(tool, input, run_id, _parent, tags = [], metadata = {}, name) {
      begin(run_id, { of: "tool", name: name ?? className(tool), tags, metadata }, { input });
    },
    handleToolEnd: (output, run_id) => end(run_id, { output }),
    handleToolError: (error, run_id) => end(run_id, { error: String(error) }),
  }) as StreamingHandler;
  handler.lc_prefer_streaming = true;
  // Or an end could be told before its beginning.
  handler.awaitHandlers = true;
  return handler;
}

function className({ id }: { id?: string[] }): string {
  return id?.at(-1) ?? "";
}
