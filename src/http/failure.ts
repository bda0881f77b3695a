import { type ErrorCode, HoldpointError } from "../protocol/errors.ts";
import type { Fault } from "../protocol/fault.ts";
import { json, text } from "./reply.ts";

/** A request that does not fit what is expected of it. */
export function invalid(faults: readonly Fault[]): HoldpointError {
  const told = faults.slice(0, 5).map(({ pointer, message }) => (pointer === "" ? message : `${pointer}: ${message}`));
  const more = faults.length > 5 ? [`and ${faults.length - 5} more`] : [];
  return new HoldpointError("invalid", [...told, ...more].join("; "), { facts: { faults } });
}

/**
 * The answer to a failed request. The LangGraph clients show the body as it is, so on their routes it is the message
 * alone and the code travels as a header; our own routes answer with both.
 */
export function failure(error: HoldpointError, path: string): Response {
  const headers = headersOf(error.code);
  if (isLangGraphPath(path)) return text(error.message, error.status, headers);
  const { code, message, facts, retryable } = error;
  return json({ error: { code, message, facts, retryable } }, error.status, headers);
}

function headersOf(code: ErrorCode): Record<string, string> {
  return {
    "x-holdpoint-error": code,
    ...(code === "authentication_required" ? { "www-authenticate": "Bearer" } : {}),
  };
}

/** True for the paths that LangGraph knows. */
export function isLangGraphPath(path: string): boolean {
  return /^\/(assistants|threads|runs|store)(\/|$)/.test(path);
}
