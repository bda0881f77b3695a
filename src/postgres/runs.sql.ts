import type { RunKind, RunStatus } from "../protocol/run.ts";
import { columns, sql } from "./sql.ts";

/** A run as it is stored. */
export interface RunRow {
  tenant_id: string;
  run_id: string;
  thread_id: string;
  queue_seq: number;
  kind: RunKind;
  status: RunStatus;
  graph_id: string;
  assistant_id: string | null;
  principal_id: string;
  multitask_strategy: string;
  metadata: Record<string, unknown>;
  kwargs: string;
  group_id: string | null;
  group_attempt: number | null;
  attempt: number;
  lost_leases: number;
  lease_checkpoint_id: string | null;
  lease_epoch: number | null;
  cancel_action: "interrupt" | "rollback" | null;
  cancelled_by: string | null;
  not_before: string;
  output: string | null;
  error: string | null;
  created_at: string;
  started_at: string | null;
  ended_at: string | null;
  updated_at: string;
}

const RUN = columns`tenant_id, run_id, thread_id, queue_seq, kind, status, graph_id, assistant_id, principal_id, multitask_strategy,
  metadata, kwargs, group_id, group_attempt, attempt, lost_leases, lease_checkpoint_id, lease_epoch, cancel_action, cancelled_by, not_before, output,
  error, created_at, started_at, ended_at, updated_at`;

/** What is needed to queue a run. */
export interface NewRun {
  tenant_id: string;
  run_id: string;
  thread_id: string;
  kind: RunKind;
  graph_id: string;
  assistant_id: string | null;
  principal_id: string;
  multitask_strategy: string;
  metadata: unknown;
  kwargs: string;
  group_id: string | null;
  group_attempt: number | null;
  after_seconds: number;
  /** Who is told of its end. */
  webhook?: string | null;
}

/** Queues a run behind all earlier ones of its thread. */
export const insertRun = (run: NewRun) => sql<RunRow>`
  insert into holdpoint.run (tenant_id, run_id, thread_id, kind, graph_id, assistant_id, principal_id, multitask_strategy,
    metadata, kwargs, webhook, group_id, group_attempt, not_before)
  values (${run.tenant_id}, ${run.run_id}::uuid, ${run.thread_id}, ${run.kind}, ${run.graph_id}, ${run.assistant_id}::uuid,
    ${run.principal_id}, ${run.multitask_strategy}, ${JSON.stringify(run.metadata)}::jsonb, ${run.kwargs}, ${run.webhook ?? null},
    ${run.group_id}::uuid, ${run.group_attempt}::int, holdpoint.now() + make_interval(secs => ${run.after_seconds}::float8))
  returning ${RUN}`;

// Whatever ends a run says so to its webhook in the same statement: no end can be forgotten. What the thread has is
// what it had when the statement began, so the thread comes first.
const DELIVERY = columns`insert into holdpoint.delivery (tenant_id, thread_id, run_id, url, run, "values")
    select e.tenant_id, e.thread_id, e.run_id, e.webhook, row_to_json(e)::text, t."values"
    from ended e left join holdpoint.thread t on t.tenant_id = e.tenant_id and t.thread_id = e.thread_id
    where e.webhook is not null`;

/** A resume that completes no group executes nothing: it is stored as already done. */
export const insertFinishedRun = (run: NewRun, output: string) => sql<RunRow>`
  with ended as (
    insert into holdpoint.run (tenant_id, run_id, thread_id, kind, status, graph_id, assistant_id, principal_id, multitask_strategy,
      metadata, kwargs, webhook, output, started_at, ended_at)
    values (${run.tenant_id}, ${run.run_id}::uuid, ${run.thread_id}, ${run.kind}, 'success', ${run.graph_id},
      ${run.assistant_id}::uuid, ${run.principal_id}, ${run.multitask_strategy}, ${JSON.stringify(run.metadata)}::jsonb,
      ${run.kwargs}, ${run.webhook ?? null}, ${output}, holdpoint.now(), holdpoint.now())
    returning ${RUN}, webhook
  ), told as (${DELIVERY})
  select ${RUN} from ended`;

/** One run. */
export const selectRun = (tenant_id: string, thread_id: string, run_id: string) => sql<RunRow>`
  select ${RUN} from holdpoint.run
  where tenant_id = ${tenant_id} and thread_id = ${thread_id} and run_id = ${run_id}::uuid`;

/** One run by its id alone. */
export const selectRunById = (tenant_id: string, run_id: string) => sql<RunRow>`
  select ${RUN} from holdpoint.run where tenant_id = ${tenant_id} and run_id = ${run_id}::uuid`;

/** One run, locked; after the thread's locks. */
export const runForUpdate = (tenant_id: string, thread_id: string, run_id: string) => sql<RunRow>`
  select ${RUN} from holdpoint.run
  where tenant_id = ${tenant_id} and thread_id = ${thread_id} and run_id = ${run_id}::uuid
  for no key update`;

/** The thread's pending and running runs in queue order, locked. */
export const openRunsForUpdate = (tenant_id: string, thread_id: string) => sql<RunRow>`
  select ${RUN} from holdpoint.run
  where tenant_id = ${tenant_id} and thread_id = ${thread_id} and status in ('pending', 'running')
  order by queue_seq
  for no key update`;

/** Runs of a thread, newest first; state edits and copies are runs to us only. */
export const listRuns = (
  tenant_id: string,
  thread_id: string,
  filter: { status: string | null; limit: number; offset: number },
) => sql<RunRow>`
  select ${RUN} from holdpoint.run
  where tenant_id = ${tenant_id} and thread_id = ${thread_id} and kind in ('run', 'resume')
    and (${filter.status}::text is null or status = ${filter.status})
  order by created_at desc, queue_seq desc
  limit ${filter.limit}::int offset ${filter.offset}::int`;

/** Threads whose oldest queued run may start; a hint only, everything is checked again under the lock. */
export const claimCandidates = (graph_ids: readonly string[], limit: number) => sql<{
  tenant_id: string;
  thread_id: string;
}>`
  select r.tenant_id, r.thread_id from holdpoint.run r
  where r.status = 'pending' and r.not_before <= holdpoint.now() and r.graph_id = any(${graph_ids}::text[])
    and not exists (
      select 1 from holdpoint.run earlier
      where earlier.thread_id = r.thread_id and earlier.status in ('pending', 'running')
        and (earlier.queue_seq < r.queue_seq or earlier.status = 'running'))
  order by r.queue_seq
  limit ${limit}::int`;

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

/** Raises the fence and gives the lease to a worker. */
export const takeLease = (tenant_id: string, thread_id: string, worker_id: string, leaseMs: number) => sql<{
  lease_epoch: number;
}>`
  update holdpoint.thread
  set lease_epoch = lease_epoch + 1, lease_worker_id = ${worker_id}::uuid,
      lease_until = holdpoint.now() + make_interval(secs => ${leaseMs}::float8 / 1000), status = 'busy', updated_at = holdpoint.now()
  where tenant_id = ${tenant_id} and thread_id = ${thread_id}
  returning lease_epoch`;

/** Raises the fence and gives the lease to nobody: what a lost lease leaves. */
export const dropLease = (tenant_id: string, thread_id: string) => sql`
  update holdpoint.thread
  set lease_epoch = lease_epoch + 1, lease_worker_id = null, lease_until = null, updated_at = holdpoint.now()
  where tenant_id = ${tenant_id} and thread_id = ${thread_id}`;

/** Puts a run to work under the lease that its thread has just been given. */
export const startRun = (tenant_id: string, thread_id: string, run_id: string) => sql<RunRow>`
  update holdpoint.run
  set status = 'running', attempt = attempt + 1, started_at = coalesce(started_at, holdpoint.now()), updated_at = holdpoint.now(),
      lease_epoch = (select lease_epoch from holdpoint.thread where tenant_id = ${tenant_id} and thread_id = ${thread_id})
  where tenant_id = ${tenant_id} and thread_id = ${thread_id} and run_id = ${run_id}::uuid and status = 'pending'
  returning ${RUN}`;

/** Ends a run. Its webhook is told what the thread has now, so this comes after what the run leaves there. */
export const endRun = (
  tenant_id: string,
  run_id: string,
  status: string,
  output: string | null,
  error: string | null,
) => sql`
  with ended as (
    update holdpoint.run
    set status = ${status}, output = ${output}, error = ${error}, ended_at = holdpoint.now(), updated_at = holdpoint.now()
    where tenant_id = ${tenant_id} and run_id = ${run_id}::uuid
    returning ${RUN}, webhook
  )
  ${DELIVERY}`;

/** Hands a run back to the queue after its lease was lost; its place in the queue stays. */
export const requeueRun = (tenant_id: string, run_id: string, lost_leases: number, checkpoint_id: string | null) => sql`
  update holdpoint.run
  set status = 'pending', lease_epoch = null, lost_leases = ${lost_leases}::int, lease_checkpoint_id = ${checkpoint_id}::uuid,
      updated_at = holdpoint.now()
  where tenant_id = ${tenant_id} and run_id = ${run_id}::uuid and status = 'running'`;

/** Asks the worker that runs it to stop. */
export const requestCancel = (tenant_id: string, run_id: string, action: string, principal_id: string) => sql`
  update holdpoint.run
  set cancel_action = ${action}, cancelled_by = ${principal_id}, updated_at = holdpoint.now()
  where tenant_id = ${tenant_id} and run_id = ${run_id}::uuid`;

/** Which of these runs somebody wants stopped. */
export const selectCancelled = (run_ids: readonly string[]) => sql<{
  run_id: string;
  cancel_action: "interrupt" | "rollback";
}>`
  select run_id, cancel_action from holdpoint.run
  where run_id = any(${run_ids}::uuid[]) and cancel_action is not null`;

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

/** The newest checkpoint a run has written anywhere, also inside a subgraph: how far it has come. */
export const selectProgressOfRun = (tenant_id: string, thread_id: string, run_id: string) => sql<{
  checkpoint_id: string;
}>`
  select checkpoint_id::text from holdpoint.checkpoint
  where tenant_id = ${tenant_id} and thread_id = ${thread_id} and run_id = ${run_id}::uuid
  order by checkpoint_id desc limit 1`;

/** The newest root checkpoint a run has written, if it has written one. */
export const selectLastCheckpointOfRun = (tenant_id: string, thread_id: string, run_id: string) => sql<{
  checkpoint_id: string;
}>`
  select checkpoint_id::text from holdpoint.checkpoint
  where tenant_id = ${tenant_id} and thread_id = ${thread_id} and run_id = ${run_id}::uuid and checkpoint_ns = ''
  order by checkpoint_id desc limit 1`;

/** What the queue looks like, for /metrics and /readyz. */
export const queueFigures = () => sql<{ pending: number; running: number; oldest_wait_seconds: number }>`
  select count(*) filter (where status = 'pending') as pending, count(*) filter (where status = 'running') as running,
    coalesce(extract(epoch from holdpoint.now() - min(created_at) filter (where status = 'pending' and not_before <= holdpoint.now())), 0)::float8
      as oldest_wait_seconds
  from holdpoint.run where status in ('pending', 'running')`;

/** A worker says that it is there. */
export const upsertWorker = (worker: {
  tenant_id: string;
  worker_id: string;
  hostname: string;
  process_id: number;
  slots: number;
}) => sql`
  insert into holdpoint.worker (tenant_id, worker_id, hostname, process_id, slots)
  values (${worker.tenant_id}, ${worker.worker_id}::uuid, ${worker.hostname}, ${worker.process_id}::int, ${worker.slots}::int)
  on conflict (worker_id) do update set heartbeat_at = holdpoint.now(), stopped_at = null`;

/** A worker says good-bye. */
export const stopWorker = (worker_id: string) => sql`
  update holdpoint.worker set stopped_at = holdpoint.now() where worker_id = ${worker_id}::uuid`;
