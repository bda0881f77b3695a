import { sql } from "../sql.ts";

/** What calls are summed by. */
export const USAGE_GROUPS = ["graph", "node", "run", "model", "day"] as const;

/** Of which calls, and by what. */
export interface UsageFilter {
  group_by: (typeof USAGE_GROUPS)[number];
  since_at: string | null;
  /** Where that is null. */
  since_seconds: number | null;
  until_at: string | null;
  until_seconds: number | null;
  graph_id: string | null;
  thread_id: string | null;
  run_id: string | null;
  node: string | null;
  kind: string | null;
  name: string | null;
}

/** What some calls came to. */
export interface UsageSum {
  calls: number;
  input_tokens: number;
  output_tokens: number;
  cached_tokens: number;
  cost: number | null;
  /** Calls of which no price is known. */
  unpriced: number;
}

/** The sum of one group; of all of them where `is_total`. */
export interface UsageGroupRow extends UsageSum {
  is_total: boolean;
  key: string | null;
  graph_id: string | null;
  from: string;
  to: string;
}

/** Sums of calls, all of them first; days from the newest on, everything else from the dearest on. */
export const sumUsage = (tenant_id: string, filter: UsageFilter, limit: number) => sql<UsageGroupRow>`
  with span as materialized (
    select coalesce(${filter.since_at}::timestamptz, n.now - make_interval(secs => ${filter.since_seconds}::float8)) as since,
      coalesce(${filter.until_at}::timestamptz, n.now - make_interval(secs => ${filter.until_seconds}::float8)) as until
    from (select holdpoint.now() as now) n
  ), used as (
    select case ${filter.group_by}::text
        when 'graph' then u.graph_id
        when 'node' then coalesce(u.node, '')
        when 'run' then u.origin_run_id::text
        when 'model' then u.name
        when 'day' then to_char(u.at at time zone 'UTC', 'YYYY-MM-DD') end as key,
      case when ${filter.group_by}::text in ('graph', 'node', 'run') then u.graph_id end as graph_id,
      u.input_tokens, u.output_tokens, u.cached_tokens, u.cost
    from holdpoint.usage u
    where u.tenant_id = ${tenant_id} and u.at >= (select s.since from span s) and u.at < (select s.until from span s)
      and (${filter.graph_id}::text is null or u.graph_id = ${filter.graph_id})
      and (${filter.thread_id}::text is null or u.thread_id = ${filter.thread_id})
      and (${filter.run_id}::uuid is null or ${filter.run_id}::uuid in (u.origin_run_id, u.run_id))
      and (${filter.node}::text is null or u.node = ${filter.node})
      and (${filter.kind}::text is null or u.kind = ${filter.kind})
      and (${filter.name}::text is null or u.name = ${filter.name})
  )
  select grouping(u.key) = 1 as is_total, u.key, u.graph_id, count(*) as calls,
    coalesce(sum(u.input_tokens), 0)::bigint as input_tokens, coalesce(sum(u.output_tokens), 0)::bigint as output_tokens,
    coalesce(sum(u.cached_tokens), 0)::bigint as cached_tokens, sum(u.cost) as cost,
    count(*) filter (where u.cost is null) as unpriced,
    (select s.since from span s) as "from", (select s.until from span s) as "to"
  from used u
  group by grouping sets ((u.key, u.graph_id), ())
  order by grouping(u.key) desc, case when ${filter.group_by}::text = 'day' then u.key end desc nulls last,
    sum(u.cost) desc nulls last, sum(u.input_tokens + u.output_tokens) desc, u.key, u.graph_id
  limit ${limit}::int`;
