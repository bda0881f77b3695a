import { type Classified, STRATEGIES } from "./error-class.ts";

/** How often a call is made, and how long is waited in between. */
export interface RetryTerms {
  /** Attempts at most, of which the first is one. */
  attempts: number;
  /** The wait before the second attempt, doubled before each further one. */
  firstMs: number;
  /** The longest wait, also where the other side asks for more: then nothing is attempted any more. */
  longestMs: number;
}

// Each wait is longer by this much, so that what failed together does not come back together.
const LEAST_JITTER = 0.1;
const MOST_JITTER = 0.3;

/**
 * How long to wait before the next attempt at a call; null when there is none: the kind of failure does not get better,
 * all attempts are made, or the other side asks for more patience than there is. `chance` is from 0 to 1.
 */
export function nextAttemptMs(
  failure: Classified,
  attemptsMade: number,
  terms: RetryTerms,
  chance: number,
): number | null {
  if (STRATEGIES[failure.class].retry === "never" || attemptsMade >= terms.attempts) return null;
  const waitMs = failure.retry_after_ms ?? backOffMs(attemptsMade, terms, chance);
  return waitMs <= terms.longestMs ? waitMs : null;
}

function backOffMs(attemptsMade: number, { firstMs, longestMs }: RetryTerms, chance: number): number {
  const factor = 1 + LEAST_JITTER + (MOST_JITTER - LEAST_JITTER) * chance;
  // The jitter comes on top and stays within the longest wait: at its end too, not everybody comes at once.
  const waitMs = Math.min(firstMs * 2 ** (attemptsMade - 1), longestMs / (1 + MOST_JITTER));
  return Math.floor(waitMs * factor);
}
