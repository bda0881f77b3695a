import type { BaseChatModelCallOptions, BindToolsInput } from "@langchain/core/language_models/chat_models";
import type { AIMessage, AIMessageChunk, BaseMessage } from "@langchain/core/messages";
import type { ModelPrices } from "../../policy/model-price.ts";
import { contentTokens, textTokens } from "../../policy/token-estimate.ts";
import type { BreakerTerms, Budget, RateTerms } from "../guards.ts";
import type { Candidate } from "./candidate.ts";

/** An answer of a shape, as a provider is asked for it. */
export interface ShapeWish {
  readonly name: string;
  /** A JSON Schema, of an object. */
  readonly schema: Readonly<Record<string, unknown>>;
  /** How the provider is told of it; its best way unless given. */
  readonly method?: "jsonSchema" | "functionCalling" | "jsonMode";
  readonly strict: boolean;
}

/** What a call may be told beside its messages; whatever else it is told goes to the provider as it stands. */
export interface GatewayCallOptions extends BaseChatModelCallOptions {
  tools?: BindToolsInput[];
  shape?: ShapeWish;
}

/** How a gateway makes its calls. */
export interface GatewayTerms {
  readonly candidates: readonly [Candidate, ...Candidate[]];
  readonly attempts: number;
  readonly firstMs: number;
  readonly longestMs: number;
  /** How long a model may say nothing. */
  readonly timeoutMs: number;
  /** How long answers are kept; not at all when undefined. */
  readonly cacheMs: number | undefined;
  readonly breaker: BreakerTerms | false | undefined;
  readonly budget: Budget | undefined;
  readonly requestsPerMinute: ReadonlyMap<string, number>;
  readonly tokensPerMinute: ReadonlyMap<string, number>;
  readonly prices: ModelPrices;
  /** From 0 to 1, for waits. */
  readonly random: () => number;
  /** What no error may repeat. */
  readonly secrets: readonly string[];
}

/** One call, whichever candidates it takes. */
export interface ModelCall {
  readonly terms: GatewayTerms;
  readonly messages: readonly BaseMessage[];
  readonly options: GatewayCallOptions;
  /** Whether the answer is wanted piece by piece. */
  readonly streams: boolean;
  readonly stopped: AbortSignal | undefined;
  /** About how many tokens the question is. */
  readonly tokens: number;
}

/** An answer, or a piece of one. */
export type Piece = AIMessage | AIMessageChunk;

/** About how many tokens messages and tools are. */
export function estimateTokens(messages: readonly BaseMessage[], { tools, shape }: GatewayCallOptions): number {
  const told = messages.reduce((sum, message) => sum + contentTokens(message.content) + callTokens(message), 0);
  return told + (tools ?? []).reduce((sum, tool) => sum + toolTokens(tool), 0) + (shape ? toolTokens(shape) : 0);
}

function callTokens(message: BaseMessage): number {
  const { tool_calls } = message as { tool_calls?: unknown[] };
  return tool_calls === undefined || tool_calls.length === 0 ? 0 : textTokens(JSON.stringify(tool_calls));
}

// A tool of LangChain holds its schema as an object that is no JSON; its description is the larger part.
const TOKENS_OF_SCHEMA = 100;

function toolTokens(tool: object): number {
  const { name, description, schema } = tool as { name?: unknown; description?: unknown; schema?: unknown };
  const isPlain = schema === undefined || Object.getPrototypeOf(schema) === Object.prototype;
  if (isPlain) return textTokens(JSON.stringify(tool) ?? "");
  return textTokens(`${String(name)} ${String(description)}`) + TOKENS_OF_SCHEMA;
}

/** The limits of a model: its own, or what every model without one of its own has. */
export function limitsOf({ requestsPerMinute, tokensPerMinute }: GatewayTerms, model: string) {
  const termsOf = (limits: ReadonlyMap<string, number>): RateTerms | undefined => {
    const limit = limits.get(model) ?? limits.get("*");
    return limit === undefined ? undefined : { limit, per_ms: 60_000 };
  };
  return { requests: termsOf(requestsPerMinute), tokens: termsOf(tokensPerMinute) };
}
