import type { Flavour } from "../protocol/interrupt.ts";
import type { ReviewStatus } from "../protocol/review.ts";
import type { Risk } from "../protocol/review-policy.ts";
import { columns, sql } from "./sql.ts";

/** A review as it is stored; value, actions, response_schema and policy are JSON text. */
export interface ReviewRow {
  tenant_id: string;
  id: string;
  version: number;
  group_id: string;
  status: ReviewStatus;
  outcome: string | null;
  status_reason: string | null;
  thread_id: string;
  run_id: string;
  resume_run_id: string | null;
  graph_id: string;
  graph_fingerprint: string;
  assistant_id: string | null;
  node: string;
  checkpoint_id: string;
  checkpoint_ns: string;
  task_id: string;
  interrupt_id: string | null;
  asking_ns: string | null;
  asking_checkpoint_id: string | null;
  asking_task_id: string | null;
  ordinal: number;
  flavour: Flavour;
  guarded: boolean;
  title: string;
  description: string;
  value: string;
  response_schema: string | null;
  actions: string;
  value_digest: string;
  policy_digest: string;
  request_digest: string;
  requested_by: string;
  policy: string;
  risk: Risk | null;
  priority: number;
  candidate_users: string[];
  candidate_groups: string[];
  assignee: string | null;
  claimed_by: string | null;
  claimed_until: string | null;
  snoozed_until: string | null;
  revision: number;
  restarts: number;
  revises: string | null;
  due_at: string | null;
  timer_step: number;
  next_at: string | null;
  forked_from: string | null;
  superseded_by: string | null;
  opened_at: string;
  decided_at: string | null;
  resumed_at: string | null;
  closed_at: string | null;
}

/** Every column of a review. */
export const REVIEW = columns`id, tenant_id, version, group_id, status, outcome, status_reason, thread_id, run_id, resume_run_id, graph_id,
  graph_fingerprint, assistant_id, node, checkpoint_id, checkpoint_ns, task_id, interrupt_id, asking_ns, asking_checkpoint_id,
  asking_task_id, ordinal, flavour, guarded, title, description, value, response_schema, actions, value_digest,
  policy_digest, request_digest, requested_by, policy, risk, priority, candidate_users, candidate_groups, assignee,
  claimed_by, claimed_until, snoozed_until, revision, restarts, revises, due_at, timer_step, next_at, forked_from, superseded_by, opened_at, decided_at, resumed_at, closed_at`;

/** What is needed to open a review. */
export type NewReview = Omit<
  ReviewRow,
  | "version"
  | "status"
  | "outcome"
  | "status_reason"
  | "resume_run_id"
  | "superseded_by"
  | "opened_at"
  | "decided_at"
  | "resumed_at"
  | "closed_at"
  | "due_at"
  | "assignee"
  | "claimed_by"
  | "claimed_until"
  | "snoozed_until"
  | "timer_step"
  | "next_at"
> & { due_after_seconds: number; next_after_seconds: number | null; graph_shape: string | null };

/** Opens a review; no row when the same pause is already open or answered. */
export const insertReview = (review: NewReview) => sql<ReviewRow>`
  insert into holdpoint.review (tenant_id, id, group_id, thread_id, run_id, graph_id, graph_fingerprint, graph_shape, assistant_id, node,
    checkpoint_id, checkpoint_ns, task_id, interrupt_id, asking_ns, asking_checkpoint_id, asking_task_id, ordinal, flavour, guarded,
    title, description, value, response_schema, actions,
    value_digest, policy_digest, request_digest, requested_by, policy, risk, priority, candidate_users, candidate_groups, forked_from,
    revision, restarts, revises, due_at, next_at)
  values (${review.tenant_id}, ${review.id}::uuid, ${review.group_id}::uuid, ${review.thread_id}, ${review.run_id}::uuid,
    ${review.graph_id}, ${review.graph_fingerprint}, ${review.graph_shape}, ${review.assistant_id}::uuid, ${review.node}, ${review.checkpoint_id}::uuid,
    ${review.checkpoint_ns}, ${review.task_id}, ${review.interrupt_id}, ${review.asking_ns},
    ${review.asking_checkpoint_id}::uuid, ${review.asking_task_id}, ${review.ordinal}::int, ${review.flavour}, ${review.guarded}::boolean,
    ${review.title}, ${review.description}, ${review.value}, ${review.response_schema}, ${review.actions}, ${review.value_digest},
    ${review.policy_digest}, ${review.request_digest}, ${review.requested_by}, ${review.policy}, ${review.risk}, ${review.priority}::smallint,
    ${review.candidate_users}::text[], ${review.candidate_groups}::text[], ${review.forked_from},
    ${review.revision}::int, ${review.restarts}::int, ${review.revises}::uuid,
    holdpoint.now() + make_interval(secs => ${review.due_after_seconds}::float8),
    holdpoint.now() + make_interval(secs => ${review.next_after_seconds}::float8))
  on conflict (thread_id, checkpoint_id, task_id, interrupt_id)
    where status in ('open', 'info_requested', 'decided', 'resuming') do nothing
  returning ${REVIEW}`;

/** One review. */
export const selectReview = (tenant_id: string, id: string) => sql<ReviewRow>`
  select ${REVIEW} from holdpoint.review where tenant_id = ${tenant_id} and id = ${id}::uuid`;

/** One review, locked; after the thread's locks. */
export const reviewForUpdate = (tenant_id: string, id: string) => sql<ReviewRow>`
  select ${REVIEW} from holdpoint.review
  where tenant_id = ${tenant_id} and id = ${id}::uuid
  for no key update`;

/** The thread's reviews that still matter, locked in id order. */
export const liveReviewsForUpdate = (tenant_id: string, thread_id: string) => sql<ReviewRow>`
  select ${REVIEW} from holdpoint.review
  where tenant_id = ${tenant_id} and thread_id = ${thread_id}
    and status in ('open', 'info_requested', 'decided', 'resuming', 'resume_failed', 'stale')
  order by id
  for no key update`;

/** The newest review of each question of a thread. */
export const newestReviewsOfThread = (tenant_id: string, thread_id: string) => sql<ReviewRow>`
  select ${REVIEW} from (
    select distinct on (coalesce(interrupt_id, 'breakpoint:' || task_id)) * from holdpoint.review
    where tenant_id = ${tenant_id} and thread_id = ${thread_id}
    order by coalesce(interrupt_id, 'breakpoint:' || task_id), opened_at desc) newest
  order by opened_at desc
  limit 1000`;

/** The reviews of one group. */
export const selectGroup = (tenant_id: string, group_id: string) => sql<ReviewRow>`
  select ${REVIEW} from holdpoint.review
  where tenant_id = ${tenant_id} and group_id = ${group_id}::uuid
  order by id`;

/** The reviews of one group, locked in id order. */
export const groupForUpdate = (tenant_id: string, group_id: string) => sql<ReviewRow>`
  select ${REVIEW} from holdpoint.review
  where tenant_id = ${tenant_id} and group_id = ${group_id}::uuid
  order by id
  for no key update`;

/**
 * What questions were like when an answer arrived `elapsedMs` ago, on the database's clock: whether it was opened only
 * after that, and whether the same interrupt id had shown something else before.
 */
export const questionsAtArrival = (tenant_id: string, ids: readonly string[], elapsedMs: number) => sql<{
  id: string;
  opened_after_arrival: boolean;
  asked_differently_before: boolean;
}>`
  select v.id, v.opened_at > holdpoint.now() - make_interval(secs => ${elapsedMs}::float8 / 1000) as opened_after_arrival,
    exists (
      select 1 from holdpoint.review before
      where before.tenant_id = v.tenant_id and before.thread_id = v.thread_id and before.interrupt_id = v.interrupt_id
        and before.id <> v.id and before.opened_at <= v.opened_at and before.request_digest <> v.request_digest
    ) as asked_differently_before
  from holdpoint.review v where v.tenant_id = ${tenant_id} and v.id = any(${ids}::uuid[])`;

/** Records the answer on the review. */
export const markDecided = (tenant_id: string, id: string, outcome: string) => sql<ReviewRow>`
  update holdpoint.review
  set status = 'decided', outcome = ${outcome}, version = version + 1, decided_at = holdpoint.now(), next_at = null
  where tenant_id = ${tenant_id} and id = ${id}::uuid and status in ('open', 'info_requested')
  returning ${REVIEW}`;

/** Names the run that carries the group's answers. */
export const setResumeRun = (tenant_id: string, group_id: string, resume_run_id: string) => sql`
  update holdpoint.review
  set resume_run_id = ${resume_run_id}::uuid
  where tenant_id = ${tenant_id} and group_id = ${group_id}::uuid and status = 'decided'`;

/** Moves a review to another status with the reason a person reads; the caller has checked the table. */
export const moveReview = (
  tenant_id: string,
  id: string,
  status: string,
  reason: string | null,
  superseded_by: string | null,
) => sql`
  update holdpoint.review
  set status = ${status}, status_reason = coalesce(${reason}::text, status_reason), version = version + 1, next_at = null,
      superseded_by = coalesce(${superseded_by}::uuid, superseded_by),
      resumed_at = case when ${status} = 'resuming' then coalesce(resumed_at, holdpoint.now()) else resumed_at end,
      closed_at = case when ${status} in ('closed', 'cancelled', 'superseded', 'failed') then holdpoint.now() else closed_at end
  where tenant_id = ${tenant_id} and id = ${id}::uuid`;

/** A decision as it is stored. */
export interface DecisionRow {
  id: string;
  review_id: string;
  seq: number;
  principal_id: string;
  display_name: string;
  channel: string;
  at: string;
  decisions: string;
  decisions_digest: string;
  comment: string | null;
  reason_code: string | null;
  diff: string;
  binding: string;
  idempotency_key: string | null;
}

/** Records a decision. */
export const insertDecision = (decision: {
  tenant_id: string;
  id: string;
  review_id: string;
  seq: number;
  principal_id: string;
  channel: string;
  decisions: string;
  decisions_digest: string;
  comment: string | null;
  reason_code: string | null;
  diff: string;
  binding: string;
  seen_digest: string | null;
  seen_version: number | null;
  idempotency_key: string | null;
}) => sql`
  insert into holdpoint.decision (tenant_id, id, review_id, seq, principal_id, channel, at, decisions, decisions_digest, comment,
    reason_code, diff, binding, seen_digest, seen_version, idempotency_key)
  values (${decision.tenant_id}, ${decision.id}::uuid, ${decision.review_id}::uuid, ${decision.seq}::int, ${decision.principal_id},
    ${decision.channel}, holdpoint.now(), ${decision.decisions}, ${decision.decisions_digest}, ${decision.comment}, ${decision.reason_code}, ${decision.diff},
    ${decision.binding}, ${decision.seen_digest}, ${decision.seen_version}::int, ${decision.idempotency_key})`;

/** The decisions of some reviews, with the names of their makers. */
export const decisionsOf = (tenant_id: string, review_ids: readonly string[]) => sql<DecisionRow>`
  select d.id, d.review_id, d.seq, d.principal_id, coalesce(p.display_name, d.principal_id) as display_name, d.channel, d.at,
    d.decisions, d.decisions_digest, d.comment, d.reason_code, d.diff, d.binding, d.idempotency_key
  from holdpoint.decision d
  left join holdpoint.principal p on p.tenant_id = d.tenant_id and p.principal_id = d.principal_id
  where d.tenant_id = ${tenant_id} and d.review_id = any(${review_ids}::uuid[])
  order by d.review_id, d.seq`;

/**
 * A static breakpoint that a person was asked about and nobody has let go on: at the checkpoint that a run goes on from,
 * which is the newest unless it says another, or before the edits of the state that led there.
 */
export const unansweredBreakpoint = (tenant_id: string, thread_id: string, checkpoint_id: string | null) => sql<{
  id: string;
  status: ReviewStatus;
  closed_at: string | null;
}>`
  with recursive stood as (
    select c.parent_checkpoint_id, c.run_id, c.checkpoint_id from holdpoint.checkpoint c
    where c.tenant_id = ${tenant_id} and c.thread_id = ${thread_id} and c.checkpoint_ns = ''
      and c.checkpoint_id = coalesce(${checkpoint_id}::uuid, (
        select newest.checkpoint_id from holdpoint.checkpoint newest
        where newest.tenant_id = ${tenant_id} and newest.thread_id = ${thread_id} and newest.checkpoint_ns = ''
        order by newest.checkpoint_id desc limit 1))
    union all
    select c.parent_checkpoint_id, c.run_id, c.checkpoint_id from stood
    join holdpoint.run edit on edit.tenant_id = ${tenant_id} and edit.run_id = stood.run_id and edit.kind = 'state_update'
    join holdpoint.checkpoint c on c.tenant_id = ${tenant_id} and c.thread_id = ${thread_id} and c.checkpoint_ns = ''
      and c.checkpoint_id = stood.parent_checkpoint_id)
  select v.id, v.status, v.closed_at from holdpoint.review v
  where v.tenant_id = ${tenant_id} and v.thread_id = ${thread_id} and v.flavour = 'breakpoint'
    and v.status in ('open', 'info_requested', 'stale', 'cancelled', 'superseded', 'failed')
    and v.checkpoint_id in (select stood.checkpoint_id from stood)
    and not exists (
      select 1 from holdpoint.review answered
      where answered.tenant_id = v.tenant_id and answered.thread_id = v.thread_id and answered.task_id = v.task_id
        and answered.checkpoint_id = v.checkpoint_id and answered.status in ('decided', 'resuming', 'resume_failed', 'closed'))
  order by v.opened_at desc
  limit 1`;
