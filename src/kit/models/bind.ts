import { BaseCallbackHandler } from "@langchain/core/callbacks/base";
import type { BaseLanguageModelInput } from "@langchain/core/language_models/base";
import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import type { Runnable, RunnableSequence } from "@langchain/core/runnables";
import { HoldpointError } from "../../protocol/errors.ts";
import type { Candidate } from "./candidate.ts";
import type { GatewayCallOptions, Piece, ShapeWish } from "./model-call.ts";

/** A candidate that has been told of the tools and the shape of a call. */
export interface BoundModel {
  readonly runnable: Runnable<BaseLanguageModelInput, Piece>;
  /** What every request is told beside its messages and its signal. */
  readonly options: Readonly<Record<string, unknown>>;
}

// The callbacks of a call hear of the gateway alone: they would count tokens twice otherwise. It has the name of LangSmith's
// tracer, because LangChain adds that one by itself where none has its name.
class Quiet extends BaseCallbackHandler {
  override readonly name = "langchain_tracer";
  updateFromRunTree(): void {}
}
const QUIET = [new Quiet()];

/** What belongs to the call as a whole, and not to one request. */
type Rest = Omit<GatewayCallOptions, "tools" | "shape" | "signal" | "timeout">;

/** Tells a candidate of the tools and the shape in its provider's own way. */
export function bindCandidate({ chat, model }: Candidate, options: GatewayCallOptions): BoundModel {
  const { tools, shape, signal: _signal, timeout: _timeout, ...rest } = options as GatewayCallOptions & Rest;
  // It would try again by itself, with waits that nobody sees.
  const own = { callbacks: QUIET, maxRetries: 0 };
  if (shape !== undefined) {
    const runnable = shaped(chat, model, shape);
    return { runnable, options: { ...rest, ...rawFormat(runnable), ...own } };
  }
  if (tools === undefined || tools.length === 0) {
    return { runnable: chat as unknown as BoundModel["runnable"], options: { ...rest, ...own } };
  }
  if (chat.bindTools === undefined) throw cannot(model, "takes no tools");
  return { runnable: chat.bindTools(tools, rest) as BoundModel["runnable"], options: own };
}

/** The parser that the provider's client puts behind its model stays away: it would hide what an unfit answer said. */
function shaped(chat: BaseChatModel, model: string, { name, schema, method, strict }: ShapeWish) {
  const isOpenAI = chat._llmType() === "openai";
  const told = isOpenAI
    ? { name, ...(method === undefined ? {} : { method }), ...(strict && method !== "jsonMode" ? { strict } : {}) }
    : { name };
  const structured = chat.withStructuredOutput(schema, told) as unknown as RunnableSequence & {
    bound?: RunnableSequence;
  };
  // Most providers' clients give the sequence a name, and with it a wrapper.
  const first = (structured.bound ?? structured).steps?.[0];
  if (first === undefined) throw cannot(model, "gives no answers of a shape");
  return first as unknown as BoundModel["runnable"];
}

/** OpenAI's client would read the answer itself, and throw it away where it is no JSON; this lets it be, and is not sent. */
function rawFormat(runnable: object): { response_format?: object } {
  const { response_format: format } =
    (runnable as { defaultOptions?: { response_format?: object } }).defaultOptions ?? {};
  if (format === undefined) return {};
  return { response_format: Object.defineProperty({ ...format }, "$parseRaw", { value: () => null }) };
}

function cannot(model: string, what: string): HoldpointError {
  return new HoldpointError("model_failed", `the model ${model} ${what}; use another one for this`, {
    facts: { class: "validation", model },
  });
}

/** All that a request of this candidate says beside its messages, as far as the provider's client can tell. */
export function parametersOf({ runnable, options }: BoundModel): unknown {
  const { callbacks: _callbacks, maxRetries: _maxRetries, ...told } = options;
  const link = runnable as { bound?: unknown; config?: object; kwargs?: object };
  const inner = (link.bound ?? link) as { invocationParams?: (options: object) => object };
  const all = { ...link.config, ...link.kwargs, ...told };
  const sent = typeof inner.invocationParams === "function" ? inner.invocationParams(all) : {};
  return Object.keys(sent).length > 0 ? sent : all;
}
