import { setTimeout as wait } from "node:timers/promises";
import { portsIfAny } from "./ports.ts";

/** What time it is, and how to wait. Tests bring their own, which they move themselves. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Rejects with the signal's reason when it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** The same for a limit, which is not expected to be reached; `sleep` unless given. A test's clock may skip waits, and not limits. */
  limit?(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The machine's. */
export const SYSTEM_CLOCK = {
  now: () => Date.now(),
  sleep: async (ms: number, signal?: AbortSignal): Promise<void> => {
    signal?.throwIfAborted();
    await wait(ms, undefined, signal === undefined ? {} : { signal }).catch((error: unknown) => {
      // Node's own wait rejects with an AbortError around the reason.
      signal?.throwIfAborted();
      throw error;
    });
  },
  // Begun at every call of a tool or a model and hardly ever reached: half the price of a sleep.
  limit: (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason);
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      }, ms);
      const onAbort = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
    }),
} satisfies Clock;

/** The clock of the surrounding run; the machine's where a function is called by itself. */
export function kitClock(): Clock {
  return portsIfAny()?.clock ?? SYSTEM_CLOCK;
}
