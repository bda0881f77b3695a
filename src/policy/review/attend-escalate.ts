import type { Act, Escalated } from "../../protocol/attend.ts";
import { HoldpointError } from "../../protocol/errors.ts";
import type { AttendContext, Attended, AttendedReview } from "./attendance.ts";
import { type Candidates, isEverybody } from "./candidates.ts";
import { nextLevel, widened } from "./escalation.ts";
import { mayBeAsked } from "./may-decide.ts";

/**
 * Moves a review to its next level at once, and asks whoever is named beside it. Its assignee decides alone no longer. Throws
 * `precondition_failed` where it stands at another level than was meant, `permission_denied` for who is none of its people.
 */
export function escalate(
  review: AttendedReview,
  { reason, to: user, group, level: meant }: Act & { type: "escalate" },
  context: AttendContext,
  noted: Record<string, unknown>,
): Attended {
  const { now } = context;
  const next = nextLevel(review.policy, review.timer_step);
  const level = next?.level ?? null;
  if (meant !== undefined && meant !== level) throw movedOn(review, meant, level);
  refuseOthers(review, { user, group }, context);
  const named = { users: user === null ? [] : [user], groups: group === null ? [] : [group] };
  const to: Candidates = {
    users: [...new Set([...(next?.to.users ?? []), ...named.users])],
    groups: [...new Set([...(next?.to.groups ?? []), ...named.groups])],
  };
  const { assignee, due_at } = review;
  const isLetGo = assignee !== null && (due_at === null || now < due_at);
  const escalated: Escalated = { level, to, names_nobody: isEverybody(to) };
  return {
    kind: "escalated",
    body: { at: now, due_at, level, to, reason, ...(isLetGo ? { from: assignee } : {}), ...noted },
    change: isLetGo ? { assignee: null } : {},
    escalation: { said: escalated, candidates: widened(review, [to]), next },
  };
}

/** Whoever is named is one of those it is for, now or by its policy later; only an administrator brings others in. */
function refuseOthers(
  review: AttendedReview,
  { user, group }: { user: string | null; group: string | null },
  { person, named, now }: AttendContext,
): void {
  if (person.permissions.has("review:admin")) return;
  const lists = review.policy.escalations.map(({ to }) => to);
  const isForUser =
    named === undefined ||
    user === null ||
    mayBeAsked(review, named, now) ||
    lists.some(({ users, groups }) => users.includes(user) || groups.some((one) => named.groups.includes(one)));
  const asked = [review.candidate_groups, ...lists.map(({ groups }) => groups)];
  const isForGroup =
    group === null || isEverybody(review.policy.candidates) || asked.some((list) => list.includes(group));
  const other = isForUser ? (isForGroup ? null : `the group ${group}`) : user;
  if (other === null) return;
  const { principal_id } = person;
  throw new HoldpointError(
    "permission_denied",
    `${principal_id} may not escalate review ${review.id} to ${other}, who is not among those it is for: that takes review:admin`,
    { facts: { review_id: review.id, principal_id } },
  );
}

function movedOn({ id }: AttendedReview, meant: number | null, level: number | null): HoldpointError {
  const words = (at: number | null) => (at === null ? "no further level" : `level ${at}`);
  return new HoldpointError(
    "precondition_failed",
    `review ${id} has ${words(level)} to be escalated to now, and ${words(meant)} was meant: look at it again`,
    { facts: { review_id: id, level } },
  );
}
