import { isGraphBubbleUp } from "@langchain/langgraph";
import { type Classified, classifyError } from "../../policy/error-class.ts";
import { withoutValues } from "../../policy/mask.ts";
import { type ErrorCode, HoldpointError, isHoldpointError } from "../../protocol/errors.ts";
import type { Json } from "../../protocol/json.ts";
import { describeError, withoutSecrets } from "../../telemetry/log-error.ts";

/** What is said of a call that failed: by which tool, and what must not be told. */
export interface FailedCall {
  tool: string;
  args: Json;
  redact: readonly string[];
}

// What is told in the words of the tool. Every other code of the register says more than "it failed" does.
const RETOLD: ReadonlySet<ErrorCode> = new Set(["tool_failed", "invalid"]);
// Of those, what may be gone by the next attempt; the others are about the run and not about the call.
const PASSING: ReadonlySet<ErrorCode> = new Set(["rate_limited", "model_failed", "database_unreachable"]);
const LONGEST_MESSAGE = 1_000;

/** Whether it is none of the tool's: a pause of the graph, or an error about the run. It is thrown on as it is. */
export function isOthers(error: unknown): boolean {
  if (isGraphBubbleUp(error)) return true;
  return isHoldpointError(error) && !RETOLD.has(error.code) && !PASSING.has(error.code);
}

/** What kind of failure a tool's own error is. */
export function classifyFailure(error: unknown, nowMs: number): Classified {
  return classifyError(error, nowMs, "tool");
}

/** The failure as it leaves the tool: `tool_failed` in words for a person, or the error of the register that says more. */
export function toolFailed(call: FailedCall, error: unknown, failure: Classified, attempts: number): HoldpointError {
  if (isHoldpointError(error) && !RETOLD.has(error.code)) return error;
  const given = error instanceof Error ? error.message : `it threw ${typeof error}`;
  const times = attempts > 1 ? ` ${attempts} times` : "";
  return new HoldpointError("tool_failed", `${call.tool} failed${times}: ${tellable(call, given)}`, {
    facts: { ...(isHoldpointError(error) ? error.facts : {}), ...failure, tool: call.tool, attempts },
    cause: tellableCause(call, error),
  });
}

/** A text without secrets: neither those of the call, nor what looks like one. */
function tellable({ args, redact }: FailedCall, text: string): string {
  return withoutSecrets(withoutValues(text.slice(0, LONGEST_MESSAGE), args, redact));
}

/** The error behind it, as the log may show it. What hangs on the original, such as a request, stays behind. */
function tellableCause(call: FailedCall, error: unknown): Error {
  const { type, message, stack } = describeError(error);
  const cause = new Error(tellable(call, message));
  cause.name = type;
  cause.stack = `${type}: ${cause.message}\n${stack}`;
  return cause;
}
