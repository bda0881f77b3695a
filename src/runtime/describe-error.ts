import type { RunError } from "../postgres/runs.sql.ts";
import { HoldpointError } from "../protocol/errors.ts";

/** What is said of an error that a graph threw. */
export function describe(error: unknown): RunError {
  if (error instanceof HoldpointError) return { error: error.code, message: error.message };
  if (error instanceof Error) return { error: error.name, message: error.message };
  return { error: "Error", message: String(error) };
}
