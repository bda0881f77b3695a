import { columns, sql } from "./sql.ts";

/** A thread as it is stored; JSON kept as text is not parsed here. */
export interface ThreadRow {
  tenant_id: string;
  thread_id: string;
  status: "idle" | "busy" | "interrupted" | "error";
  graph_id: string | null;
  metadata: Record<string, unknown>;
  config: string;
  values: string | null;
  interrupts: string;
  error: string | null;
  lease_epoch: number;
  lease_worker_id: string | null;
  lease_until: string | null;
  created_at: string;
  updated_at: string;
  state_updated_at: string;
}

const THREAD = columns`tenant_id, thread_id, status, graph_id, metadata, config, "values", interrupts, error, lease_epoch, lease_worker_id,
  lease_until, created_at, updated_at, state_updated_at`;

/** The thread's lock: first of all locks, and the moment every transaction of ours calls now. */
export const lockThread = (thread_id: string) =>
  sql`select pg_advisory_xact_lock(hashtextextended('holdpoint:thread:' || ${thread_id}::text, 0))`;

/** The same, shared: what a worker's batches take, so that a claim waits for them and they for it. */
export const lockThreadShared = (thread_id: string) =>
  sql`select pg_advisory_xact_lock_shared(hashtextextended('holdpoint:thread:' || ${thread_id}::text, 0))`;

/** The database clock. */
export const readNow = () => sql<{ now: string }>`select holdpoint.now() as now`;

/** The thread's row, locked; comes right after the advisory lock. */
export const threadForUpdate = (tenant_id: string, thread_id: string) => sql<ThreadRow & { now: string }>`
  select ${THREAD}, holdpoint.now() as now from holdpoint.thread
  where tenant_id = ${tenant_id} and thread_id = ${thread_id} and deleted_at is null
  for no key update`;

/** The thread's row. */
export const selectThread = (tenant_id: string, thread_id: string) => sql<ThreadRow>`
  select ${THREAD} from holdpoint.thread
  where tenant_id = ${tenant_id} and thread_id = ${thread_id} and deleted_at is null`;

/** Creates a thread; no row when the id is taken, also by a deleted one. */
export const insertThread = (
  tenant_id: string,
  thread_id: string,
  graph_id: string | null,
  metadata: unknown,
) => sql<ThreadRow>`
  insert into holdpoint.thread (tenant_id, thread_id, graph_id, metadata)
  values (${tenant_id}, ${thread_id}, ${graph_id}, ${JSON.stringify(metadata)}::jsonb)
  on conflict (thread_id) do nothing
  returning ${THREAD}`;

/**
 * Marks a thread as having work queued, and stamps which graph and assistant it belongs to, and what its graph is made
 * from if that is given.
 */
export const markThreadBusy = (
  tenant_id: string,
  thread_id: string,
  graph_id: string,
  metadata: unknown,
  config: string | null = null,
) => sql`
  update holdpoint.thread
  set status = 'busy', graph_id = ${graph_id}, metadata = metadata || ${JSON.stringify(metadata)}::jsonb,
    config = coalesce(${config}::text, config), updated_at = holdpoint.now()
  where tenant_id = ${tenant_id} and thread_id = ${thread_id}`;

/**
 * What a finished run leaves on its thread; the lease is given back, and what it left running is fenced. The status
 * depends on whether another run of the thread comes next.
 */
export const finishThread = (
  { tenant_id, thread_id, run_id }: { tenant_id: string; thread_id: string; run_id: string },
  status: { alone: string; queued: string },
  values: string | null,
  interrupts: string,
  error: string | null,
) => sql`
  update holdpoint.thread
  set status = case when exists (
        select 1 from holdpoint.run r
        where r.tenant_id = ${tenant_id} and r.thread_id = ${thread_id} and r.status in ('pending', 'running')
          and r.run_id <> ${run_id}::uuid) then ${status.queued} else ${status.alone} end,
      "values" = coalesce(${values}::text, "values"), interrupts = ${interrupts}, error = ${error},
      lease_epoch = lease_epoch + 1, lease_worker_id = null, lease_until = null, updated_at = holdpoint.now(),
      state_updated_at = holdpoint.now()
  where tenant_id = ${tenant_id} and thread_id = ${thread_id}`;

/** Gives the lease back and leaves what the thread has and asks as it was. */
export const giveBackThread = (tenant_id: string, thread_id: string, status: string) => sql`
  update holdpoint.thread
  set status = ${status}, lease_epoch = lease_epoch + 1, lease_worker_id = null, lease_until = null, updated_at = holdpoint.now()
  where tenant_id = ${tenant_id} and thread_id = ${thread_id}`;

/** What a thread asks from the beginning, because it is the copy of one that asks. */
export const askOnThread = (tenant_id: string, thread_id: string, interrupts: string) => sql`
  update holdpoint.thread set status = 'interrupted', interrupts = ${interrupts}, updated_at = holdpoint.now()
  where tenant_id = ${tenant_id} and thread_id = ${thread_id}`;

/** Sets the status only; for cancellations, where no run has ended. */
export const setThreadStatus = (tenant_id: string, thread_id: string, status: string) => sql`
  update holdpoint.thread
  set status = ${status}, interrupts = case when ${status} = 'interrupted' then interrupts else '{}' end, updated_at = holdpoint.now()
  where tenant_id = ${tenant_id} and thread_id = ${thread_id}`;

/** Why a run ended that left nothing else: what the thread has stays as it was. */
export const failThread = (tenant_id: string, thread_id: string, status: string, error: string) => sql`
  update holdpoint.thread
  set status = ${status}, interrupts = '{}', error = ${error}, updated_at = holdpoint.now()
  where tenant_id = ${tenant_id} and thread_id = ${thread_id}`;

/** Adds to a thread's metadata; no row when there is no such thread. */
export const mergeThreadMetadata = (tenant_id: string, thread_id: string, metadata: unknown) => sql<ThreadRow>`
  update holdpoint.thread
  set metadata = metadata || ${JSON.stringify(metadata)}::jsonb, updated_at = holdpoint.now()
  where tenant_id = ${tenant_id} and thread_id = ${thread_id} and deleted_at is null
  returning ${THREAD}`;

/** The newest root checkpoint: where a resume would go on. */
export const selectHeadCheckpoint = (tenant_id: string, thread_id: string) => sql<{ checkpoint_id: string }>`
  select checkpoint_id::text from holdpoint.checkpoint
  where tenant_id = ${tenant_id} and thread_id = ${thread_id} and checkpoint_ns = ''
  order by checkpoint_id desc limit 1`;
