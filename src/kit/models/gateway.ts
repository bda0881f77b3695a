import type { CallbackManagerForLLMRun } from "@langchain/core/callbacks/manager";
import type { BaseLanguageModelInput } from "@langchain/core/language_models/base";
import { BaseChatModel, type BindToolsInput, type LangSmithParams } from "@langchain/core/language_models/chat_models";
import {
  assembleStructuredOutputPipeline,
  createContentParser,
  createFunctionCallingParser,
} from "@langchain/core/language_models/structured_output";
import { type AIMessage, AIMessageChunk, type BaseMessage } from "@langchain/core/messages";
import { ChatGenerationChunk, type ChatResult } from "@langchain/core/outputs";
import { type Runnable, RunnableLambda } from "@langchain/core/runnables";
import { joinSignals } from "../join-signals.ts";
import { runSignal } from "../ports.ts";
import { askCandidates } from "./ask-candidates.ts";
import { temperatureOf } from "./candidate.ts";
import {
  estimateTokens,
  type GatewayCallOptions,
  type GatewayTerms,
  type ModelCall,
  type Piece,
} from "./model-call.ts";
import { shapeOf } from "./shape.ts";

/**
 * A chat model over one or more others: it keeps to limits and budgets, waits and asks again, goes on to the next one, and
 * keeps account. For LangChain each call is one run of one model, whatever it takes.
 */
export class ModelGateway extends BaseChatModel<GatewayCallOptions> {
  readonly #terms: GatewayTerms;

  constructor(terms: GatewayTerms) {
    super({});
    this.#terms = terms;
  }

  /** How long it waits before it asks again. */
  get waits(): Pick<GatewayTerms, "firstMs" | "longestMs" | "random"> {
    const { firstMs, longestMs, random } = this.#terms;
    return { firstMs, longestMs, random };
  }

  /** The model that is asked first. */
  get model(): string {
    return this.#terms.candidates[0].model;
  }

  /** The same without the model that is asked first; undefined when there is no other. */
  withoutFirst(): ModelGateway | undefined {
    const [, second, ...rest] = this.#terms.candidates;
    return second === undefined ? undefined : new ModelGateway({ ...this.#terms, candidates: [second, ...rest] });
  }

  /** What LangChain's agents look up: how much may be sent. */
  override get profile(): { maxInputTokens?: number } {
    const { window } = this.#terms.candidates[0];
    return window === undefined ? {} : { maxInputTokens: window };
  }

  override _llmType(): string {
    return "holdpoint";
  }

  override getLsParams(options: this["ParsedCallOptions"]): LangSmithParams {
    const [first] = this.#terms.candidates;
    const temperature = temperatureOf(first);
    return {
      ...super.getLsParams(options),
      ls_provider: first.id.slice(0, first.id.indexOf("/")),
      ls_model_name: first.model,
      ...(temperature === undefined ? {} : { ls_temperature: temperature }),
    };
  }

  override bindTools(
    tools: BindToolsInput[],
    options: Partial<GatewayCallOptions> = {},
  ): Runnable<BaseLanguageModelInput, AIMessageChunk, GatewayCallOptions> {
    return this.withConfig({ ...options, tools } as Partial<GatewayCallOptions>);
  }

  // biome-ignore lint/suspicious/noExplicitAny: LangChain's own overloads say what is given and what comes back.
  override withStructuredOutput(schema: any, config: any = {}): any {
    const shape = shapeOf(schema, config);
    const asked = this.withConfig({ shape } as Partial<GatewayCallOptions>);
    const fromCall = createFunctionCallingParser(schema, shape.name);
    const fromText = createContentParser(schema);
    const parser = RunnableLambda.from(async (message: AIMessage) =>
      (message.tool_calls?.length ?? 0) > 0 ? await fromCall.invoke(message) : await fromText.invoke(message.text),
    );
    return assembleStructuredOutputPipeline(asked as never, parser as never, config.includeRaw);
  }

  override async _generate(messages: BaseMessage[], options: this["ParsedCallOptions"]): Promise<ChatResult> {
    let message: Piece | undefined;
    // To its end, which is behind the answer: there it is kept and accounted for.
    const { call, release } = this.#callOf(messages, options, false);
    try {
      for await (const piece of askCandidates(call)) message = piece;
    } finally {
      release();
    }
    if (message === undefined) throw new Error("a model has answered without an answer");
    return { generations: [{ text: message.text, message }] };
  }

  override async *_streamResponseChunks(
    messages: BaseMessage[],
    options: this["ParsedCallOptions"],
    runManager?: CallbackManagerForLLMRun,
  ): AsyncGenerator<ChatGenerationChunk> {
    const { call, release } = this.#callOf(messages, options, true);
    try {
      for await (const piece of askCandidates(call)) {
        const message = asChunk(piece);
        const chunk = new ChatGenerationChunk({ message, text: message.text });
        yield chunk;
        await runManager?.handleLLMNewToken(message.text, undefined, undefined, undefined, undefined, { chunk });
      }
    } finally {
      release();
    }
  }

  #callOf(messages: BaseMessage[], options: this["ParsedCallOptions"], streams: boolean) {
    const told = options as GatewayCallOptions;
    const { signal: stopped, release } = joinSignals(told.signal, runSignal());
    const tokens = estimateTokens(messages, told);
    const call: ModelCall = { terms: this.#terms, messages, options: told, streams, stopped, tokens };
    return { call, release };
  }
}

// A model that cannot stream gives its whole answer as one piece.
function asChunk(piece: Piece): AIMessageChunk {
  if (AIMessageChunk.isInstance(piece)) return piece;
  const { tool_calls, ...fields } = piece as AIMessage;
  const tool_call_chunks = (tool_calls ?? []).map(({ name, args, id }, index) => ({
    type: "tool_call_chunk" as const,
    name,
    args: JSON.stringify(args),
    index,
    ...(id === undefined ? {} : { id }),
  }));
  const { content, additional_kwargs, response_metadata, usage_metadata, id } = fields;
  return new AIMessageChunk({
    content,
    additional_kwargs,
    response_metadata,
    tool_call_chunks,
    ...(usage_metadata === undefined ? {} : { usage_metadata }),
    ...(id === undefined ? {} : { id }),
  });
}
