import { CommandError } from "./command-error.ts";
import { EXIT } from "./exit-codes.ts";

/** Runs what Ctrl-C may stop, and what ends when nobody reads its output any more; `message` says what it was stopped at. */
export async function interruptible<Result>(
  message: () => string,
  body: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const stop = new AbortController();
  const onInterrupt = () => stop.abort();
  process.once("SIGINT", onInterrupt);
  process.stdout.once("error", onInterrupt);
  try {
    return await body(stop.signal);
  } catch (error) {
    if (stop.signal.aborted) throw new CommandError(EXIT.interrupted, message(), { cause: error });
    throw error;
  } finally {
    process.off("SIGINT", onInterrupt);
    process.stdout.off("error", onInterrupt);
  }
}
