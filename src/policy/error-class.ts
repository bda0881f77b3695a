import type { ErrorClass } from "../protocol/error-class.ts";
import { isHoldpointError } from "../protocol/errors.ts";

/** What is done about a failure. */
export interface Strategy {
  /** Whether the same call is made again: after what the other side asked for, after a growing wait, or not at all. */
  readonly retry: "after_wait" | "back_off" | "never";
  /** Whether it is the other side's fault, and counts for its breaker. */
  readonly isProviderFault: boolean;
  /** Whether somebody else, another model or the next step of a ladder, may do better. */
  readonly fallback: boolean;
}

/** One strategy for each kind of failure. */
export const STRATEGIES: Readonly<Record<ErrorClass, Strategy>> = {
  rate_limit: { retry: "after_wait", isProviderFault: false, fallback: true },
  timeout: { retry: "back_off", isProviderFault: true, fallback: true },
  provider: { retry: "back_off", isProviderFault: true, fallback: true },
  validation: { retry: "never", isProviderFault: false, fallback: false },
  tool: { retry: "back_off", isProviderFault: false, fallback: true },
  budget: { retry: "never", isProviderFault: false, fallback: false },
  permission: { retry: "never", isProviderFault: false, fallback: true },
  bug: { retry: "never", isProviderFault: false, fallback: false },
};

/** What is known of a failure. */
export interface Classified {
  class: ErrorClass;
  /** The HTTP status it came with. */
  status?: number;
  /** The code of the system, of Postgres, of a provider, or of the register. */
  code?: string;
  /** How long the other side asks to wait. */
  retry_after_ms?: number;
}

const DEEPEST_CAUSE = 5;

/**
 * Says what kind of failure an error is: by its status, its code and its type, never by words in its message. What none
 * of them tells is `otherwise`: a bug, unless the caller knows who was at work.
 */
export function classifyError(error: unknown, nowMs: number, otherwise: ErrorClass = "bug"): Classified {
  let current = error;
  for (let depth = 0; depth < DEEPEST_CAUSE && current instanceof Error; depth += 1) {
    const found = classifyOne(current, nowMs);
    if (found !== undefined) return found;
    current = current.cause;
  }
  return { class: error instanceof Error && BUGS.has(error.name) ? "bug" : otherwise };
}

function classifyOne(error: Error, nowMs: number): Classified | undefined {
  const stated = statedClass(error);
  if (stated !== undefined) return stated;
  const { status, code, headers } = error as Error & { status?: unknown; code?: unknown; headers?: unknown };
  const text = typeof code === "string" ? { code } : {};
  if (typeof status === "number") {
    const retry_after_ms = headers instanceof Headers ? parseRetryAfter(headers, nowMs) : undefined;
    const wait = retry_after_ms === undefined ? {} : { retry_after_ms };
    // OpenAI says with the same status that the account is empty: no waiting helps there.
    if (code === "insufficient_quota") return { class: "budget", status, ...text };
    const known = classOfStatus(status);
    if (known !== undefined) return { class: known, status, ...text, ...wait };
  }
  const byCode = typeof code === "string" ? classOfCode(code) : undefined;
  if (byCode !== undefined) return { class: byCode, ...text };
  const byType = TYPES[error.name] ?? TYPES[error.constructor.name];
  return byType === undefined ? undefined : { class: byType };
}

const OWN_CODES: Partial<Record<string, ErrorClass>> = {
  breaker_open: "provider",
  budget_exceeded: "budget",
  cancelled: "timeout",
  database_unreachable: "provider",
  effect_given_up: "tool",
  effect_in_doubt: "tool",
  effect_recalled: "permission",
  invalid: "validation",
  model_failed: "provider",
  permission_denied: "permission",
  rate_limited: "rate_limit",
  tool_failed: "tool",
};

function statedClass(error: Error): Classified | undefined {
  if (!isHoldpointError(error)) return undefined;
  const { code, facts } = error;
  const stated = facts["class"];
  const known = typeof stated === "string" && stated in STRATEGIES ? (stated as ErrorClass) : OWN_CODES[code];
  const wait = facts["retry_after_ms"];
  return { class: known ?? "bug", code, ...(typeof wait === "number" ? { retry_after_ms: wait } : {}) };
}

function classOfStatus(status: number): ErrorClass | undefined {
  if (status === 429) return "rate_limit";
  if (status === 408 || status === 504) return "timeout";
  if (status === 401 || status === 403 || status === 407 || status === 451) return "permission";
  if (status === 402) return "budget";
  if (status === 409 || status === 423 || status === 425) return "provider";
  if (status >= 500) return "provider";
  return status >= 400 ? "validation" : undefined;
}

const TIMEOUT_CODES = new Set([
  "ETIMEDOUT",
  "ESOCKETTIMEDOUT",
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_BODY_TIMEOUT",
  // Postgres: the statement or the wait for a lock took too long.
  "57014",
  "55P03",
]);
const PROVIDER_CODES = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EPIPE",
  "UND_ERR_SOCKET",
  "ERR_STREAM_PREMATURE_CLOSE",
  // Postgres: a serialization failure and a deadlock are worth another try.
  "40001",
  "40P01",
]);
// Postgres by class: connection, resources, operator; then what was wrong with the statement itself.
const POSTGRES: readonly (readonly [RegExp, ErrorClass])[] = [
  [/^(?:08|53|57P|58)/, "provider"],
  [/^(?:28|42501$)/, "permission"],
  [/^(?:22|23|42|25006$|0A)/, "validation"],
];

function classOfCode(code: string): ErrorClass | undefined {
  if (TIMEOUT_CODES.has(code)) return "timeout";
  if (PROVIDER_CODES.has(code)) return "provider";
  if (!/^[0-9A-Z]{5}$/.test(code)) return undefined;
  return POSTGRES.find(([pattern]) => pattern.test(code))?.[1];
}

const TYPES: Partial<Record<string, ErrorClass>> = {
  TimeoutError: "timeout",
  APIConnectionTimeoutError: "timeout",
  APIConnectionError: "provider",
  ZodError: "validation",
  $ZodError: "validation",
  OutputParserException: "validation",
  SyntaxError: "validation",
};

const BUGS = new Set(["TypeError", "ReferenceError", "RangeError", "EvalError"]);

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
