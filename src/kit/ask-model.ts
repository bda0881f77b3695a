import { setTimeout as sleep } from "node:timers/promises";
import type { ChatOpenAI } from "@langchain/openai";
import type { z } from "zod";
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
      const waitMs = failure.retryAfterMs ?? (options.first_wait_ms ?? FIRST_WAIT_MS) * 2 ** (attempt - 1);
      if (!failure.retryable || attempt >= attempts || waitMs > LONGEST_WAIT_MS) {
        return { ok: false, reason: failure.reason, attempts: attempt };
      }
      await sleep(waitMs, undefined, signal === undefined ? {} : { signal });
    }
  }
}

/** Why a model did not answer, and whether asking again may help. */
export interface Failure {
  reason: string;
  retryable: boolean;
  retryAfterMs?: number;
}

// Nobody gets better by being asked the same again: a wrong request, a wrong key, no right, no such model.
const FINAL_STATUSES = new Set([400, 401, 403, 404, 413, 422]);

/** Says what an error of a model's endpoint means. */
export function describeFailure(error: unknown): Failure {
  if (!(error instanceof Error)) return { reason: "it failed for an unknown reason", retryable: true };
  const { status, headers } = error as Error & { status?: unknown; headers?: unknown };
  if (typeof status === "number") {
    const retryAfterMs = headers instanceof Headers ? parseRetryAfter(headers, Date.now()) : undefined;
    return {
      reason: status === 429 ? "it refused for too many requests (HTTP 429)" : `it answered with HTTP ${status}`,
      retryable: !FINAL_STATUSES.has(status),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    };
  }
  if (error.name === "TimeoutError") return { reason: "it did not answer in time", retryable: true };
  if (error.name.endsWith("ZodError")) return { reason: "its answer did not have the asked shape", retryable: true };
  if (error instanceof SyntaxError || error.name === "OutputParserException" || /JSON/.test(error.message)) {
    return { reason: "its answer was not the JSON that was asked for", retryable: true };
  }
  return { reason: `the connection to it failed (${firstLine(error.message)})`, retryable: true };
}

/** How long the server asks to wait: `retry-after-ms`, else `retry-after` in seconds or as a date. */
export function parseRetryAfter(headers: Headers, nowMs: number): number | undefined {
  const milliseconds = Number.parseFloat(headers.get("retry-after-ms") ?? "");
  if (milliseconds >= 0) return milliseconds;
  const text = headers.get("retry-after") ?? "";
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  // An HTTP date begins with the day of the week; Date.parse alone would also make a date of "-5".
  const at = /^[A-Za-z]{3,9},? /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs);
}

function firstLine(text: string): string {
  return (text.split("\n")[0] ?? "").slice(0, 200);
}
