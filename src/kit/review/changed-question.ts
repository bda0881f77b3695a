import type { ReviewValue } from "../../protocol/interrupt.ts";

/** What `review()` shows now, and the digest of what the answer was for. */
export interface ChangedQuestion {
  value: ReviewValue;
  answered_digest: string;
}

// Beside the error and not on it: what a question shows has no place in a log.
const changedBy = new WeakMap<object, ChangedQuestion>();
const DEEPEST_CAUSE = 10;

/** Keeps what is shown now for whoever has to say why the answer was refused. */
export function noteChanged(error: unknown, changed: ChangedQuestion): void {
  if (typeof error === "object" && error !== null) changedBy.set(error, changed);
}

/** What is shown now, by the error that refused the answer or one that wraps it; undefined for every other error. */
export function changedQuestion(error: unknown): ChangedQuestion | undefined {
  let current = error;
  for (let depth = 0; depth < DEEPEST_CAUSE && typeof current === "object" && current !== null; depth += 1) {
    const changed = changedBy.get(current);
    if (changed !== undefined) return changed;
    current = (current as { cause?: unknown }).cause;
  }
  return undefined;
}
