// Who is asked when those who were asked have not decided: the same whether the clock says so or a person does.
import type { ReviewPolicy } from "../../protocol/review-policy.ts";
import type { Candidates } from "./candidates.ts";
import { timetable } from "./timetable.ts";

/** The level that a review is moved to, and where its timetable stands then. */
export interface NextLevel {
  level: number;
  to: Candidates;
  timer_step: number;
  next_after_seconds: number | null;
}

/** The first escalation that is not done; undefined: there is none. Reminders before it are left out: it tells the same people. */
export function nextLevel(policy: ReviewPolicy, timer_step: number): NextLevel | undefined {
  const steps = timetable(policy);
  const index = steps.findIndex(({ kind }, at) => at >= timer_step && kind === "escalation");
  const step = steps[index];
  if (step?.kind !== "escalation") return undefined;
  const { level, to } = step;
  return { level, to, timer_step: index + 1, next_after_seconds: steps[index + 1]?.after_seconds ?? null };
}

/** Who is asked once these are asked as well; undefined where that changes nothing. */
export function widened(
  { candidate_users, candidate_groups }: { candidate_users: readonly string[]; candidate_groups: readonly string[] },
  lists: readonly Candidates[],
): Candidates | undefined {
  // Where everybody is asked, a list would ask fewer.
  if (candidate_users.length + candidate_groups.length === 0) return undefined;
  const users = [...new Set([...candidate_users, ...lists.flatMap((list) => list.users)])];
  const groups = [...new Set([...candidate_groups, ...lists.flatMap((list) => list.groups)])];
  const isWider = users.length + groups.length > candidate_users.length + candidate_groups.length;
  return isWider ? { users, groups } : undefined;
}
