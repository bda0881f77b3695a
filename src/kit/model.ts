import type { ChatOpenAI } from "@langchain/openai";

/** Where the model is: any endpoint that speaks OpenAI's chat completions. */
export interface ModelConfiguration {
  apiKey?: string | undefined;
  baseUrl?: string | undefined;
  model?: string | undefined;
}

/** How this call differs from the configured model. */
export interface ModelOptions {
  /** Another model of the same endpoint. */
  model?: string;
  temperature?: number;
  /** One request; 30 seconds unless given. */
  timeout_ms?: number;
}

const DEFAULT_MODEL = "gpt-4.1-mini";
const DEFAULT_TIMEOUT_MS = 30_000;

let configured: ModelConfiguration = {};

/** Tells the kit which model there is. Called once at start, by whoever reads the environment; `{}` means none. */
export function configureModels(configuration: ModelConfiguration): void {
  configured = { ...configuration };
}

/**
 * The configured chat model, or undefined when there is none: the graph then takes its deterministic path and says so.
 * It does not retry by itself, so that whoever asks decides how often and says what happened (see askModel).
 */
export async function model(options: ModelOptions = {}): Promise<ChatOpenAI | undefined> {
  const { apiKey, baseUrl, model: name } = configured;
  if (apiKey === undefined || apiKey === "") return undefined;
  // Loaded on first use: 160 ms that a server without a key never spends.
  const { ChatOpenAI } = await import("@langchain/openai");
  return new ChatOpenAI({
    apiKey,
    model: options.model ?? name ?? DEFAULT_MODEL,
    timeout: options.timeout_ms ?? DEFAULT_TIMEOUT_MS,
    maxRetries: 0,
    ...(options.temperature === undefined ? {} : { temperature: options.temperature }),
    ...(baseUrl === undefined || baseUrl === "" ? {} : { configuration: { baseURL: baseUrl } }),
  });
}
