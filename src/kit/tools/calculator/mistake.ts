import { HoldpointError } from "../../../protocol/errors.ts";

/** What is wrong with an expression: the caller's mistake, which asking again does not mend. */
export function mistake(message: string): HoldpointError {
  return new HoldpointError("tool_failed", `the calculator cannot compute this: ${message}`, {
    facts: { class: "validation", tool: "calculator" },
  });
}
