import { type AttemptOutcome, BEGIN_ATTEMPT, END_ATTEMPT } from "./attempts.sql.ts";
import { RUN, type RunRow } from "./runs.sql.ts";
import { columns, sql } from "./sql.ts";

/** A thread whose next run may start. */
export interface Candidate {
  readonly tenant_id: string;
  readonly thread_id: string;
  readonly graph_id: string;
}

/**
 * Threads whose next run may start, but for those `passed`, best place first: a hint only, everything is checked again
 * under the lock. Whose time has come since the last look gets its place here. One short index scan a graph, so neither
 * a backlog of other graphs nor one of a graph at its limit is walked through.
 */
export const claimCandidates = (
  graph_ids: readonly string[],
  limits: readonly (number | null)[],
  passed: readonly string[],
  count: number,
) => sql<Candidate>`
  with due as (
    update holdpoint.run
    set place = holdpoint.place(kind, priority, not_before)
    where run_id in (
      select run_id from holdpoint.run
      where status = 'pending' and place = 'infinity' and not_before <= holdpoint.now()
      order by not_before
      limit 100
      for no key update skip locked)
    returning tenant_id, thread_id, graph_id, place
  )
  select c.tenant_id, c.thread_id, g.graph_id
  from unnest(${graph_ids}::text[], ${limits}::int[]) as g (graph_id, most)
    cross join lateral (
      select case
        when g.most is null then timestamptz 'infinity'
        when g.most > (
          select count(*) from (
            select from holdpoint.run
            where graph_id = g.graph_id and status = 'running' and kind in ('run', 'resume')
            limit g.most) executing) then 'infinity'
        else '-infinity' end as up_to) open
    cross join lateral (
      (select r.tenant_id, r.thread_id, r.place from holdpoint.run r
        where r.graph_id = g.graph_id and r.status = 'pending' and r.place < 'infinity' and r.place <= open.up_to
          and r.thread_id <> all (${passed}::text[])
        order by r.place
        limit ${count}::int)
      union all
      (select d.tenant_id, d.thread_id, d.place from due d where d.graph_id = g.graph_id and d.place <= open.up_to
        and d.thread_id <> all (${passed}::text[]))) c
  order by c.place
  limit ${count}::int`;

/**
 * Takes the thread's row for a claim. Not `for update`, which deadlocks with a batch's shared lock, and not
 * waiting: a row that somebody holds is somebody else's turn.
 */
export const threadForClaim = (tenant_id: string, thread_id: string) => sql<{
  thread_id: string;
  graph_id: string | null;
}>`
  select thread_id, graph_id from holdpoint.thread
  where tenant_id = ${tenant_id} and thread_id = ${thread_id} and deleted_at is null
  for no key update skip locked`;
/** The run that comes next on a thread, if it may start now. */
export const nextRunForUpdate = (tenant_id: string, thread_id: string) => sql<RunRow & { due: boolean }>`
  select ${RUN}, not_before <= holdpoint.now() as due from holdpoint.run
  where tenant_id = ${tenant_id} and thread_id = ${thread_id} and status in ('pending', 'running')
  order by (status = 'running') desc, queue_seq
  limit 1
  for no key update`;
/** A run that was claimed, and how much longer it may execute; null: for ever. */
type StartedRow = RunRow & { left_ms: number | null };

// How long it may take is what its client gave it, or else what its graph is given; its clock goes on from where the
// attempts before have left it.
const START = columns`status = 'running', place = null, attempt = attempt + 1, started_at = coalesce(started_at, holdpoint.now()),
        updated_at = holdpoint.now(),
        timeout_seconds = coalesce(timeout_seconds, (select l.timeout_seconds from loaded l where l.graph_id = run.graph_id)),
        deadline = holdpoint.now() + (
          select make_interval(secs => coalesce(run.timeout_seconds, l.timeout_seconds)) - (
            select coalesce(sum(a.ended_at - a.started_at), '0') from holdpoint.run_attempt a
            where a.tenant_id = run.tenant_id and a.run_id = run.run_id)
          from loaded l where l.graph_id = run.graph_id and coalesce(run.timeout_seconds, l.timeout_seconds) is not null)`;

/**
 * The whole of a claim where nothing stands in its way: starts the run that comes next on a thread and gives the lease
 * to a worker. No row when anything has to be looked at: the thread is gone or somebody has its row, a run of it
 * executes, the next one is not due, is of a graph that is not named here, or would walk past a question. Behind the
 * thread's lock, in a statement of its own.
 */
export const claimNext = (
  { tenant_id, thread_id }: { tenant_id: string; thread_id: string },
  graph_ids: readonly string[],
  timeouts: readonly (number | null)[],
  worker_id: string,
  leaseMs: number,
) => sql<StartedRow>`
  with loaded as (
    select graph_id, timeout_seconds from unnest(${graph_ids}::text[], ${timeouts}::float8[]) as g (graph_id, timeout_seconds)
  ), thread as (
    select lease_epoch from holdpoint.thread
    where tenant_id = ${tenant_id} and thread_id = ${thread_id} and deleted_at is null
    for no key update skip locked
  ), next as (
    select run_id from holdpoint.run
    where tenant_id = ${tenant_id} and thread_id = ${thread_id} and status in ('pending', 'running')
    order by (status = 'running') desc, queue_seq
    limit 1
  ), started as (
    update holdpoint.run
    set ${START},
        lease_epoch = (select lease_epoch + 1 from thread)
    where tenant_id = ${tenant_id} and run_id = (select run_id from next) and status = 'pending' and not_before <= holdpoint.now()
      and graph_id in (select graph_id from loaded) and exists (select 1 from thread)
      and (kind in ('resume', 'copy') or not exists (
        select 1 from holdpoint.review v
        where v.tenant_id = ${tenant_id} and v.thread_id = ${thread_id}
          and v.status in ('open', 'info_requested', 'decided', 'resuming', 'resume_failed', 'stale')))
    returning ${RUN}
  ), leased as (
    update holdpoint.thread
    set lease_epoch = lease_epoch + 1, lease_until = holdpoint.now() + make_interval(secs => ${leaseMs}::float8 / 1000),
        lease_worker_id = ${worker_id}::uuid, status = 'busy', updated_at = holdpoint.now()
    where tenant_id = ${tenant_id} and thread_id = ${thread_id} and exists (select 1 from started)
  ), who as (select ${worker_id}::uuid as worker_id), begun as (${BEGIN_ATTEMPT})
  select ${RUN}, (extract(epoch from deadline - holdpoint.now()) * 1000)::float8 as left_ms from started`;

/** Whether a thread has a run that waits and none that executes: what a claim goes on to look at one by one. */
export const hasNextRun = (tenant_id: string, thread_id: string) => sql<{ has_next: boolean }>`
  select coalesce(bool_and(status = 'pending'), false) as has_next from holdpoint.run
  where tenant_id = ${tenant_id} and thread_id = ${thread_id} and status in ('pending', 'running')`;

/** The lock of a graph with a limit, last of all locks: who holds it counts what executes and starts one more. */
export const lockGraph = (graph_id: string) =>
  sql`select pg_advisory_xact_lock(hashtextextended('holdpoint:graph:' || ${graph_id}::text, 0))`;

/** Takes the runs of a deleted thread out of the queue, where they would be in the way of others for ever. */
export const leaveQueue = (tenant_id: string, thread_id: string) => sql`
  update holdpoint.run set place = null
  where tenant_id = ${tenant_id} and thread_id = ${thread_id} and status = 'pending' and place is not null
    and not exists (select 1 from holdpoint.thread t
      where t.tenant_id = ${tenant_id} and t.thread_id = ${thread_id} and t.deleted_at is null)`;

/**
 * Puts a run to work under the lease that its thread is given next. `limit`: how many runs of its graph may execute at
 * once; none is started beyond it, which holds while the caller has the graph's lock. Its clock goes on from where the
 * attempts before have left it; what is left of it is `left_ms`.
 */
export const startRun = (
  {
    tenant_id,
    thread_id,
    run_id,
    graph_id,
  }: { tenant_id: string; thread_id: string; run_id: string; graph_id: string },
  worker_id: string,
  limit: number | null,
  timeoutSeconds: number | null,
) => sql<StartedRow>`
  with loaded as (
    select ${graph_id}::text as graph_id, ${timeoutSeconds}::float8 as timeout_seconds
  ), started as (
    update holdpoint.run
    set ${START},
        lease_epoch = (select lease_epoch + 1 from holdpoint.thread where tenant_id = ${tenant_id} and thread_id = ${thread_id})
    where tenant_id = ${tenant_id} and thread_id = ${thread_id} and run_id = ${run_id}::uuid and status = 'pending'
      and (${limit}::int is null or ${limit}::int > (
        select count(*) from holdpoint.run executing
        where executing.graph_id = run.graph_id and executing.status = 'running' and executing.kind in ('run', 'resume')))
    returning ${RUN}
  ), who as (select ${worker_id}::uuid as worker_id), begun as (${BEGIN_ATTEMPT})
  select ${RUN}, (extract(epoch from deadline - holdpoint.now()) * 1000)::float8 as left_ms from started`;

/** Raises the fence and gives the lease to a worker, when the run before it in the same transaction was started. */
export const takeLease = (
  lease: { tenant_id: string; thread_id: string; run_id: string },
  worker_id: string,
  leaseMs: number,
) => sql<{
  lease_epoch: number;
}>`
  update holdpoint.thread
  set lease_epoch = lease_epoch + 1, lease_worker_id = ${worker_id}::uuid,
      lease_until = holdpoint.now() + make_interval(secs => ${leaseMs}::float8 / 1000), status = 'busy', updated_at = holdpoint.now()
  where tenant_id = ${lease.tenant_id} and thread_id = ${lease.thread_id}
    and exists (select 1 from holdpoint.run where run_id = ${lease.run_id}::uuid and status = 'running')
  returning lease_epoch`;

/** Renews a worker's leases; the rows that come back are the ones it still holds. */
export const renewLeases = (worker_id: string, leaseMs: number) => sql<{ thread_id: string; lease_epoch: number }>`
  update holdpoint.thread
  set lease_until = holdpoint.now() + make_interval(secs => ${leaseMs}::float8 / 1000)
  where lease_worker_id = ${worker_id}::uuid and lease_until > holdpoint.now()
  returning thread_id, lease_epoch`;
/** Threads whose lease has run out. */
export const expiredLeases = (limit: number) => sql<{ tenant_id: string; thread_id: string }>`
  select tenant_id, thread_id from holdpoint.thread
  where lease_until is not null and lease_until <= holdpoint.now()
  order by lease_until limit ${limit}::int`;
/** Raises the fence and gives the lease to nobody: what a lost lease leaves. */
export const dropLease = (tenant_id: string, thread_id: string) => sql`
  update holdpoint.thread
  set lease_epoch = lease_epoch + 1, lease_worker_id = null, lease_until = null, updated_at = holdpoint.now()
  where tenant_id = ${tenant_id} and thread_id = ${thread_id}`;
/**
 * Hands a run back to the queue after its lease was lost or returned; its place in the queue stays. `endedAt`: since when
 * nobody executes it, by default now.
 */
export const requeueRun = (
  tenant_id: string,
  run_id: string,
  lost_leases: number,
  checkpoint_id: string | null,
  outcome: AttemptOutcome & ("lease_lost" | "drained"),
  endedAt: string | null = null,
) => sql`
  with ended as (
    update holdpoint.run
    set status = 'pending', place = holdpoint.place(kind, priority, not_before), lease_epoch = null, deadline = null,
        lost_leases = ${lost_leases}::int, lease_checkpoint_id = ${checkpoint_id}::uuid, updated_at = holdpoint.now()
    where tenant_id = ${tenant_id} and run_id = ${run_id}::uuid and status = 'running'
    returning tenant_id, thread_id, run_id, attempt
  ), how as (select ${outcome}::text as outcome, null::text as error_class, ${endedAt}::timestamptz as at)
  ${END_ATTEMPT}`;

/**
 * How far a run has come: its newest checkpoint, also inside a subgraph, and whether it has stored anything else since
 * its last lost lease: the writes of a task that had not come so far before, the receipt of an effect. What a node that
 * fails or asks stores again in each attempt is no step. Reads no more than what this one run has stored.
 */
export const selectProgressOfRun = (tenant_id: string, thread_id: string, run_id: string) => sql<{
  checkpoint_id: string | null;
  has_stored: boolean;
}>`
  with lost as (
    select attempt, ended_at from holdpoint.run_attempt
    where tenant_id = ${tenant_id} and run_id = ${run_id}::uuid and outcome = 'lease_lost'
    order by attempt desc limit 1)
  select (
      select c.checkpoint_id::text from holdpoint.checkpoint c
      where c.tenant_id = ${tenant_id} and c.thread_id = ${thread_id} and c.run_id = ${run_id}::uuid
      order by c.checkpoint_id desc limit 1) as checkpoint_id,
    exists (
      select 1 from holdpoint.node_execution n
      where n.tenant_id = ${tenant_id} and n.thread_id = ${thread_id} and n.run_id = ${run_id}::uuid
        and n.attempt > coalesce((select attempt from lost), 0)
        and not exists (
          select 1 from holdpoint.node_execution b
          where b.tenant_id = n.tenant_id and b.thread_id = n.thread_id and b.run_id = n.run_id
            and b.checkpoint_ns = n.checkpoint_ns and b.checkpoint_id = n.checkpoint_id and b.task_id = n.task_id
            and b.status = n.status and b.attempt < n.attempt))
    or exists (
      select 1 from holdpoint.effect e
      where e.tenant_id = ${tenant_id} and e.thread_id = ${thread_id} and e.run_id = ${run_id}::uuid
        and e.receipt_at > coalesce((select ended_at from lost), '-infinity')) as has_stored`;
