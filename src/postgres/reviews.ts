import { deadlinesOf } from "../policy/review/time-out.ts";
import type { ReviewAction } from "../protocol/interrupt.ts";
import type { Json } from "../protocol/json.ts";
import {
  REVIEW_STATUSES,
  type ReviewDecision,
  type ReviewOutcome,
  type ReviewStatus,
  type ReviewTask,
} from "../protocol/review.ts";
import type { ReviewPolicy } from "../protocol/review-policy.ts";
import type { Database } from "./database.ts";
import {
  countListed,
  listNewestReviews,
  listOldestReviews,
  listReviews,
  listReviewsOfThread,
  listWaitingReviews,
  MOST_COUNTED,
  type ReviewPage,
  type ReviewWish,
} from "./review-list.sql.ts";
import { type DecisionRow, decisionsOf, type ReviewRow, selectGroup, selectReview } from "./reviews.sql.ts";
import type { Statement } from "./sql.ts";

/** One review with the decision that stands, or undefined. */
export async function readReview(database: Database, tenant_id: string, id: string): Promise<ReviewTask | undefined> {
  const [row, decisions] = await Promise.all([
    database.maybeOne(selectReview(tenant_id, id)),
    database.many(decisionsOf(tenant_id, [id])),
  ]);
  return row === undefined ? undefined : reviewTask(row, decisions);
}

/** The reviews of one group, which ask at one checkpoint and are resumed together. */
export async function readGroup(database: Database, tenant_id: string, group_id: string): Promise<ReviewTask[]> {
  const rows = await database.many(selectGroup(tenant_id, group_id));
  const ids = rows.map(({ id }) => id);
  const decisions = await database.many(decisionsOf(tenant_id, ids));
  return rows.map((row) => reviewTask(row, decisions));
}

/** Which reviews to list. */
export interface ReviewFilter extends ReviewWish, ReviewPage {
  /** None: of every status. */
  status?: ReviewStatus | readonly ReviewStatus[] | string | null | undefined;
  thread_id?: string | null | undefined;
}

/** A page of reviews, and how many there are in all: undefined where they are so many that they are not counted. */
export interface ReviewList {
  reviews: ReviewTask[];
  total: number | undefined;
}

/** A page of reviews. What is over is counted up to `MOST_COUNTED`, where its order is that of an index. */
export async function readReviews(
  database: Database,
  tenant_id: string,
  { status, thread_id, limit, offset, ...wish }: ReviewFilter,
): Promise<ReviewList> {
  const statuses = [...new Set(status == null ? REVIEW_STATUSES : typeof status === "string" ? [status] : status)];
  const page = { limit, offset };
  if (thread_id != null)
    return await shown(database, tenant_id, listReviewsOfThread(tenant_id, thread_id, statuses, wish, page));
  if (!statuses.some(isOver))
    return await shown(database, tenant_id, listWaitingReviews(tenant_id, statuses, wish, page));
  const { sort = "opened_at" } = wish;
  if (sort === "due_at" || sort === "priority")
    return await shown(database, tenant_id, listReviews(tenant_id, statuses, wish, page));
  const list = sort === "newest" ? listNewestReviews : listOldestReviews;
  const [{ reviews }, { total }] = await Promise.all([
    shown(database, tenant_id, list(tenant_id, statuses, wish, page)),
    database.one(countListed(tenant_id, statuses, wish)),
  ]);
  return { reviews, total: total > MOST_COUNTED ? undefined : total };
}

async function shown(
  database: Database,
  tenant_id: string,
  list: Statement<ReviewRow & { total?: number }>,
): Promise<ReviewList> {
  const rows = await database.many(list);
  const ids = rows.map(({ id }) => id);
  const decisions = await database.many(decisionsOf(tenant_id, ids));
  return { reviews: rows.map((row) => reviewTask(row, decisions)), total: rows[0]?.total ?? 0 };
}

const OVER: ReadonlySet<string> = new Set(["closed", "cancelled", "superseded", "failed"]);
const isOver = (status: string) => OVER.has(status);

/** The review as the API shows it. */
export function reviewTask(row: ReviewRow, decisions: readonly DecisionRow[]): ReviewTask {
  const standing = decisions.findLast(({ review_id }) => review_id === row.id);
  const actions = JSON.parse(row.actions) as ReviewAction[];
  const policy = JSON.parse(row.policy) as ReviewPolicy;
  return {
    id: row.id,
    version: row.version,
    group_id: row.group_id,
    status: row.status,
    outcome: row.outcome as ReviewOutcome | null,
    status_reason: row.status_reason,
    thread_id: row.thread_id,
    run_id: row.run_id,
    resume_run_id: row.resume_run_id,
    graph_id: row.graph_id,
    graph_fingerprint: row.graph_fingerprint,
    assistant_id: row.assistant_id,
    node: row.node,
    checkpoint_id: row.checkpoint_id,
    checkpoint_ns: row.checkpoint_ns,
    task_id: row.task_id,
    interrupt_id: row.interrupt_id,
    flavour: row.flavour,
    guarded: row.guarded,
    title: row.title,
    description: row.description,
    value: JSON.parse(row.value) as Json,
    response_schema: row.response_schema === null ? null : JSON.parse(row.response_schema),
    actions,
    value_digest: row.value_digest,
    policy_digest: row.policy_digest,
    request_digest: row.request_digest,
    requested_by: row.requested_by,
    policy,
    risk: row.risk,
    priority: row.priority,
    candidates: { users: row.candidate_users, groups: row.candidate_groups },
    assignee: row.assignee,
    claim:
      row.claimed_by === null || row.claimed_until === null ? null : { by: row.claimed_by, until: row.claimed_until },
    snoozed_until: row.snoozed_until,
    revision: row.revision,
    restarts: row.restarts,
    revises: row.revises,
    due_at: row.due_at,
    deadlines: deadlinesOf({ ...row, actions }, policy, row.status === "failed" || standing?.channel === "timeout"),
    next_at: row.next_at,
    forked_from: row.forked_from,
    superseded_by: row.superseded_by,
    opened_at: row.opened_at,
    decided_at: row.decided_at,
    resumed_at: row.resumed_at,
    closed_at: row.closed_at,
    decision: standing === undefined ? null : reviewDecision(standing),
  };
}

/** A decision as the API shows it. */
export function reviewDecision(row: DecisionRow): ReviewDecision {
  return {
    id: row.id,
    principal_id: row.principal_id,
    display_name: row.display_name,
    channel: row.channel,
    at: row.at,
    decisions: JSON.parse(row.decisions) as Json,
    comment: row.comment,
    reason_code: row.reason_code,
    diff: JSON.parse(row.diff) as Json,
    binding: row.binding,
  };
}
