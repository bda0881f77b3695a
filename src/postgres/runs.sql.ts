import type { RunKind, RunStatus } from "../protocol/run.ts";
import { type AttemptOutcome, END_ATTEMPT } from "./attempts.sql.ts";
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
  cancel_reason: string | null;
  not_before: string;
  priority: number;
  timeout_seconds: number | null;
  deadline: string | null;
  output: string | null;
  error: string | null;
  created_at: string;
  started_at: string | null;
  ended_at: string | null;
  updated_at: string;
}

/** What went wrong with a run. */
export interface RunError {
  /** The class of the error, or its code. */
  error: string;
  message: string;
}

/** The columns of a run. */
export const RUN = columns`tenant_id, run_id, thread_id, queue_seq, kind, status, graph_id, assistant_id, principal_id, multitask_strategy,
  metadata, kwargs, group_id, group_attempt, attempt, lost_leases, lease_checkpoint_id, lease_epoch, cancel_action, cancelled_by, cancel_reason, not_before, priority, timeout_seconds,
  deadline, output, error, created_at, started_at, ended_at, updated_at`;

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
  /** From 0 to 100. */
  priority: number;
  /** Who is told of its end. */
  webhook?: string | null;
  /** How long it may execute; by default as long as the worker's own default says. */
  timeout_seconds?: number | null;
}

/** Queues a run behind all earlier ones of its thread, whose lock the caller holds. */
export const insertRun = (run: NewRun) => sql<RunRow>`
  insert into holdpoint.run (tenant_id, run_id, thread_id, kind, graph_id, assistant_id, principal_id, multitask_strategy,
    metadata, kwargs, webhook, group_id, group_attempt, priority, timeout_seconds, not_before, place)
  select ${run.tenant_id}, ${run.run_id}::uuid, ${run.thread_id}, ${run.kind}, ${run.graph_id}, ${run.assistant_id}::uuid,
    ${run.principal_id}, ${run.multitask_strategy}, ${JSON.stringify(run.metadata)}::jsonb, ${run.kwargs}, ${run.webhook ?? null},
    ${run.group_id}::uuid, ${run.group_attempt}::int, ${run.priority}::smallint,
    ${run.timeout_seconds ?? null}::float8, since,
    case
      when exists (select 1 from holdpoint.run
        where tenant_id = ${run.tenant_id} and thread_id = ${run.thread_id} and status in ('pending', 'running')) then null
      when ${run.after_seconds}::float8 > 0 then 'infinity'
      else holdpoint.place(${run.kind}, ${run.priority}::smallint, since) end
  from (select holdpoint.now() + make_interval(secs => ${run.after_seconds}::float8) as since) as time
  returning ${RUN}`;

// Whatever ends a run says so to its webhook in the same statement: no end can be forgotten. What the thread has is
// what it had when the statement began, so the thread comes first.
const DELIVERY = columns`insert into holdpoint.delivery (tenant_id, thread_id, run_id, url, run, "values")
    select e.tenant_id, e.thread_id, e.run_id, e.webhook, row_to_json(e)::text, t."values"
    from ended e left join holdpoint.thread t on t.tenant_id = e.tenant_id and t.thread_id = e.thread_id
    where e.webhook is not null`;

// Whatever ends a run calls the next one of its thread in the same statement: none can be forgotten in the queue.
const CALL_NEXT = columns`update holdpoint.run r
    set place = case when r.not_before <= holdpoint.now() then holdpoint.place(r.kind, r.priority, r.not_before) else 'infinity' end
    from ended e
    where r.status = 'pending' and r.place is null and r.run_id = (
      select o.run_id from holdpoint.run o
      where o.tenant_id = e.tenant_id and o.thread_id = e.thread_id and o.status in ('pending', 'running') and o.run_id <> e.run_id
      order by o.queue_seq
      limit 1)`;

/** A resume that completes no group executes nothing: it is stored as already done. */
export const insertFinishedRun = (run: NewRun, output: string) => sql<RunRow>`
  with ended as (
    insert into holdpoint.run (tenant_id, run_id, thread_id, kind, status, graph_id, assistant_id, principal_id, multitask_strategy,
      metadata, kwargs, webhook, priority, output, started_at, ended_at)
    values (${run.tenant_id}, ${run.run_id}::uuid, ${run.thread_id}, ${run.kind}, 'success', ${run.graph_id},
      ${run.assistant_id}::uuid, ${run.principal_id}, ${run.multitask_strategy}, ${JSON.stringify(run.metadata)}::jsonb,
      ${run.kwargs}, ${run.webhook ?? null}, ${run.priority}::smallint, ${output}, holdpoint.now(), holdpoint.now())
    returning ${RUN}, webhook
  ), told as (${DELIVERY})
  select ${RUN} from ended`;

// A run goes with its thread: who deleted that wants to see neither. Its row stays for those who wait for it.
const OF_LIVING_THREAD = columns`exists (
    select 1 from holdpoint.thread t
    where t.tenant_id = run.tenant_id and t.thread_id = run.thread_id and t.deleted_at is null)`;

/** One run, unless its thread was deleted. */
export const selectRun = (tenant_id: string, thread_id: string, run_id: string) => sql<RunRow>`
  select ${RUN} from holdpoint.run
  where tenant_id = ${tenant_id} and thread_id = ${thread_id} and run_id = ${run_id}::uuid and ${OF_LIVING_THREAD}`;

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
    and (${filter.status}::text is null or status = ${filter.status}) and ${OF_LIVING_THREAD}
  order by created_at desc, queue_seq desc
  limit ${filter.limit}::int offset ${filter.offset}::int`;

/**
 * Ends a run, and the attempt at it that is under way. Its webhook is told what the thread has now, so this comes after
 * what the run leaves there.
 */
export const endRun = (
  tenant_id: string,
  run_id: string,
  status: Exclude<RunStatus, "pending" | "running">,
  output: string | null,
  error: RunError | null,
  outcome: AttemptOutcome = OUTCOME[status],
) => sql`
  with ended as (
    update holdpoint.run
    set status = ${status}, place = null, deadline = null, output = ${output},
        error = ${error === null ? null : JSON.stringify(error)}, ended_at = holdpoint.now(),
        updated_at = holdpoint.now()
    where tenant_id = ${tenant_id} and run_id = ${run_id}::uuid
    returning ${RUN}, webhook
  ), how as (
    select ${outcome}::text as outcome, ${error?.error?.replaceAll("\0", "") ?? null}::text as error_class, null::timestamptz as at
  ), attempted as (${END_ATTEMPT}), called as (${CALL_NEXT})
  ${DELIVERY}`;

const OUTCOME = { success: "success", error: "error", timeout: "timeout", interrupted: "cancelled" } as const;

/** Asks the worker that runs it to stop. */
export const requestCancel = (tenant_id: string, run_id: string, action: string, principal_id: string) => sql`
  update holdpoint.run
  set cancel_action = ${action}, cancelled_by = ${principal_id}, updated_at = holdpoint.now()
  where tenant_id = ${tenant_id} and run_id = ${run_id}::uuid`;

/** Says why a run is cancelled. */
export const noteCancelReason = (tenant_id: string, run_id: string, reason: string) => sql`
  update holdpoint.run set cancel_reason = ${reason} where tenant_id = ${tenant_id} and run_id = ${run_id}::uuid`;

/** Which of these runs somebody wants stopped. */
export const selectCancelled = (run_ids: readonly string[]) => sql<{
  run_id: string;
  cancel_action: "interrupt" | "rollback";
}>`
  select run_id, cancel_action from holdpoint.run
  where run_id = any(${run_ids}::uuid[]) and cancel_action is not null`;

/** The newest root checkpoint a run has written, if it has written one. */
export const selectLastCheckpointOfRun = (tenant_id: string, thread_id: string, run_id: string) => sql<{
  checkpoint_id: string;
}>`
  select checkpoint_id::text from holdpoint.checkpoint
  where tenant_id = ${tenant_id} and thread_id = ${thread_id} and run_id = ${run_id}::uuid and checkpoint_ns = ''
  order by checkpoint_id desc limit 1`;

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
