import type { Log } from "../telemetry/log.ts";
import { currentLogIds } from "../telemetry/log-context.ts";
import { currentExecution, type StopReason, UncaughtException } from "./stopping.ts";

/**
 * Keeps what a workflow forgot to catch from ending everybody else's runs; Node would end the process. A promise that
 * nobody waits for is logged, and its run goes on. An exception of a timer or an event ends its run, which might wait for
 * ever for what did not happen. One that is no run's leaves the process in a state that nobody knows: `stop` is called.
 */
export function containStrayErrors(log: Log, stop: (error: unknown) => void): void {
  process.on("unhandledRejection", (error) => {
    log.error({ err: error, ...currentLogIds() }, "a promise was rejected that nobody waits for");
  });
  process.on("uncaughtException", (error) => {
    const execution = currentExecution();
    if (execution === undefined) {
      log.fatal(
        { err: error, ...currentLogIds() },
        "an exception was thrown that nothing catches and that is no run's; the process stops",
      );
      stop(error);
      return;
    }
    log.error({ err: error, ...currentLogIds() }, "an exception was thrown that nothing catches; its run fails");
    execution.controller.abort(new UncaughtException(error) satisfies StopReason);
  });
}
