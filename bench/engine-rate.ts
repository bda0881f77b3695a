/** How many are under way at once. */
export const IN_FLIGHT = 64;

// What a process does first it does slowly: it is still compiling.
const WARM_UP = 0.2;

/** How many ended per second, given when each ended, in milliseconds: without the first fifth. */
export function settledRate(ends: readonly number[]): number {
  const sorted = ends.toSorted((a, b) => a - b);
  const first = Math.floor(sorted.length * WARM_UP);
  const tookMs = (sorted.at(-1) as number) - (sorted[first] as number);
  return ((sorted.length - 1 - first) / tookMs) * 1000;
}
