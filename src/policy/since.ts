import { spanSeconds } from "./span.ts";

// Further back than any installation is old, and within what an interval can say.
const FURTHEST_SECONDS = 100 * 365 * 86_400;

/** A moment in the past: so many seconds ago, or a moment that has a name. */
export type Since = { readonly seconds_ago: number } | { readonly at: string };

/** Reads "90m", "24h", "7d", "2w", or a moment such as 2026-01-31 or 2026-01-31T12:00:00Z; undefined where it is neither. */
export function parseSince(text: string): Since | undefined {
  const seconds_ago = spanSeconds(text);
  if (seconds_ago !== undefined) return seconds_ago <= FURTHEST_SECONDS ? { seconds_ago } : undefined;
  if (!/^\d{4}-\d{2}-\d{2}(T[\d:.]+(Z|[+-]\d{2}:?\d{2})?)?$/.test(text.trim())) return undefined;
  const at = new Date(text.trim());
  return Number.isNaN(at.getTime()) ? undefined : { at: at.toISOString() };
}
