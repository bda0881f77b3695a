import type { ReviewCounts } from "../../../src/protocol/review.ts";
import type { View } from "./filters.ts";

/** How many a view shows; null where nobody counts. */
export function countOf(view: View, counts: ReviewCounts | undefined): number | null {
  if (counts === undefined || view.count === null) return null;
  if (view.count === "waiting") return counts.open + counts.info_requested - counts.snoozed;
  if (view.count === "attention") return counts.stale + counts.resume_failed;
  return counts[view.count as keyof ReviewCounts] ?? null;
}
