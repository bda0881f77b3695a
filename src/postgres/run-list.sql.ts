// Lists of runs over all threads. What can be large (what was asked, what came of it) is left out.
import { type AccessFilter, EVERYTHING } from "../policy/access-filter.ts";
import type { RunKind, RunStatus } from "../protocol/run.ts";
import { columns, sql } from "./sql.ts";

/** A run as it is listed. */
export interface ListedRow {
  run_id: string;
  thread_id: string;
  queue_seq: number;
  graph_id: string;
  assistant_id: string | null;
  kind: RunKind;
  status: RunStatus;
  attempt: number;
  priority: number;
  principal_id: string;
  metadata: Record<string, unknown>;
  /** `{error, message}` as JSON; also of a run that paused well, and whose review nobody decided in time. */
  error: string | null;
  created_at: string;
  started_at: string | null;
  ended_at: string | null;
  updated_at: string;
  /** The review it waits for. */
  review_id: string | null;
}

/** Which runs to list; null: any. */
export interface RunFilter {
  graph_id: string | null;
  thread_id: string | null;
  status: RunStatus | null;
  seconds_ago: number | null;
  at: string | null;
  limit: number;
  /** Which threads' runs may be seen. */
  seen?: AccessFilter | undefined;
}

const LISTED = columns`r.run_id, r.thread_id, r.queue_seq, r.graph_id, r.assistant_id, r.kind, r.status, r.attempt, r.priority,
  r.principal_id, r.metadata, r.created_at, r.started_at, r.ended_at, r.updated_at,
  (select v.id from holdpoint.review v
    where v.tenant_id = r.tenant_id and v.run_id = r.run_id and v.status in ('open', 'info_requested')
    order by v.opened_at limit 1) as review_id,
  coalesce(r.error, (select json_build_object('error', 'review_timed_out', 'message', 'review ' || v.id || ' timed out: ' || v.status_reason)::text
    from holdpoint.review v
    where v.tenant_id = r.tenant_id and v.run_id = r.run_id and v.status = 'failed'
    order by v.closed_at limit 1)) as error`;

// A run goes with its thread: what was deleted is listed no more, and what may not be seen is not listed.
const OF_LIVING_THREAD = columns`exists (
    select 1 from holdpoint.thread t
    where t.tenant_id = r.tenant_id and t.thread_id = r.thread_id and t.deleted_at is null)`;
// "case when … then true": Postgres supposes of a containment that hardly any row meets it, and would read all threads first.
const OF_THREAD = columns`exists (
    select 1 from holdpoint.thread t
    where t.tenant_id = r.tenant_id and t.thread_id = r.thread_id and t.deleted_at is null and case when t.metadata @>`;
const IS_SEEN = columns`then true else false end)`;

/** The newest runs of all threads: of each graph as many as are asked for at most, so that old ones are never walked through. */
export const newestRuns = (tenant_id: string, filter: RunFilter) => sql<ListedRow>`
  select ${LISTED}
  from (select distinct graph_id from holdpoint.assistant where tenant_id = ${tenant_id}) g
    cross join lateral (
      select tenant_id, run_id, thread_id, queue_seq, graph_id, assistant_id, kind, status, attempt, priority, principal_id,
        metadata, error, created_at, started_at, ended_at, updated_at
      from holdpoint.run r
      where tenant_id = ${tenant_id} and graph_id = g.graph_id and kind in ('run', 'resume')
        and (${filter.graph_id}::text is null or graph_id = ${filter.graph_id})
        and (${filter.status}::text is null or status = ${filter.status})
        and created_at >= coalesce(${filter.at}::timestamptz, holdpoint.now() - make_interval(secs => ${filter.seconds_ago}::float8), '-infinity')
        and ${OF_LIVING_THREAD}
      order by created_at desc
      limit ${filter.limit}::int) r
  order by r.created_at desc, r.queue_seq desc
  limit ${filter.limit}::int`;

/**
 * The same of the threads that may be seen: these are found first, and the runs of each by its id, so that nobody else's
 * are walked through.
 */
export const newestRunsSeen = (tenant_id: string, filter: RunFilter & { seen: AccessFilter }) => sql<ListedRow>`
  with seen as materialized (
    select t.thread_id from holdpoint.thread t
    where t.tenant_id = ${tenant_id} and t.metadata @> ${JSON.stringify(filter.seen)}::jsonb and t.deleted_at is null)
  select ${LISTED}
  from seen cross join lateral (
    select tenant_id, run_id, thread_id, queue_seq, graph_id, assistant_id, kind, status, attempt, priority, principal_id,
      metadata, error, created_at, started_at, ended_at, updated_at
    from holdpoint.run
    where tenant_id = ${tenant_id} and thread_id = seen.thread_id and kind in ('run', 'resume')
      and (${filter.graph_id}::text is null or graph_id = ${filter.graph_id})
      and (${filter.status}::text is null or status = ${filter.status})
      and created_at >= coalesce(${filter.at}::timestamptz, holdpoint.now() - make_interval(secs => ${filter.seconds_ago}::float8), '-infinity')
    offset 0) r
  order by r.created_at desc, r.queue_seq desc
  limit ${filter.limit}::int`;

/** The newest runs of one thread. */
export const newestRunsOfThread = (tenant_id: string, filter: RunFilter & { thread_id: string }) => sql<ListedRow>`
  select ${LISTED}
  from holdpoint.run r
  where r.tenant_id = ${tenant_id} and r.thread_id = ${filter.thread_id} and r.kind in ('run', 'resume')
    and ${OF_THREAD} ${JSON.stringify(filter.seen ?? EVERYTHING)}::jsonb ${IS_SEEN}
    and (${filter.graph_id}::text is null or r.graph_id = ${filter.graph_id})
    and (${filter.status}::text is null or r.status = ${filter.status})
    and r.created_at >= coalesce(${filter.at}::timestamptz, holdpoint.now() - make_interval(secs => ${filter.seconds_ago}::float8), '-infinity')
  order by r.created_at desc, r.queue_seq desc
  limit ${filter.limit}::int`;

/** Runs whose id lies between two, both included: those whose id has a beginning. */
export const runsBetween = (
  tenant_id: string,
  first: string,
  last: string,
  limit: number,
  seen: AccessFilter = EVERYTHING,
) => sql<ListedRow>`
  select ${LISTED}
  from holdpoint.run r
  where r.tenant_id = ${tenant_id} and r.run_id between ${first}::uuid and ${last}::uuid and r.kind in ('run', 'resume')
    and ${OF_THREAD} ${JSON.stringify(seen)}::jsonb ${IS_SEEN}
  order by r.created_at desc
  limit ${limit}::int`;
