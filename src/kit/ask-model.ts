import { setTimeout as sleep } from "node:timers/promises";
import type { ChatOpenAI } from "@langchain/openai";
import type { z } from "zod";
import { classifyError, STRATEGIES } from "../policy/error-class.ts";
import { failureWords } from "../policy/failure-words.ts";
import { runSignal } from "./ports.ts";

/** One question to a model, and the shape its answer must have. */
export interface AskOptions<Schema extends z.ZodObject> {
  model: ChatOpenAI;
  schema: Schema;
  /** Names the shape towards the model: letters, digits, underscore. */
  name: string;
  system: string;
  user: string;
  /** Requests at most; 3 unless given. */
  attempts?: number;
  /** Before the second request, doubled before each further one, unless the server says how long; 250 ms unless given. */
  first_wait_ms?: number;
}

/** The answer, or why there is none, in one sentence for a person. */
export type AskResult<Value> = { ok: true; value: Value } | { ok: false; reason: string; attempts: number };

const DEFAULT_ATTEMPTS = 3;
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 5_000;

/**
 * Asks for an answer of a zod shape. A model that is busy, broken, silent or talks nonsense is asked again, at most
 * `attempts` times; then the failure is a value, so that the graph can take another way. Only a cancelled run throws.
 */
export async function askModel<Schema extends z.ZodObject>(
  options: AskOptions<Schema>,
): Promise<AskResult<z.output<Schema>>> {
  const attempts = options.attempts ?? DEFAULT_ATTEMPTS;
  const signal = runSignal();
  // Structured output sends the schema along; the answer is still checked here, because not every endpoint obeys it.
  const structured = options.model.withStructuredOutput(options.schema, { name: options.name, method: "jsonSchema" });
  const messages = [
    { role: "system", content: options.system },
    { role: "user", content: options.user },
  ];
  for (let attempt = 1; ; attempt += 1) {
    try {
      const answer: unknown = await structured.invoke(messages, signal === undefined ? {} : { signal });
      return { ok: true, value: options.schema.parse(answer) };
    } catch (error) {
      signal?.throwIfAborted();
      const failure = describeFailure(error);
      const waitMs = failure.retry_after_ms ?? (options.first_wait_ms ?? FIRST_WAIT_MS) * 2 ** (attempt - 1);
      if (!failure.isRetryable || attempt >= attempts || waitMs > LONGEST_WAIT_MS) {
        return { ok: false, reason: failure.reason, attempts: attempt };
      }
      await sleep(waitMs, undefined, signal === undefined ? {} : { signal });
    }
  }
}

function describeFailure(error: unknown): { reason: string; isRetryable: boolean; retry_after_ms?: number } {
  const failure = classifyError(error, Date.now(), "provider");
  const { class: kind, status, retry_after_ms } = failure;
  if (kind === "validation" && status === undefined) return { reason: unfit(error), isRetryable: true };
  const wait = retry_after_ms === undefined ? {} : { retry_after_ms };
  return { reason: failureWords(failure), isRetryable: STRATEGIES[kind].retry !== "never", ...wait };
}

function unfit(error: unknown): string {
  const isShape = error instanceof Error && error.name.endsWith("ZodError");
  return isShape ? "its answer did not have the asked shape" : "its answer was not the JSON that was asked for";
}
