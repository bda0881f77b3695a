import { isHoldpointError } from "../../protocol/errors.ts";

const MARK: unique symbol = Symbol.for("holdpoint.not_done") as never;
// The connection was never made, so nothing was sent.
const NEVER_SENT = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN"]);
const DEEPEST_CAUSE = 5;

/**
 * Marks an error that means: it surely did not happen. An effect of kind `once` that fails with one may be tried again
 * without asking anybody. `throw notDone(new Error("the account is closed"))`
 */
export function notDone<Failure extends Error>(error: Failure): Failure {
  return Object.defineProperty(error, MARK, { value: true });
}

/** Whether an error says that it surely did not happen: one that is marked, or a connection that was never made. */
export function isNotDone(error: unknown): boolean {
  let current = error;
  for (let depth = 0; depth < DEEPEST_CAUSE && current instanceof Error; depth += 1) {
    if (Object.hasOwn(current, MARK)) return true;
    const { code } = current as { code?: unknown };
    if (typeof code === "string" && NEVER_SENT.has(code)) return true;
    // A failure told in other words keeps the code of what was behind it.
    if (isHoldpointError(current) && NEVER_SENT.has(String(current.facts["code"]))) return true;
    current = current.cause;
  }
  return false;
}
