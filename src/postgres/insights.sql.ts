// What insights read: rows that are there anyway, a bounded number of them.
import type { NodeExecution } from "../protocol/node-execution.ts";
import type { RunKind, RunStatus } from "../protocol/run.ts";
import { sql } from "./sql.ts";

/** Ends a look that takes too long, instead of letting it keep a connection and the disk busy. */
export const limitTime = () => sql`set local statement_timeout = '15s'`;

/** One run of a process: the run that somebody started, or one that carried an answer to it. */
export interface ProcessRow {
  run_id: string;
  thread_id: string;
  graph_id: string;
  kind: RunKind;
  status: RunStatus;
  created_at: string;
  due_at: string;
  ended_at: string | null;
  attempts: { started_at: string; ended_at: string | null; outcome: string | null }[];
  now: string;
}

/** The runs that a run belongs together with: what it carries the answer to, and what carries the answers to it. */
export const processOfRun = (tenant_id: string, run_id: string, limit: number) => sql<ProcessRow>`
  with recursive before as (
    select run_id, group_id from holdpoint.run where tenant_id = ${tenant_id} and run_id = ${run_id}::uuid and kind in ('run', 'resume')
    union
    select r.run_id, r.group_id
    from before b
      join holdpoint.review v on v.group_id = b.group_id and v.tenant_id = ${tenant_id}
      join holdpoint.run r on r.run_id = v.run_id and r.tenant_id = ${tenant_id}
  ), process as (
    select run_id from before where group_id is null
    union
    select v.resume_run_id
    from process p join holdpoint.review v on v.run_id = p.run_id and v.tenant_id = ${tenant_id}
    where v.resume_run_id is not null
  )
  select r.run_id, r.thread_id, r.graph_id, r.kind, r.status, r.created_at, greatest(r.created_at, r.not_before) as due_at,
    r.ended_at, holdpoint.now() as now,
    coalesce((
      select jsonb_agg(jsonb_build_object('started_at', a.started_at, 'ended_at', a.ended_at, 'outcome', a.outcome) order by a.attempt)
      from holdpoint.run_attempt a where a.tenant_id = ${tenant_id} and a.run_id = r.run_id), '[]') as attempts
  from process p join holdpoint.run r on r.run_id = p.run_id and r.tenant_id = ${tenant_id}
  order by r.queue_seq
  limit ${limit}::int`;

/** A question that a process asked. */
export interface WaitRow {
  id: string;
  run_id: string;
  title: string;
  node: string;
  status: string;
  outcome: string | null;
  opened_at: string;
  /** When it was answered, or taken back; null while it waits. */
  answered_at: string | null;
}

/** The questions of some runs, oldest first. */
export const questionsOfRuns = (tenant_id: string, run_ids: readonly string[]) => sql<WaitRow>`
  select id, run_id, title, node, status, outcome, opened_at, coalesce(decided_at, closed_at) as answered_at
  from holdpoint.review
  where tenant_id = ${tenant_id} and run_id = any(${run_ids}::uuid[])
  order by opened_at, id`;

/** One execution of a node, as insights read it. */
export interface ExecutionRow extends NodeExecution {
  run_id: string;
  attempt: number;
  started_at: string;
}

/** The executions of some runs of one thread, oldest first. */
export const executionsOfRuns = (tenant_id: string, thread_id: string, run_ids: readonly string[], limit: number) =>
  sql<ExecutionRow>`
  select run_id, attempt, checkpoint_ns, checkpoint_id::text, task_id, node, status, started_at, duration_ms, model_ms, tool_ms,
    tries, write_keys, write_bytes, input_tokens, output_tokens, cached_tokens, cost, is_cached, error_class
  from holdpoint.node_execution
  where tenant_id = ${tenant_id} and thread_id = ${thread_id} and run_id = any(${run_ids}::uuid[])
  order by started_at, task_id
  limit ${limit}::int`;

/** Which runs of a graph to look at: the newest, so many at most. */
export interface GraphWindow {
  graph_id: string;
  seconds_ago: number | null;
  at: string | null;
  runs: number;
}

/** What became of the runs of a graph; each with the runs that carried its answers. Percentiles are of 0.5 and 0.95. */
export interface GraphRunsRow {
  since: string;
  /** How many runs were read; as many as were allowed means that older ones were left out. */
  read: number;
  oldest: string | null;
  by_status: Record<string, number>;
  total_ms: [number, number] | null;
  queue_ms: [number, number] | null;
  person_ms: [number, number] | null;
  /** How many have waited for a person. */
  asked: number;
}

/** The runs of a graph in a window of time, by what became of them, and how long they took. */
export const graphRuns = (tenant_id: string, window: GraphWindow) => sql<GraphRunsRow>`
  with recursive time as (
    select holdpoint.now() as now, coalesce(${window.at}::timestamptz,
      holdpoint.now() - make_interval(secs => ${window.seconds_ago}::float8)) as since
  ), read as materialized (
    select r.run_id, r.kind, r.created_at from holdpoint.run r, time t
    where r.tenant_id = ${tenant_id} and r.graph_id = ${window.graph_id} and r.created_at >= t.since and r.kind in ('run', 'resume')
    order by r.created_at desc
    limit ${window.runs}::int
  ), process as (
    select run_id as root_id, run_id from read where kind = 'run'
    union
    select p.root_id, v.resume_run_id
    from process p join holdpoint.review v on v.run_id = p.run_id and v.tenant_id = ${tenant_id}
    where v.resume_run_id is not null
  ), part as (
    select p.root_id, min(greatest(r.created_at, r.not_before)) as due_at, max(r.ended_at) as ended_at,
      sum(greatest(0, extract(epoch from coalesce(r.started_at, r.ended_at, t.now) - greatest(r.created_at, r.not_before)))) * 1000 as queue_ms,
      (array_agg(r.status order by r.queue_seq desc))[1] as status
    from process p join holdpoint.run r on r.run_id = p.run_id and r.tenant_id = ${tenant_id}, time t
    group by p.root_id
  ), wait as (
    select p.root_id, bool_or(v.status in ('open', 'info_requested')) as is_open,
      range_agg(tstzrange(v.opened_at, greatest(v.opened_at, coalesce(v.decided_at, v.closed_at, t.now)))) as spans
    from process p join holdpoint.review v on v.run_id = p.run_id and v.tenant_id = ${tenant_id}, time t
    group by p.root_id
  ), whole as (
    select case when w.is_open then 'waiting' else a.status end as status, a.queue_ms::float8 as queue_ms,
      case when a.status not in ('pending', 'running') and w.is_open is not true
        then (extract(epoch from a.ended_at - a.due_at) * 1000)::float8 end as total_ms,
      (select (sum(extract(epoch from upper(s) - lower(s))) * 1000)::float8 from unnest(w.spans) s) as person_ms
    from part a left join wait w on w.root_id = a.root_id
  )
  select t.since, (select count(*) from read) as read, (select min(created_at) from read) as oldest,
    coalesce((select jsonb_object_agg(status, runs) from (select status, count(*) as runs from whole group by status) s), '{}') as by_status,
    (select percentile_cont(array[0.5, 0.95]) within group (order by total_ms) from whole) as total_ms,
    (select percentile_cont(array[0.5, 0.95]) within group (order by queue_ms) from whole) as queue_ms,
    (select percentile_cont(array[0.5, 0.95]) within group (order by person_ms) from whole) as person_ms,
    (select count(person_ms) from whole) as asked
  from time t`;

/** What a node of a graph did, over runs. */
export interface GraphNodeRow {
  node: string;
  runs: number;
  executions: number;
  succeeded: number;
  failed: number;
  interrupted: number;
  cancelled: number;
  cached: number;
  tries: number;
  /** Of executions that came to an end and did not come from a cache; 0.5 and 0.95. */
  duration_ms: [number, number] | null;
  longest_ms: number | null;
  input_tokens: number;
  output_tokens: number;
  cached_tokens: number;
  cost: number | null;
  write_bytes: number;
  errors: Record<string, number>;
  /** Of all nodes together. */
  read: number;
  run_count: number;
}

/** The nodes of a graph in the newest runs of a window of time, of at most `executions` executions. */
export const graphNodes = (tenant_id: string, window: GraphWindow, executions: number) => sql<GraphNodeRow>`
  with time as (
    select coalesce(${window.at}::timestamptz, holdpoint.now() - make_interval(secs => ${window.seconds_ago}::float8)) as since
  ), read as materialized (
    select r.run_id, r.thread_id from holdpoint.run r, time t
    where r.tenant_id = ${tenant_id} and r.graph_id = ${window.graph_id} and r.created_at >= t.since and r.kind in ('run', 'resume')
    order by r.created_at desc
    limit ${window.runs}::int
  ), execution as materialized (
    -- As the runs of an inner node's path: outer/inner, without the ids of tasks and the numbers of calls.
    select concat_ws('/', nullif(regexp_replace(replace(regexp_replace(regexp_replace(e.checkpoint_ns,
        ':[^|]*', '', 'g'), '[|]\d+(?=[|]|$)', '', 'g'), '|', '/'), '^/', ''), ''), e.node) as node,
      e.run_id, e.status, e.is_cached, e.tries, e.duration_ms, e.input_tokens, e.output_tokens, e.cached_tokens, e.cost,
      e.write_bytes, e.error_class
    from (select distinct thread_id from read) t
      join holdpoint.node_execution e on e.thread_id = t.thread_id and e.tenant_id = ${tenant_id}
      join read r on r.run_id = e.run_id
    limit ${executions}::int
  )
  select e.node, count(distinct e.run_id) as runs, count(*) as executions,
    count(*) filter (where e.status = 'success') as succeeded, count(*) filter (where e.status = 'error') as failed,
    count(*) filter (where e.status = 'interrupted') as interrupted, count(*) filter (where e.status = 'cancelled') as cancelled,
    count(*) filter (where e.is_cached) as cached, sum(e.tries) as tries,
    percentile_cont(array[0.5, 0.95]) within group (order by e.duration_ms)
      filter (where e.status in ('success', 'error') and not e.is_cached) as duration_ms,
    max(e.duration_ms) as longest_ms, sum(e.input_tokens) as input_tokens, sum(e.output_tokens) as output_tokens,
    sum(e.cached_tokens) as cached_tokens, sum(e.cost) as cost, sum(e.write_bytes) as write_bytes,
    coalesce((
      select jsonb_object_agg(error_class, times) from (
        select f.error_class, count(*) as times from execution f
        where f.node = e.node and f.error_class is not null
        group by f.error_class order by 2 desc limit 10) c), '{}') as errors,
    (select count(*) from execution) as read, (select count(distinct run_id) from execution) as run_count
  from execution e
  group by e.node`;

/** The executions of the newest runs of a window, so many at most: what critical paths are made of. */
export const graphExecutions = (tenant_id: string, window: GraphWindow, limit: number) => sql<ExecutionRow>`
  with time as (
    select coalesce(${window.at}::timestamptz, holdpoint.now() - make_interval(secs => ${window.seconds_ago}::float8)) as since
  ), read as materialized (
    select r.run_id, r.thread_id from holdpoint.run r, time t
    where r.tenant_id = ${tenant_id} and r.graph_id = ${window.graph_id} and r.created_at >= t.since and r.kind in ('run', 'resume')
    order by r.created_at desc
    limit ${window.runs}::int
  )
  select e.run_id, e.attempt, e.checkpoint_ns, e.checkpoint_id::text, e.task_id, e.node, e.status, e.started_at, e.duration_ms,
    e.model_ms, e.tool_ms, e.tries, e.write_keys, e.write_bytes, e.input_tokens, e.output_tokens, e.cached_tokens, e.cost,
    e.is_cached, e.error_class
  from (select distinct thread_id from read) t
    join holdpoint.node_execution e on e.thread_id = t.thread_id and e.tenant_id = ${tenant_id}
    join read r on r.run_id = e.run_id
  limit ${limit}::int`;
