import { kitClock } from "./clock.ts";

/**
 * Runs something for so long at most. Its signal is aborted when the time is over or `stopped` is; what does not listen to
 * it is waited for no longer. Rejects with a `TimeoutError`, or with the reason of `stopped`.
 */
export async function withinTime<Value>(
  ms: number,
  stopped: AbortSignal | undefined,
  body: (signal: AbortSignal) => Promise<Value> | Value,
): Promise<Value> {
  stopped?.throwIfAborted();
  const clock = kitClock();
  // One signal and listeners taken off again: a signal made of others costs more than all the rest here.
  const ends = new AbortController();
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const end = (reason: unknown) => {
    ends.abort(reason);
    reject(reason);
  };
  const onStopped = () => end(stopped?.reason);
  stopped?.addEventListener("abort", onStopped, { once: true });
  const settled = new AbortController();
  (clock.limit ?? clock.sleep)(ms, settled.signal).then(
    () => end(new DOMException(`nothing came within ${ms} ms`, "TimeoutError")),
    (error: unknown) => {
      if (!settled.signal.aborted) end(error);
    },
  );
  try {
    return await Promise.race([(async () => await body(ends.signal))(), ended]);
  } catch (error) {
    // What listens to its signal fails in words of its own.
    ends.signal.throwIfAborted();
    throw error;
  } finally {
    stopped?.removeEventListener("abort", onStopped);
    settled.abort(SETTLED);
  }
}

// Given a reason, an abort makes no error of its own.
const SETTLED = "settled";
