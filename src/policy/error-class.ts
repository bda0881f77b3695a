import type { ErrorClass } from "../protocol/error-class.ts";
import { isHoldpointError } from "../protocol/errors.ts";
import { classOfCode, classOfStatus, classOfType, classOfWrapper, isBugType } from "./error-signs.ts";
import { type HeaderBag, parseRetryAfter } from "./retry-after.ts";

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
  let deepest: ErrorLike | undefined;
  let wrapper: ErrorClass | undefined;
  // Bound: causes may go round in a circle.
  for (let depth = 0; depth < DEEPEST_CAUSE && isErrorLike(current); depth += 1) {
    const found = classifyOne(current, nowMs);
    if (found !== undefined) return found;
    wrapper ??= classOfWrapper(current);
    deepest = current;
    // Connecting to several addresses fails with one error for each; the first speaks for them.
    current = current.cause ?? (Array.isArray(current.errors) ? current.errors[0] : undefined);
  }
  if (wrapper !== undefined) return { class: wrapper };
  // fetch() fails with a TypeError whose cause says why: what lies deepest tells a bug from a failure.
  return { class: deepest !== undefined && isBugType(deepest) ? "bug" : otherwise };
}

interface ErrorLike {
  readonly name: string;
  readonly message: string;
  readonly cause?: unknown;
  readonly errors?: unknown;
}

// An error of another realm, and the one that safeParse() of zod gives, is no instance of this realm's Error.
function isErrorLike(value: unknown): value is ErrorLike {
  if (typeof value !== "object" || value === null) return false;
  const { name, message } = value as { name?: unknown; message?: unknown };
  return typeof name === "string" && typeof message === "string";
}

function classifyOne(error: ErrorLike, nowMs: number): Classified | undefined {
  const stated = statedClass(error);
  if (stated !== undefined) return stated;
  const { status, code, words, headers } = signsOf(error);
  const named = code === undefined ? {} : { code };
  const byCode = classOfCode(code);
  const byWord = words.map(classOfCode).find((found) => found !== undefined);
  if (status === undefined) {
    const found = byWord ?? classOfType(error);
    return found === undefined ? undefined : { class: found, ...named };
  }
  // With one status OpenAI says to wait a second and that the account is empty, and Google that the key is none.
  const found = (byWord === "budget" || byCode === "permission" ? byWord : classOfStatus(status)) ?? byWord;
  if (found === undefined) return undefined;
  const retry_after_ms = headers === undefined ? undefined : parseRetryAfter(headers, nowMs);
  return { class: found, status, ...named, ...(retry_after_ms === undefined ? {} : { retry_after_ms }) };
}

interface Signs {
  status: number | undefined;
  code: string | undefined;
  /** The code, and what else may say as one word what happened. */
  words: readonly string[];
  headers: HeaderBag | undefined;
}

/** What clients of HTTP services put on their errors: `status` or `statusCode`, on the error or on its `response`. */
function signsOf(error: ErrorLike): Signs {
  const own = error as unknown as Readonly<Record<string, unknown>>;
  const response = recordOf(own["response"]);
  const body = recordOf(own["error"]);
  const statuses = [own["status"], own["statusCode"], response["status"], recordOf(own["$metadata"])["httpStatusCode"]];
  const headers = own["headers"] ?? response["headers"];
  const codes = [own["code"], body["code"]].filter(isText);
  const types = [own["type"], body["type"], recordOf(body["error"])["type"]].filter(isText);
  return {
    status: statuses.find(isStatus),
    code: codes[0],
    words: [...codes, ...types],
    headers: typeof headers === "object" && headers !== null ? (headers as HeaderBag) : undefined,
  };
}

const isText = (value: unknown): value is string => typeof value === "string";
const isStatus = (value: unknown): value is number =>
  Number.isInteger(value) && Number(value) >= 300 && Number(value) < 600;

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

const OWN_CODES: Partial<Record<string, ErrorClass>> = {
  auth_unavailable: "provider",
  authentication_required: "permission",
  bad_request: "validation",
  breaker_open: "provider",
  budget_exceeded: "budget",
  cancelled: "timeout",
  claimed: "provider",
  database_unreachable: "provider",
  effect_given_up: "tool",
  effect_in_doubt: "tool",
  effect_recalled: "permission",
  effect_settled: "tool",
  invalid: "validation",
  model_failed: "provider",
  no_worker: "provider",
  not_found: "validation",
  permission_denied: "permission",
  rate_limited: "rate_limit",
  shutting_down: "provider",
  thread_busy: "provider",
  too_much: "validation",
  tool_failed: "tool",
};

function statedClass(error: ErrorLike): Classified | undefined {
  if (!isHoldpointError(error)) return undefined;
  const { code, facts } = error;
  const stated = facts?.["class"];
  const known =
    typeof stated === "string" && Object.hasOwn(STRATEGIES, stated) ? (stated as ErrorClass) : OWN_CODES[code];
  const wait = facts?.["retry_after_ms"];
  return { class: known ?? "bug", code, ...(typeof wait === "number" ? { retry_after_ms: wait } : {}) };
}
