import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** What somebody else left behind must not be collected on this one's time. */
export function settle(): void {
  collectGarbage();
}

/** Keeps `inFlight` of them under way for a while; how many were finished per second. */
export async function perSecond(
  inFlight: number,
  durationMs: number,
  body: (index: number) => Promise<unknown>,
): Promise<number> {
  settle();
  let started = 0;
  const begin = performance.now();
  const until = begin + durationMs;
  const line = async () => {
    while (performance.now() < until) await body(started++);
  };
  await Promise.all(Array.from({ length: inFlight }, line));
  return (started / (performance.now() - begin)) * 1000;
}

/** Runs this many of them, `inFlight` at a time. */
export async function repeat(
  count: number,
  inFlight: number,
  body: (index: number) => Promise<unknown>,
): Promise<void> {
  let started = 0;
  const line = async () => {
    while (started < count) await body(started++);
  };
  await Promise.all(Array.from({ length: inFlight }, line));
}

/** How long it took, in milliseconds. */
export async function timed(body: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await body();
  return performance.now() - begin;
}

/** The middle one. */
export const median = (samples: readonly number[]): number => quantile(samples, 0.5);

/** The value that this share of the samples do not exceed. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** The mean. */
export const mean = (samples: readonly number[]): number =>
  samples.reduce((sum, sample) => sum + sample, 0) / samples.length;
