import { failpoint } from "../failpoint.ts";
import { attendReview } from "../policy/review/attend.ts";
import type { Attended } from "../policy/review/attendance.ts";
import type { Act, Escalated } from "../protocol/attend.ts";
import { HoldpointError } from "../protocol/errors.ts";
import type { Principal } from "../protocol/principal.ts";
import type { ReviewTask } from "../protocol/review.ts";
import type { ReviewPolicy } from "../protocol/review-policy.ts";
import { hasViewed, lastQuestion, updateAttendance } from "./attend.sql.ts";
import { reviewChainEnds } from "./audit.sql.ts";
import { noteChainEnds, reviewLink } from "./audit.ts";
import type { Database } from "./database.ts";
import { selectPrincipal } from "./identity.sql.ts";
import { lookAgain, standing } from "./identity.ts";
import { noteSteps, setCandidates } from "./review-timers.sql.ts";
import { decisionsOf, reviewForUpdate, selectReview } from "./reviews.sql.ts";
import { reviewTask } from "./reviews.ts";
import type { Statement } from "./sql.ts";
import { readNow } from "./threads.sql.ts";

/** Who does what about which review. */
export interface Attend {
  principal: Principal;
  review_id: string;
  act: Act;
}

/** A review after what was done about it; of an escalation also who is asked now. */
type AttendedTask = ReviewTask & { escalation?: Escalated };

/**
 * T-attend: claims, hands on, snoozes, escalates, comments, asks. Locks: the one review, audit; no thread's lock, because nothing of
 * the thread is read or written. Whatever else changes a review holds its row, so a decision comes before this or after it.
 * Throws what `attendReview` refuses; a refusal changes nothing.
 */
export async function attend(database: Database, { principal, review_id, act }: Attend): Promise<AttendedTask> {
  const { tenant_id, principal_id } = principal;
  const to = "to" in act ? act.to : null;
  const attended = await database.transaction(async (tx) => {
    const [[review], [now], [known], named, decisions, [viewed], [question], ends] = await tx.pipeline([
      reviewForUpdate(tenant_id, review_id),
      readNow(),
      lookAgain(principal),
      selectPrincipal(tenant_id, to ?? ""),
      decisionsOf(tenant_id, [review_id]),
      hasViewed(tenant_id, review_id, principal_id),
      lastQuestion(tenant_id, review_id),
      reviewChainEnds(tenant_id, [review_id]),
    ]);
    if (review === undefined || now === undefined)
      throw new HoldpointError("not_found", `Review ${review_id} not found`);
    noteChainEnds(tx, [review_id], ends);
    const stands = decisions.at(-1);
    const decision = stands === undefined ? null : { ...stands, decisions: JSON.parse(stands.decisions) };
    const facts = { ...review, policy: JSON.parse(review.policy) as ReviewPolicy, decision };
    const done = attendReview(facts, act, {
      now: now.now,
      person: standing(principal, known),
      named: named[0],
      has_viewed: (viewed?.version ?? 0) >= review.version,
      asked: review.status === "info_requested" ? (question ?? null) : null,
    });
    if (done === null) return { row: review, decisions, escalation: undefined };
    const { kind, body, change, escalation } = done;
    const changed = { ...review, ...change };
    // A question and its answer change what is waited for, so whoever has seen it before looks again.
    const versions = kind === "info_requested" || kind === "info_given" ? 1 : 0;
    const link = await reviewLink(tx, changed, { kind, principal_id, at: now.now, body });
    const writes: Statement[] =
      Object.keys(change).length === 0 ? [] : [updateAttendance(tenant_id, review_id, changed, versions)];
    if (escalation !== undefined) writes.push(...escalationWrites(review, escalation));
    const read = await tx.finish([...writes, link, selectReview(tenant_id, review_id)]);
    return { row: read.at(-1)?.[0] as typeof review, decisions, escalation: escalation?.said };
  });
  failpoint("attend.committed");
  const { row, escalation } = attended;
  return { ...reviewTask(row, attended.decisions), ...(escalation === undefined ? {} : { escalation }) };
}

/** What the clock would write when the same level is due. */
function escalationWrites(
  { tenant_id, id }: { tenant_id: string; id: string },
  { candidates, next }: NonNullable<Attended["escalation"]>,
): Statement[] {
  return [
    ...(candidates === undefined ? [] : [setCandidates(tenant_id, id, candidates.users, candidates.groups)]),
    ...(next === undefined ? [] : [noteSteps(tenant_id, id, next.timer_step, next.next_after_seconds)]),
  ];
}
