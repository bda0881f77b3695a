import type { ErrorClass } from "../protocol/error-class.ts";

/** What an HTTP status says about a failure. */
export function classOfStatus(status: number): ErrorClass | undefined {
  if (status === 429) return "rate_limit";
  if (status === 408 || status === 504) return "timeout";
  if (status === 401 || status === 403 || status === 407 || status === 451) return "permission";
  if (status === 402) return "budget";
  if (status === 409 || status === 423 || status === 425) return "provider";
  if (status >= 500) return "provider";
  return status >= 400 ? "validation" : undefined;
}

// Each is a whole code or type: what Node.js, undici, Postgres and the providers of models write there.
const WORDS: Readonly<Record<ErrorClass, readonly string[]>> = {
  rate_limit: ["rate_limit_exceeded", "rate_limit_error", "RESOURCE_EXHAUSTED"],
  timeout: [
    "ETIMEDOUT",
    "ESOCKETTIMEDOUT",
    // Of axios; and of undici, whose caller has hung up.
    "ECONNABORTED",
    "UND_ERR_ABORTED",
    "UND_ERR_CONNECT_TIMEOUT",
    "UND_ERR_HEADERS_TIMEOUT",
    "UND_ERR_BODY_TIMEOUT",
    "ABORT_ERR",
    "timeout_error",
    "DEADLINE_EXCEEDED",
    // Postgres: the statement, the wait for a lock, or an idle transaction took too long.
    "57014",
    "55P03",
    "25P03",
  ],
  provider: [
    "ECONNREFUSED",
    "ECONNRESET",
    "EHOSTDOWN",
    "EHOSTUNREACH",
    "ENETDOWN",
    "ENETUNREACH",
    "ENOTFOUND",
    "EAI_AGAIN",
    "EPIPE",
    "EPROTO",
    "UND_ERR_SOCKET",
    "UND_ERR_CLOSED",
    "UND_ERR_DESTROYED",
    "ERR_STREAM_PREMATURE_CLOSE",
    "ERR_TLS_CERT_ALTNAME_INVALID",
    "CERT_HAS_EXPIRED",
    "DEPTH_ZERO_SELF_SIGNED_CERT",
    "SELF_SIGNED_CERT_IN_CHAIN",
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    "server_error",
    "api_error",
    "overloaded_error",
    "UNAVAILABLE",
    // Postgres: a serialization failure, a deadlock and an unknown end of a transaction are worth another try.
    "40001",
    "40P01",
    "40003",
  ],
  validation: [
    "ERR_INVALID_URL",
    "context_length_exceeded",
    "invalid_request_error",
    "model_not_found",
    "not_found_error",
    // Postgres: a read-only transaction, and a statement that is too complex.
    "25006",
    "54001",
  ],
  tool: [],
  budget: ["insufficient_quota", "billing_hard_limit_reached", "billing_error"],
  permission: ["EACCES", "EPERM", "invalid_api_key", "authentication_error", "permission_error", "42501"],
  bug: ["ERR_INVALID_ARG_TYPE", "ERR_INVALID_ARG_VALUE", "UND_ERR_INVALID_ARG"],
};

const CLASS_OF_WORD = new Map(
  Object.entries(WORDS).flatMap(([name, words]) => words.map((word) => [word, name as ErrorClass] as const)),
);

// Postgres by class: connection, resources, operator, system; who may; then what was wrong with the statement itself.
const POSTGRES: readonly (readonly [RegExp, ErrorClass])[] = [
  [/^(?:08|53|58|XX)[0-9A-Z]{3}$/, "provider"],
  [/^57P[0-9A-Z]{2}$/, "provider"],
  [/^28[0-9A-Z]{3}$/, "permission"],
  [/^(?:0A|21|22|23|26|34|3D|3F|40|42|44|P0)[0-9A-Z]{3}$/, "validation"],
];

/** What a code says, as a whole; undefined when it is none of those that are known. */
export function classOfCode(code: string | undefined): ErrorClass | undefined {
  if (code === undefined) return undefined;
  return CLASS_OF_WORD.get(code) ?? POSTGRES.find(([pattern]) => pattern.test(code))?.[1];
}

const TYPES = new Map<string, ErrorClass>([
  ["TimeoutError", "timeout"],
  ["AbortError", "timeout"],
  ["ModelAbortError", "timeout"],
  ["APIUserAbortError", "timeout"],
  ["APIConnectionTimeoutError", "timeout"],
  ["ThrottlingException", "rate_limit"],
  ["ServiceUnavailableException", "provider"],
  ["ZodError", "validation"],
  ["$ZodError", "validation"],
  ["OutputParserException", "validation"],
  ["ContextOverflowError", "validation"],
  ["ModelRefusalError", "validation"],
  ["LengthFinishReasonError", "validation"],
  ["ContentFilterFinishReasonError", "validation"],
  ["SyntaxError", "validation"],
]);

// Errors around others, which say more: only where nothing underneath does, this is what they are.
const WRAPPERS = new Map<string, ErrorClass>([
  ["APIConnectionError", "provider"],
  ["APIError", "provider"],
]);

const BUGS = new Set(["TypeError", "ReferenceError", "RangeError", "EvalError"]);

/** What the type of an error says: its name, else the names of its class and of what that extends. */
export function classOfType(error: { readonly name: string }): ErrorClass | undefined {
  return classIn(TYPES, error);
}

/** The same of an error that is made around another one. */
export function classOfWrapper(error: { readonly name: string }): ErrorClass | undefined {
  return classIn(WRAPPERS, error);
}

function classIn(types: ReadonlyMap<string, ErrorClass>, error: { readonly name: string }): ErrorClass | undefined {
  const own = types.get(error.name);
  if (own !== undefined) return own;
  for (let link: unknown = Object.getPrototypeOf(error); link !== null; link = Object.getPrototypeOf(link)) {
    const made = (link as { constructor?: unknown }).constructor;
    const known = typeof made === "function" ? types.get(made.name) : undefined;
    if (known !== undefined) return known;
  }
  return undefined;
}

/** True for what only wrong code throws. */
export function isBugType(error: { readonly name: string }): boolean {
  return BUGS.has(error.name);
}
