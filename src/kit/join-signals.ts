/** A signal that follows others for as long as somebody needs it. */
export interface JoinedSignal {
  /** Undefined where there is none to follow. */
  signal: AbortSignal | undefined;
  /** Follows no more. */
  release(): void;
}

const NOTHING = () => {};

/**
 * One signal of several. `AbortSignal.any` is kept by those it follows until they are collected, and costs twenty times as
 * much: a call of a tool or a model makes one each.
 */
export function joinSignals(...given: readonly (AbortSignal | undefined)[]): JoinedSignal {
  const signals = [...new Set(given.filter((signal) => signal !== undefined))];
  const aborted = signals.find((signal) => signal.aborted);
  if (signals.length < 2 || aborted !== undefined) return { signal: aborted ?? signals[0], release: NOTHING };
  const joined = new AbortController();
  const listeners = signals.map((signal) => [signal, () => joined.abort(signal.reason)] as const);
  for (const [signal, follow] of listeners) signal.addEventListener("abort", follow, { once: true });
  return {
    signal: joined.signal,
    release: () => {
      for (const [signal, follow] of listeners) signal.removeEventListener("abort", follow);
    },
  };
}
