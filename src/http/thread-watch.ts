import type { Channel, Wakeups } from "../postgres/notify.ts";

/** Waits for something to happen on a thread. */
export interface ThreadWatch {
  /** Resolves when something may have changed since the last call, after `pollMs`, or when the signal aborts. */
  changed(pollMs: number): Promise<void>;
  close(): void;
}

/**
 * Listens from the start, so that what happens between a look at the database and the wait for the next change is not
 * missed: it makes that wait end at once.
 */
export function watchThread(
  wakeups: Wakeups,
  thread_id: string,
  signal: AbortSignal,
  channels: readonly Channel[],
): ThreadWatch {
  let hasChanged = false;
  let wakeUp: (() => void) | undefined;
  const onChange = (woken: string | undefined) => {
    if (woken !== undefined && woken !== thread_id) return;
    hasChanged = true;
    wakeUp?.();
  };
  const onAbort = () => wakeUp?.();
  const stops = channels.map((channel) => wakeups.subscribe(channel, onChange));
  signal.addEventListener("abort", onAbort);
  return {
    async changed(pollMs) {
      if (!hasChanged && !signal.aborted) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, pollMs);
          wakeUp = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        wakeUp = undefined;
      }
      hasChanged = false;
    },
    close() {
      for (const stop of stops) stop();
      signal.removeEventListener("abort", onAbort);
    },
  };
}
