import type { Log } from "../telemetry/log.ts";

/** Calls `body` at once and every `ms`, never twice at once; a failure is logged and the next turn tries again. Returns how to stop. */
export function periodically(body: () => Promise<void>, ms: number, what: string, log: Log): () => void {
  let isBusy = false;
  const turn = () => {
    if (isBusy) return;
    isBusy = true;
    body()
      .catch((error: unknown) => log.warn({ err: error }, `${what} failed; it is tried again`))
      .finally(() => {
        isBusy = false;
      });
  };
  turn();
  const timer = setInterval(turn, ms);
  return () => clearInterval(timer);
}
