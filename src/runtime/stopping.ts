import { AsyncLocalStorage } from "node:async_hooks";
import { isHoldpointError } from "../protocol/errors.ts";
import type { Execution } from "./scene.ts";

/** Why an execution is stopped before its end. */
export type StopReason = "cancelled" | "timed_out" | "lease_lost" | "drain" | UncaughtException;

/** What a timer or an event of a run threw, where no code of the run could catch it. */
export class UncaughtException extends Error {
  override readonly name = "UncaughtException";

  constructor(cause: unknown) {
    super("an exception was thrown by a timer or an event of the run, where nothing catches it", { cause });
  }
}

// The longest that a timer can wait. Whatever is due later is ended by the sweep, if no other attempt comes before.
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Stops the run when its time is over, at once if it is over already. Gives what takes the clock away. */
export function startClock({ run: { left_ms }, controller }: Execution): () => void {
  if (left_ms === null || left_ms > MAX_TIMER_MS) return () => {};
  const stop = () => controller.abort("timed_out" satisfies StopReason);
  if (left_ms <= 0) stop();
  const timer = setTimeout(stop, Math.max(0, left_ms));
  return () => clearTimeout(timer);
}

/** Why the execution stopped, from its signal or from the error that it ended with; null: by itself. */
export function stopReason({ signal }: AbortController, error: unknown): StopReason | null {
  if (isLeaseLost(error)) return "lease_lost";
  return signal.aborted ? (signal.reason as StopReason) : null;
}

/** True for a write that was refused because another worker has the thread. */
export function isLeaseLost(error: unknown): boolean {
  return isHoldpointError(error) && error.code === "lease_lost";
}

const executions = new AsyncLocalStorage<Execution>();

/** Runs `body` so that whatever it starts, also timers and promises that nobody waits for, is known to belong to the run. */
export function asExecution<Result>(execution: Execution, body: () => Result): Result {
  return executions.run(execution, body);
}

/** The execution that the surrounding code, or the error that is being handled, belongs to. */
export function currentExecution(): Execution | undefined {
  return executions.getStore();
}
