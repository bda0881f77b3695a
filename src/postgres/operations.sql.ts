// What operators look at: the queue, the workers, the figures of /metrics.
import { sql } from "./sql.ts";

/** The queue of one graph and priority. */
export interface QueueRow {
  graph_id: string;
  priority: number;
  pending: number;
  /** Those of them that come next on their thread and may start now. */
  ready: number;
  /** Those that wait for their time. */
  later: number;
  running: number;
  /** How long the longest has been due; null where none is. */
  oldest_wait_seconds: number | null;
}

/** What is queued and what executes, by graph and priority, of at most `limit` runs. State edits and copies are left out. */
export const queueRows = (tenant_id: string, limit: number) => sql<QueueRow>`
  select graph_id, priority, count(*) filter (where status = 'pending') as pending,
    count(*) filter (where status = 'pending' and not_before <= now and place is not null) as ready,
    count(*) filter (where status = 'pending' and not_before > now) as later,
    count(*) filter (where status = 'running') as running,
    extract(epoch from max(now - not_before) filter (where status = 'pending' and not_before <= now))::float8 as oldest_wait_seconds
  from (
    select graph_id, priority, status, place, not_before, holdpoint.now() as now from holdpoint.run
    where tenant_id = ${tenant_id} and status in ('pending', 'running') and kind in ('run', 'resume')
    limit ${limit}::int) open
  group by graph_id, priority
  order by graph_id, priority desc`;

/** A worker as it is stored, and what it does now. */
export interface WorkerRow {
  worker_id: string;
  hostname: string;
  process_id: number;
  slots: number;
  graph_ids: string[];
  running: number;
  /** `lost`: no heartbeat for longer than its leases last. */
  state: "live" | "stopped" | "lost";
  started_at: string;
  heartbeat_at: string;
  stopped_at: string | null;
}

/** Workers, those that live first; of the others those that were seen in the last `seenHours`. */
export const listWorkers = (tenant_id: string, seenHours: number, limit: number) => sql<WorkerRow>`
  select worker_id, hostname, process_id, slots, graph_ids, started_at, heartbeat_at, stopped_at, state,
    (select count(*) from holdpoint.thread t
      where t.tenant_id = ${tenant_id} and t.lease_worker_id = w.worker_id and t.lease_until > holdpoint.now()) as running
  from (
    select worker_id, hostname, process_id, slots, graph_ids, started_at, heartbeat_at, stopped_at,
      case when stopped_at is not null then 'stopped'
        when heartbeat_at < holdpoint.now() - make_interval(secs => lease_ms / 1000.0) then 'lost'
        else 'live' end as state
    from holdpoint.worker
    where tenant_id = ${tenant_id} and heartbeat_at > holdpoint.now() - make_interval(secs => ${seenHours}::float8 * 3600)) w
  order by (state = 'live') desc, heartbeat_at desc
  limit ${limit}::int`;

/** Says which graphs a worker has loaded and how long its leases last; the rest of its row is as the heartbeat writes it. */
export const describeWorker = (worker: {
  tenant_id: string;
  worker_id: string;
  hostname: string;
  process_id: number;
  slots: number;
  graph_ids: readonly string[];
  lease_ms: number;
}) => sql`
  insert into holdpoint.worker (tenant_id, worker_id, hostname, process_id, slots, graph_ids, lease_ms)
  values (${worker.tenant_id}, ${worker.worker_id}::uuid, ${worker.hostname}, ${worker.process_id}::int, ${worker.slots}::int,
    ${worker.graph_ids}::text[], ${worker.lease_ms}::int)
  on conflict (worker_id) do update set graph_ids = excluded.graph_ids, lease_ms = excluded.lease_ms`;

/** One figure of /metrics, with the label that tells it from others of its name. */
export interface FigureRow {
  name: string;
  label: string | null;
  value: number;
}

/** What the database knows, for /metrics: only of what is not over, so that it costs the same after a year. */
export const figures = () => sql<FigureRow>`
  with open as materialized (
    select graph_id, status, not_before, holdpoint.now() as now from holdpoint.run
    where status in ('pending', 'running') and kind in ('run', 'resume')
  ), live as materialized (
    select status, due_at from holdpoint.review
    where status in ('open', 'info_requested', 'decided', 'resuming', 'resume_failed', 'stale')
  )
  select 'queue_depth' as name, graph_id as label, count(*)::float8 as value from open where status = 'pending' group by graph_id
  union all
  select 'runs_running', graph_id, count(*)::float8 from open where status = 'running' group by graph_id
  union all
  select 'queue_oldest_wait_seconds', null, coalesce(extract(epoch from max(now - not_before)), 0)::float8
  from open where status = 'pending' and not_before <= now
  union all
  select 'reviews', status, count(*)::float8 from live group by status
  union all
  select 'reviews_overdue', null, count(*)::float8 from live where status in ('open', 'info_requested') and due_at < holdpoint.now()
  union all
  select 'deliveries_pending', null, count(*)::float8 from holdpoint.delivery where next_at is not null
  union all
  select 'deliveries_oldest_due_seconds', null,
    greatest(0, coalesce(extract(epoch from holdpoint.now() - min(next_at)), 0))::float8
  from holdpoint.delivery where next_at is not null
  union all
  select 'deliveries_dead', null, count(*)::float8 from (select from holdpoint.delivery where status = 'dead' limit 10000) dead
  union all
  select 'workers', case when heartbeat_at < holdpoint.now() - make_interval(secs => lease_ms / 1000.0) then 'lost' else 'live' end,
    count(*)::float8
  from holdpoint.worker where stopped_at is null and heartbeat_at > holdpoint.now() - interval '1 day' group by 2`;
