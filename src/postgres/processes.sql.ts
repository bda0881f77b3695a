// A process is a run that somebody started together with the runs that carried its answers: what people mean by "my run".
import { type AccessFilter, EVERYTHING } from "../policy/access-filter.ts";
import type { RunStatus } from "../protocol/run.ts";
import { columns, sql } from "./sql.ts";

/**
 * Where a process stands. `waiting`: a question is open. `stale` and `superseded`: its question no longer stands, and
 * nobody has answered it.
 */
export const PROCESS_STATUSES = [
  "waiting",
  "pending",
  "running",
  "success",
  "error",
  "timeout",
  "interrupted",
  "stale",
  "superseded",
] as const;

/** Where a process stands. */
export type ProcessStatus = (typeof PROCESS_STATUSES)[number];

/** A process as it is listed. */
export interface ListedProcess {
  /** The run that somebody started, and the newest one that belongs to it. */
  run_id: string;
  last_run_id: string;
  last_run_status: RunStatus;
  thread_id: string;
  graph_id: string;
  assistant_id: string | null;
  principal_id: string;
  started_by: string;
  metadata: Record<string, unknown>;
  status: ProcessStatus;
  created_at: string;
  due_at: string;
  /** When its newest run ended; null while one is open. */
  ended_at: string | null;
  runs: number;
  attempts: number;
  queue_ms: number;
  /** `{error, message}` as JSON. */
  error: string | null;
  reviews: number;
  /** The question that has waited longest. */
  review_id: string | null;
  review_title: string | null;
  review_node: string | null;
  review_due_at: string | null;
  waiting_since: string | null;
  /** The node that ended last, and how. */
  node: string | null;
  node_status: string | null;
  input_tokens: number;
  output_tokens: number;
  cost: number | null;
  now: string;
}

/** How many processes were looked at, and the last of them; and one that fits, if any does. */
export type ProcessLook = { looked: number; last_looked: string | null } & (ListedProcess | { run_id: null });

/** Which processes to list; null: any. */
export interface ProcessFilter {
  statuses: readonly ProcessStatus[] | null;
  graph_id: string | null;
  principal_id: string | null;
  error_class: string | null;
  /** Only those whose question has been open for longer. */
  waiting_seconds: number | null;
  seconds_ago: number | null;
  at: string | null;
  /** Only what comes behind this run. */
  after: string | null;
  limit: number;
  /** Which threads' runs may be seen. */
  seen?: AccessFilter | undefined;
}

const CANDIDATE = columns`r.tenant_id, r.run_id, r.thread_id, r.graph_id, r.assistant_id, r.principal_id, r.metadata, r.created_at, r.queue_seq`;

const OF_LIVING_THREAD = columns`exists (
    select 1 from holdpoint.thread t
    where t.tenant_id = r.tenant_id and t.thread_id = r.thread_id and t.deleted_at is null)`;
// As in the lists of runs: of a containment Postgres supposes that hardly any row meets it.
const OF_THREAD = columns`exists (
    select 1 from holdpoint.thread t
    where t.tenant_id = r.tenant_id and t.thread_id = r.thread_id and t.deleted_at is null and case when t.metadata @>`;
const IS_SEEN = columns`then true else false end)`;

// What a process came to, out of its runs and its questions.
const WHOLE = columns`process as (
    select tenant_id, run_id as root_id, run_id from candidate
    union
    select p.tenant_id, p.root_id, v.resume_run_id
    from process p join holdpoint.review v on v.tenant_id = p.tenant_id and v.run_id = p.run_id
    where v.resume_run_id is not null
  ), part as (
    select p.root_id, count(*) as runs, sum(r.attempt) as attempts, min(greatest(r.created_at, r.not_before)) as due_at,
      sum(greatest(0, extract(epoch from coalesce(r.started_at, r.ended_at, holdpoint.now()) - greatest(r.created_at, r.not_before))) * 1000)::float8 as queue_ms,
      (array_agg(r.run_id order by r.queue_seq desc))[1] as last_run_id,
      (array_agg(r.status order by r.queue_seq desc))[1] as run_status,
      (array_agg(r.error order by r.queue_seq desc))[1] as run_error,
      (array_agg(r.ended_at order by r.queue_seq desc))[1] as ended_at
    from process p join holdpoint.run r on r.tenant_id = p.tenant_id and r.run_id = p.run_id
    group by p.root_id
  ), asked as (
    select p.root_id, count(*) as reviews,
      (array_agg(v.id order by v.opened_at) filter (where v.status in ('open', 'info_requested')))[1] as review_id,
      min(v.opened_at) filter (where v.status in ('open', 'info_requested')) as waiting_since,
      (array_agg(v.id order by v.closed_at desc) filter (where v.status = 'failed' and v.run_id = part.last_run_id))[1] as failed_id,
      bool_or(v.status = 'stale' and v.run_id = part.last_run_id) as is_stale,
      bool_or(v.status in ('superseded', 'cancelled') and v.run_id = part.last_run_id) as is_superseded
    from process p
      join part on part.root_id = p.root_id
      join holdpoint.review v on v.tenant_id = p.tenant_id and v.run_id = p.run_id
    group by p.root_id
  ), whole as (
    select c.*, part.runs, part.attempts, part.due_at, part.queue_ms, part.last_run_id, part.run_status, part.ended_at,
      coalesce(asked.reviews, 0) as reviews, asked.review_id, asked.waiting_since,
      case when asked.review_id is not null then 'waiting'
        when part.run_status <> 'success' then part.run_status
        when asked.failed_id is not null then 'error'
        when asked.is_stale then 'stale'
        when asked.is_superseded then 'superseded'
        else 'success' end as status,
      coalesce(part.run_error, (
        select '{"error":"review_timed_out","message":' || to_json('review ' || v.id || ' timed out: ' || v.status_reason)::text || '}'
        from holdpoint.review v where v.tenant_id = c.tenant_id and v.id = asked.failed_id)) as error
    from candidate c join part on part.root_id = c.run_id left join asked on asked.root_id = c.run_id
  )`;

// The figures of nodes, which are many, are read of what is shown alone.
const SHOWN = columns`page.run_id, page.last_run_id, page.run_status as last_run_status, page.thread_id, page.graph_id, page.assistant_id,
    page.principal_id, coalesce(by.display_name, page.principal_id) as started_by, page.metadata, page.status,
    page.created_at, page.due_at, page.ended_at, page.runs, page.attempts, page.queue_ms, page.error, page.reviews,
    page.review_id, v.title as review_title, v.node as review_node, v.due_at as review_due_at, page.waiting_since,
    n.node, n.node_status, coalesce(n.input_tokens, 0) as input_tokens, coalesce(n.output_tokens, 0) as output_tokens, n.cost,
    holdpoint.now() as now`;
const JOINED = columns`left join holdpoint.review v on v.tenant_id = page.tenant_id and v.id = page.review_id
    left join holdpoint.principal by on by.tenant_id = page.tenant_id and by.principal_id = page.principal_id
    left join lateral (
      select sum(e.input_tokens) as input_tokens, sum(e.output_tokens) as output_tokens, sum(e.cost)::float8 as cost,
        (array_agg(e.node order by e.started_at desc, e.duration_ms) filter (where e.checkpoint_ns = ''))[1] as node,
        (array_agg(e.status order by e.started_at desc, e.duration_ms) filter (where e.checkpoint_ns = ''))[1] as node_status
      from process p
        join holdpoint.node_execution e on e.tenant_id = p.tenant_id and e.thread_id = page.thread_id and e.run_id = p.run_id
      where p.root_id = page.run_id) n on true`;
const LOOKED = columns`(select count(*) from candidate) as looked,
    (select c.run_id from candidate c order by c.created_at, c.queue_seq limit 1) as last_looked`;

/** The newest processes, of the newest `look` that there are behind the one named. */
export const newestProcesses = (tenant_id: string, filter: ProcessFilter, look: number) => sql<ProcessLook>`
  with recursive behind as materialized (
    select created_at, queue_seq from holdpoint.run where tenant_id = ${tenant_id} and run_id = ${filter.after}::uuid
  ), candidate as materialized (
    select ${CANDIDATE}
    from (select distinct graph_id from holdpoint.assistant where tenant_id = ${tenant_id}) g
      cross join lateral (
        select tenant_id, run_id, thread_id, graph_id, assistant_id, principal_id, metadata, created_at, queue_seq
        from holdpoint.run r
        where tenant_id = ${tenant_id} and graph_id = g.graph_id and kind = 'run'
          and (${filter.graph_id}::text is null or graph_id = ${filter.graph_id})
          and (${filter.principal_id}::text is null or principal_id = ${filter.principal_id})
          and created_at >= coalesce(${filter.at}::timestamptz, holdpoint.now() - make_interval(secs => ${filter.seconds_ago}::float8), '-infinity')
          and (${filter.after}::uuid is null or created_at <= (select created_at from behind))
          and (${filter.after}::uuid is null
            or (created_at, queue_seq) < ((select created_at from behind), (select queue_seq from behind)))
          and ${OF_THREAD} ${JSON.stringify(filter.seen ?? EVERYTHING)}::jsonb ${IS_SEEN}
        order by created_at desc
        limit ${look}::int) r
    order by r.created_at desc, r.queue_seq desc
    limit ${look}::int
  ), ${WHOLE}, page as (
    select * from whole
    where (${filter.statuses}::text[] is null or status = any(${filter.statuses}))
      and (${filter.error_class}::text is null or starts_with(error, '{"error":' || to_json(${filter.error_class}::text)::text || ','))
      and (${filter.waiting_seconds}::float8 is null
        or waiting_since < holdpoint.now() - make_interval(secs => ${filter.waiting_seconds}))
    order by created_at desc, queue_seq desc
    limit ${filter.limit}::int
  )
  select ${LOOKED}, ${SHOWN}
  from (select 1) one left join page on true ${JOINED}
  order by page.created_at desc, page.queue_seq desc`;

/** The processes that are not over, found by what is open: these are few, however many there have been. */
export const openProcesses = (tenant_id: string, filter: ProcessFilter, look: number) => sql<ProcessLook>`
  with recursive behind as materialized (
    select created_at, queue_seq from holdpoint.run where tenant_id = ${tenant_id} and run_id = ${filter.after}::uuid
  ), up as (
    select o.run_id, o.group_id, o.kind from (
      (select r.run_id, r.group_id, r.kind from holdpoint.run r
        where r.tenant_id = ${tenant_id} and r.status in ('pending', 'running') and r.kind in ('run', 'resume')
          and (${JSON.stringify(filter.seen ?? EVERYTHING)}::jsonb = '{}'
            or ${OF_THREAD} ${JSON.stringify(filter.seen ?? EVERYTHING)}::jsonb ${IS_SEEN})
        limit ${look}::int)
      union all
      (select r.run_id, r.group_id, r.kind
        from holdpoint.review v join holdpoint.run r on r.tenant_id = v.tenant_id and r.run_id = v.run_id
        where v.tenant_id = ${tenant_id}
          and v.status in ('open', 'info_requested', 'decided', 'resuming', 'resume_failed', 'stale')
          and v.status in ('open', 'info_requested')
          and (${JSON.stringify(filter.seen ?? EVERYTHING)}::jsonb = '{}'
            or ${OF_THREAD} ${JSON.stringify(filter.seen ?? EVERYTHING)}::jsonb ${IS_SEEN})
        limit ${look}::int)) o
    union
    select r.run_id, r.group_id, r.kind
    from up u
      join holdpoint.review v on v.tenant_id = ${tenant_id} and v.group_id = u.group_id
      join holdpoint.run r on r.tenant_id = v.tenant_id and r.run_id = v.run_id
  ), candidate as materialized (
    select ${CANDIDATE}
    from holdpoint.run r
    where r.tenant_id = ${tenant_id} and r.run_id in (select run_id from up where kind = 'run')
      and (${filter.graph_id}::text is null or graph_id = ${filter.graph_id})
      and (${filter.principal_id}::text is null or principal_id = ${filter.principal_id})
      and created_at >= coalesce(${filter.at}::timestamptz, holdpoint.now() - make_interval(secs => ${filter.seconds_ago}::float8), '-infinity')
      and (${filter.after}::uuid is null
        or (created_at, queue_seq) < ((select created_at from behind), (select queue_seq from behind)))
      and ${OF_THREAD} ${JSON.stringify(filter.seen ?? EVERYTHING)}::jsonb ${IS_SEEN}
    order by created_at desc, queue_seq desc
    limit ${look}::int
  ), ${WHOLE}, page as (
    select * from whole
    where status = any(${filter.statuses}::text[])
      and (${filter.waiting_seconds}::float8 is null
        or waiting_since < holdpoint.now() - make_interval(secs => ${filter.waiting_seconds}))
    order by created_at desc, queue_seq desc
    limit ${filter.limit}::int
  )
  select ${LOOKED}, ${SHOWN}
  from (select 1) one left join page on true ${JOINED}
  order by page.created_at desc, page.queue_seq desc`;

/** The process of a run, whichever of its runs is named. */
export const processOf = (tenant_id: string, run_id: string) => sql<ListedProcess>`
  with recursive up as (
    select run_id, group_id, kind from holdpoint.run
    where tenant_id = ${tenant_id} and run_id = ${run_id}::uuid and kind in ('run', 'resume')
    union
    select r.run_id, r.group_id, r.kind
    from up u
      join holdpoint.review v on v.tenant_id = ${tenant_id} and v.group_id = u.group_id
      join holdpoint.run r on r.tenant_id = v.tenant_id and r.run_id = v.run_id
  ), candidate as materialized (
    select ${CANDIDATE}
    from holdpoint.run r
    where r.tenant_id = ${tenant_id} and r.run_id in (select run_id from up where kind = 'run') and ${OF_LIVING_THREAD}
    order by created_at
    limit 1
  ), ${WHOLE}, page as (select * from whole)
  select ${SHOWN} from page ${JOINED}`;
