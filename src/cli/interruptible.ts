import { CommandError } from "./command-error.ts";
import { EXIT } from "./exit-codes.ts";

/** Runs what Ctrl-C may stop; what it was stopped at is said by `message`. */
export async function interruptible<Result>(
  message: () => string,
  body: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const stop = new AbortController();
  const onInterrupt = () => stop.abort();
  process.once("SIGINT", onInterrupt);
  try {
    return await body(stop.signal);
  } catch (error) {
    if (stop.signal.aborted) throw new CommandError(EXIT.interrupted, message(), { cause: error });
    throw error;
  } finally {
    process.off("SIGINT", onInterrupt);
  }
}
