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
  const over = new AbortController();
  const settled = new AbortController();
  const clock = kitClock();
  const isSettled = stopped === undefined ? settled.signal : AbortSignal.any([stopped, settled.signal]);
  const timeIsUp = (clock.limit ?? clock.sleep)(ms, isSettled).then(() => {
    over.abort(new DOMException(`nothing came within ${ms} ms`, "TimeoutError"));
    throw over.signal.reason;
  });
  try {
    const signal = stopped === undefined ? over.signal : AbortSignal.any([stopped, over.signal]);
    return await Promise.race([(async () => await body(signal))(), timeIsUp]);
  } catch (error) {
    // What listens to its signal fails in words of its own.
    stopped?.throwIfAborted();
    over.signal.throwIfAborted();
    throw error;
  } finally {
    settled.abort();
  }
}
