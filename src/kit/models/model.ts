import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import type { ModelPrices } from "../../policy/model-price.ts";
import { HoldpointError } from "../../protocol/errors.ts";
import type { BreakerTerms, Budget } from "../guards.ts";
import { portsIfAny } from "../ports.ts";
import type { Candidate } from "./candidate.ts";
import type { ModelGateway } from "./gateway.ts";
import type { GatewayTerms } from "./model-call.ts";

/** Where the model is, any endpoint that speaks OpenAI's chat completions, and how it is called. */
export interface ModelConfiguration {
  apiKey?: string | undefined;
  baseUrl?: string | undefined;
  model?: string | undefined;
  /** Other models of the same endpoint, asked in this order when one cannot answer. */
  fallbacks?: readonly string[];
  /** Per model; `*` is every other, each for itself. */
  requestsPerMinute?: ReadonlyMap<string, number>;
  tokensPerMinute?: ReadonlyMap<string, number>;
  /** How long answers are kept that were asked for with temperature 0; not at all unless given. */
  cacheMs?: number | undefined;
  /** Tokens that a model takes in all, where its provider's client does not know. */
  windows?: ReadonlyMap<string, number>;
  prices?: ModelPrices;
  /** The wait before the second request. */
  firstWaitMs?: number;
  /** From 0 to 1, for the waits. */
  random?: () => number;
}

/** How this call differs from the configured model. */
export interface ModelOptions {
  /** Another model of the same endpoint. */
  model?: string;
  /** A chat model of any provider, in the place of the configured one. */
  use?: BaseChatModel;
  /** Who is asked when it cannot answer, in this order: models of the same endpoint, or of any provider. */
  fallbacks?: readonly (string | BaseChatModel)[];
  /** Of models of the configured endpoint. */
  temperature?: number;
  /** The longest answer of those, in tokens. */
  max_output_tokens?: number;
  /** How long it may say nothing: until the whole answer, or until the next piece where it is streamed; 30 seconds unless given. */
  timeout_ms?: number;
  /** Requests at most to each model, of which the first is one; 3 unless given. */
  attempts?: number;
  /** The wait before the second request, doubled before each further one; 1 to 60 seconds unless given. What a provider asks for counts instead, unless it is longer. */
  back_off?: { first_ms?: number; longest_ms?: number };
  /** When a model is left alone; false never. */
  breaker?: BreakerTerms | false;
  /** How long answers are kept for those who ask the same; false never. */
  cache?: { ttl_ms: number } | false;
  /** What the run may have spent before a person is asked. */
  budget?: Budget;
}

const DEFAULT_MODEL = "gpt-4.1-mini";
const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_ATTEMPTS = 3;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;

let configured: ModelConfiguration = {};
// Loaded on first use, and then kept: Node takes a twentieth of a millisecond to say that it has a module.
let loaded: Promise<[typeof import("./gateway.ts"), typeof import("./candidate.ts")]> | undefined;

/** Tells the kit which model there is. Called once at start, by whoever reads the environment; `{}` means none. */
export function configureModels(configuration: ModelConfiguration): void {
  configured = { ...configuration };
}

/**
 * A chat model that keeps to limits and budgets, asks again, goes on to its fallbacks and keeps account. Undefined when no
 * model is configured or given: the graph then takes its deterministic path and says so.
 */
export async function model(options: ModelOptions = {}): Promise<ModelGateway | undefined> {
  const chats = await chatsOf(options);
  if (chats.length === 0) return undefined;
  loaded ??= Promise.all([import("./gateway.ts"), import("./candidate.ts")]);
  const [{ ModelGateway: Gateway }, { candidateOf }] = await loaded;
  const windows = configured.windows ?? new Map<string, number>();
  const candidates = chats.map((chat) => candidateOf(chat, windows)) as [Candidate, ...Candidate[]];
  return new Gateway(termsOf(options, candidates));
}

function termsOf(options: ModelOptions, candidates: [Candidate, ...Candidate[]]): GatewayTerms {
  const { back_off = {}, attempts = DEFAULT_ATTEMPTS, timeout_ms = DEFAULT_TIMEOUT_MS } = options;
  const { apiKey = "", firstWaitMs = FIRST_WAIT_MS, prices = new Map(), random = Math.random } = configured;
  const { requestsPerMinute = new Map(), tokensPerMinute = new Map() } = configured;
  if (!(attempts >= 1 && timeout_ms > 0)) {
    const message = `a model was asked for with attempts ${attempts} and timeout_ms ${timeout_ms}; give at least 1 of each`;
    throw new HoldpointError("invalid", message);
  }
  return {
    candidates,
    attempts,
    firstMs: back_off.first_ms ?? firstWaitMs,
    longestMs: back_off.longest_ms ?? LONGEST_WAIT_MS,
    timeoutMs: timeout_ms,
    cacheMs: cacheMsOf(options),
    breaker: options.breaker,
    budget: options.budget ?? portsIfAny()?.run.budget,
    requestsPerMinute,
    tokensPerMinute,
    prices,
    random,
    secrets: apiKey === "" ? [] : [apiKey],
  };
}

/** Asked again with another temperature than 0, a model is meant to say something else. */
function cacheMsOf({ cache, temperature, use }: ModelOptions): number | undefined {
  if (cache !== undefined) return cache === false ? undefined : cache.ttl_ms;
  // A model that was given has a temperature of its own.
  const own = use === undefined ? temperature : (use as { temperature?: number }).temperature;
  return own === 0 ? configured.cacheMs : undefined;
}

/** The chat models to ask, in their order. */
async function chatsOf(options: ModelOptions): Promise<BaseChatModel[]> {
  // Who names a model of another provider has not said that the configured one may read the same.
  const { use, fallbacks = use === undefined ? (configured.fallbacks ?? []) : [] } = options;
  const first = use ?? options.model;
  const name = first ?? configured.model ?? DEFAULT_MODEL;
  const asked = [first, ...new Set(fallbacks.filter((one) => one !== name))];
  const chats = await Promise.all(
    asked.map(async (one) => (typeof one === "object" ? one : await configuredChat(options, one))),
  );
  return chats.filter((chat) => chat !== undefined);
}

async function configuredChat(options: ModelOptions, name: string | undefined): Promise<BaseChatModel | undefined> {
  const standIn = portsIfAny()?.models;
  if (standIn !== undefined) return standIn(name === undefined ? {} : { model: name });
  const { apiKey, baseUrl } = configured;
  if (apiKey === undefined || apiKey === "") return undefined;
  // Loaded on first use: 160 ms that a server without a key never spends.
  const { ChatOpenAI } = await import("@langchain/openai");
  const { temperature, max_output_tokens } = options;
  return new ChatOpenAI({
    apiKey,
    model: name ?? configured.model ?? DEFAULT_MODEL,
    maxRetries: 0,
    // Only there does it say that it refuses; the gateway takes that and drops the rest.
    __includeRawResponse: true,
    ...(temperature === undefined ? {} : { temperature }),
    ...(max_output_tokens === undefined ? {} : { maxTokens: max_output_tokens }),
    ...(baseUrl === undefined || baseUrl === "" ? {} : { configuration: { baseURL: baseUrl } }),
  });
}
