import type { Log } from "../telemetry/log.ts";

/** Calls `body` every `ms`, never twice at once; a failure is logged and the next turn tries again. Returns how to stop. */
export function periodically(body: () => Promise<void>, ms: number, what: string, log: Log): () => void {
  let isBusy = false;
  const timer = setInterval(() => {
    if (isBusy) return;
    isBusy = true;
    body()
      .catch((error: unknown) => log.warn({ err: error }, `${what} failed; it is tried again`))
      .finally(() => {
        isBusy = false;
      });
  }, ms);
  return () => clearInterval(timer);
}
