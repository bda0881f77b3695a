import type { ErrorCode } from "../protocol/errors.ts";

/** What is said to who comes too late for a review. */
export const TOO_LATE: readonly ErrorCode[] = [
  "already_decided",
  "already_timed_out",
  "cancelled",
  "stale",
  "superseded",
];

/** Why a decision is not taken. */
export const NOT_DECIDED: readonly ErrorCode[] = [
  ...TOO_LATE,
  "claimed",
  "digest_mismatch",
  "idempotency_key_reused",
  "mixed_batch",
  "precondition_failed",
  "precondition_required",
  "use_fork",
];

/** Why a run is not started, or an answer not taken with it, beside what is wrong with the request itself. */
export const NOT_STARTED: readonly ErrorCode[] = [
  ...NOT_DECIDED,
  "ambiguous_resume",
  "guarded",
  "not_found",
  "nothing_to_resume",
  "thread_busy",
  "unknown_interrupt",
];
