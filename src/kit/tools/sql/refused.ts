import { HoldpointError } from "../../../protocol/errors.ts";

/** A statement that is not allowed: what is wrong with it, for whoever wrote it. Asking again does not mend it. */
export function refused(message: string, facts: Record<string, unknown> = {}): HoldpointError {
  return new HoldpointError("tool_failed", `the query is not allowed: ${message}`, {
    facts: { class: "validation", ...facts },
  });
}

/** A statement that is allowed and takes more than it may. Asking again takes as much. */
export function tooMuch(message: string, facts: Record<string, unknown> = {}): HoldpointError {
  return new HoldpointError("tool_failed", `the query takes too much, ask for less: ${message}`, {
    facts: { class: "validation", ...facts },
  });
}
