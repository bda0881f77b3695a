import { columns, sql } from "./sql.ts";

/** Why an attempt at a run ended. Lost leases are not errors: they say something about the worker, not about the run. */
export type AttemptOutcome = "success" | "error" | "timeout" | "cancelled" | "lease_lost" | "drained";

/** One attempt at a run. */
export interface RunAttempt {
  attempt: number;
  worker_id: string;
  started_at: string;
  ended_at: string | null;
  /** Null while it executes. */
  outcome: AttemptOutcome | null;
  error_class: string | null;
  /** The root checkpoints that it wrote; null when it wrote none, or they were pruned. */
  first_checkpoint_id: string | null;
  last_checkpoint_id: string | null;
}

/** Begins the attempt of the run that `started` has put to work for `who`. */
export const BEGIN_ATTEMPT = columns`insert into holdpoint.run_attempt (tenant_id, thread_id, run_id, attempt, worker_id, lease_epoch, started_at)
    select s.tenant_id, s.thread_id, s.run_id, s.attempt, w.worker_id, s.lease_epoch, holdpoint.now() from started s, who w`;

/** Ends the attempt of the run in `ended`, if it has one under way, in the way that `how` says. */
export const END_ATTEMPT = columns`update holdpoint.run_attempt a
    set ended_at = coalesce(h.at, holdpoint.now()), outcome = h.outcome, error_class = h.error_class,
      last_checkpoint_id = (
        select c.checkpoint_id from holdpoint.checkpoint c
        where c.tenant_id = e.tenant_id and c.thread_id = e.thread_id and c.run_id = e.run_id and c.checkpoint_ns = ''
        order by c.checkpoint_id desc
        limit 1)
    from ended e, how h
    where a.tenant_id = e.tenant_id and a.run_id = e.run_id and a.attempt = e.attempt and a.ended_at is null`;

/** The attempts at a run, in their order. */
export const attemptsOfRun = (tenant_id: string, run_id: string) => sql<RunAttempt>`
  select a.attempt, a.worker_id::text, a.started_at, a.ended_at, a.outcome, a.error_class,
    first.checkpoint_id::text as first_checkpoint_id,
    case when first.checkpoint_id is not null then coalesce(a.last_checkpoint_id, newest.checkpoint_id) end::text
      as last_checkpoint_id
  from holdpoint.run_attempt a
    left join holdpoint.run_attempt b on b.run_id = a.run_id and b.attempt = a.attempt - 1
    left join lateral (
      select c.checkpoint_id from holdpoint.checkpoint c
      where c.tenant_id = a.tenant_id and c.thread_id = a.thread_id and c.run_id = a.run_id and c.checkpoint_ns = ''
      order by c.checkpoint_id desc
      limit 1) newest on a.ended_at is null
    left join lateral (
      select c.checkpoint_id from holdpoint.checkpoint c
      where c.tenant_id = a.tenant_id and c.thread_id = a.thread_id and c.run_id = a.run_id and c.checkpoint_ns = ''
        and (b.last_checkpoint_id is null or c.checkpoint_id > b.last_checkpoint_id)
        and (a.ended_at is null or c.checkpoint_id <= a.last_checkpoint_id)
      order by c.checkpoint_id
      limit 1) first on true
  where a.tenant_id = ${tenant_id} and a.run_id = ${run_id}::uuid
  order by a.attempt`;
