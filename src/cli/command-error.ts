import { isHoldpointError } from "../protocol/errors.ts";
import { EXIT, type ExitCode, exitCodeOf } from "./exit-codes.ts";

/** Ends a command with one clear message and an exit code. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly exitCode: ExitCode;
  /** The code of the error register, when the server sent one. */
  readonly code: string | undefined;

  constructor(exitCode: ExitCode, message: string, options: { code?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.exitCode = exitCode;
    this.code = options.code;
  }
}

/** The command line itself is wrong. */
export function usageError(message: string, cause?: unknown): CommandError {
  return new CommandError(EXIT.usage, message, { cause });
}

/** What to print for an error, and what to end with. Errors nobody meant keep their stack. */
export function describeError(error: unknown): { message: string; exitCode: ExitCode } {
  if (error instanceof CommandError) return { message: error.message, exitCode: error.exitCode };
  if (isHoldpointError(error)) return { message: error.message, exitCode: exitCodeOf(error.code, undefined) };
  return { message: error instanceof Error ? (error.stack ?? error.message) : String(error), exitCode: EXIT.failed };
}
