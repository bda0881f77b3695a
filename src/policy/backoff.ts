/** How often and for how long something that failed is tried again. */
export interface Backoff {
  /** The wait after the first failure. */
  firstMs: number;
  /** How many times longer each wait is than the one before. */
  factor: number;
  /** The longest wait. */
  longestMs: number;
  /** A wait is this much shorter or longer at most, so that what failed together does not come back together. */
  jitter: number;
}

/** A webhook's: about sixteen attempts over three days, dense in the first minutes. */
export const DELIVERY_BACKOFF: Backoff = { firstMs: 10_000, factor: 3, longestMs: 8 * 3_600_000, jitter: 0.25 };

/**
 * How long to wait after the `failures`-th failure in a row; null when there is nothing to wait for any more. The last
 * attempt comes when the time is over, not up to one wait earlier. `chance` is a number from 0 to 1.
 */
export function nextWaitMs(
  failures: number,
  leftMs: number,
  chance: number,
  backoff = DELIVERY_BACKOFF,
): number | null {
  if (leftMs <= 0) return null;
  const { firstMs, factor, longestMs, jitter } = backoff;
  const wait = Math.min(longestMs, firstMs * factor ** Math.max(0, failures - 1));
  return Math.min(leftMs, Math.round(wait * (1 - jitter + 2 * jitter * chance)));
}
