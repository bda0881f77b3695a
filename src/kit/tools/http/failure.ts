import { classifyError } from "../../../policy/error-class.ts";
import type { ErrorClass } from "../../../protocol/error-class.ts";
import { kitClock } from "../../clock.ts";
import { type GuardedAnswer, PrivateAddress } from "../../guarded-request.ts";

/** What is known of a request that failed. */
export interface FailureFacts {
  class: ErrorClass;
  status?: number;
  retry_after_ms?: number;
  /** Whether what was asked for surely has not happened. */
  isSurelyNotDone: boolean;
}

/** A request that failed, or was not made at all. */
export class RequestFailed extends Error {
  override readonly name = "RequestFailed";
  readonly facts: FailureFacts;

  constructor(message: string, facts: FailureFacts, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.facts = facts;
  }
}

/** A request that may not be made: its address, or one it leads to, is not allowed. */
export function notAllowed(message: string, isSurelyNotDone = true): RequestFailed {
  return new RequestFailed(message, { class: "permission", isSurelyNotDone });
}

/** What a connection failed of; `isDone`: an earlier answer has said that the request was carried out. */
export function connectionFailure(
  { error, isSent }: Extract<GuardedAnswer, { kind: "failure" }>,
  isDone: boolean,
): RequestFailed {
  if (error instanceof PrivateAddress) return notAllowed(error.message, !isDone);
  const code = (error as { code?: unknown }).code;
  const told = typeof code === "string" && !error.message.includes(code) ? `${error.message} (${code})` : error.message;
  // Certificates that are not believed have codes of their own, and are nobody's bug.
  const classified = classifyError(error, kitClock().now(), "provider").class;
  return new RequestFailed(
    `the request failed: ${told || error.name}`,
    { class: classified, isSurelyNotDone: !isSent && !isDone },
    // What was done before this connection is not undone by one that was never made.
    isDone ? undefined : error,
  );
}

// Refused before anything was done, by what these say.
const NOT_DONE = new Set([400, 401, 403, 404, 405, 413, 415, 422, 429]);

/** What an answer means that tells of no success. */
export function statusFailure(
  status: number,
  retryAfter: string | undefined,
  told: string,
  isDone: boolean,
): RequestFailed {
  const headers = new Headers(retryAfter === undefined ? {} : { "retry-after": retryAfter });
  const answer = Object.assign(new Error(told), { status, headers });
  const { class: kind, retry_after_ms } = classifyError(answer, kitClock().now(), "provider");
  return new RequestFailed(told, {
    class: kind,
    status,
    ...(retry_after_ms === undefined ? {} : { retry_after_ms }),
    isSurelyNotDone: NOT_DONE.has(status) && !isDone,
  });
}
