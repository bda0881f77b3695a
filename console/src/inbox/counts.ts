import type { View } from "./filters.ts";

/** What `/reviews/counts` says. */
export interface ReviewCounts {
  open: number;
  info_requested: number;
  decided: number;
  resuming: number;
  resume_failed: number;
  stale: number;
  mine: number;
  my_groups: number;
  unclaimed: number;
  overdue: number;
  snoozed: number;
  high_risk: number;
}

/** How many a view shows; null where nobody counts. */
export function countOf(view: View, counts: ReviewCounts | undefined): number | null {
  if (counts === undefined || view.count === null) return null;
  if (view.count === "waiting") return counts.open + counts.info_requested - counts.snoozed;
  if (view.count === "attention") return counts.stale + counts.resume_failed;
  return counts[view.count as keyof ReviewCounts] ?? null;
}
