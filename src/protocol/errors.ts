/**
 * The error register: every code a caller could act on, with the HTTP status it travels as.
 * `retryable` means that the same request may succeed later without being changed.
 */
export const ERRORS = {
  already_decided: { status: 409, retryable: false },
  already_timed_out: { status: 409, retryable: false },
  ambiguous_resume: { status: 409, retryable: false },
  assistant_exists: { status: 409, retryable: false },
  auth_unavailable: { status: 503, retryable: true },
  authentication_required: { status: 401, retryable: false },
  bad_request: { status: 400, retryable: false },
  body_too_large: { status: 413, retryable: false },
  breaker_open: { status: 503, retryable: true },
  budget_exceeded: { status: 409, retryable: false },
  cancelled: { status: 410, retryable: false },
  claimed: { status: 409, retryable: true },
  configuration_invalid: { status: 500, retryable: false },
  database_newer: { status: 500, retryable: false },
  database_unreachable: { status: 503, retryable: true },
  digest_mismatch: { status: 409, retryable: false },
  effect_begun: { status: 409, retryable: false },
  effect_given_up: { status: 409, retryable: false },
  effect_in_doubt: { status: 409, retryable: false },
  effect_key_reused: { status: 500, retryable: false },
  effect_recalled: { status: 409, retryable: false },
  effect_settled: { status: 409, retryable: false },
  graph_invalid: { status: 500, retryable: false },
  graph_not_loaded: { status: 409, retryable: true },
  guarded: { status: 409, retryable: false },
  idempotency_key_reused: { status: 422, retryable: false },
  invalid: { status: 422, retryable: false },
  lease_lost: { status: 409, retryable: false },
  loop_limit: { status: 409, retryable: false },
  method_not_allowed: { status: 405, retryable: false },
  migration_edited: { status: 500, retryable: false },
  mixed_batch: { status: 422, retryable: false },
  model_failed: { status: 502, retryable: true },
  no_worker: { status: 503, retryable: true },
  not_durable: { status: 500, retryable: false },
  not_failed: { status: 409, retryable: false },
  not_found: { status: 404, retryable: false },
  nothing_asked: { status: 409, retryable: false },
  nothing_to_resume: { status: 409, retryable: false },
  outside_run: { status: 500, retryable: false },
  permission_denied: { status: 403, retryable: false },
  policy_invalid: { status: 500, retryable: false },
  precondition_failed: { status: 412, retryable: true },
  precondition_required: { status: 428, retryable: false },
  rate_limited: { status: 429, retryable: true },
  shutting_down: { status: 503, retryable: true },
  stale: { status: 409, retryable: false },
  superseded: { status: 409, retryable: false },
  thread_busy: { status: 409, retryable: true },
  thread_exists: { status: 409, retryable: false },
  too_many_restarts: { status: 409, retryable: false },
  too_many_revisions: { status: 409, retryable: false },
  too_much: { status: 422, retryable: false },
  tool_failed: { status: 502, retryable: false },
  unknown_interrupt: { status: 409, retryable: false },
  unknown_state_key: { status: 500, retryable: false },
  unsupported_media_type: { status: 415, retryable: false },
  use_fork: { status: 409, retryable: false },
} as const satisfies Record<string, { status: number; retryable: boolean }>;

/** One of the codes of the register. */
export type ErrorCode = keyof typeof ERRORS;

/** What failed, the value seen and what to do, for a caller that can act on it. Anything else leaves as a bare 500. */
export class HoldpointError extends Error {
  override readonly name = "HoldpointError";
  readonly code: ErrorCode;
  readonly status: number;
  readonly retryable: boolean;
  /** Facts a program can read: who won, what changed, which pointer is wrong. */
  readonly facts: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: { facts?: Record<string, unknown>; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = ERRORS[code].status;
    this.retryable = ERRORS[code].retryable;
    this.facts = options.facts ?? {};
  }
}

/** True for errors of the register, also from a second copy of the package. */
export function isHoldpointError(error: unknown): error is HoldpointError {
  return error instanceof Error && error.name === "HoldpointError" && "code" in error && String(error.code) in ERRORS;
}
