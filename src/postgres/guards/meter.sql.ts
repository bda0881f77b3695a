import { sql } from "../sql.ts";

/** A call that was paid for, as it is stored. */
export interface UsageRow {
  tenant_id: string;
  graph_id: string;
  thread_id: string;
  run_id: string;
  origin_run_id: string;
  node: string | null;
  kind: string;
  name: string;
  input_tokens: number;
  output_tokens: number;
  cached_tokens: number;
  cost: number | null;
}

/** How long what was spent is kept: a year, and the month to compare it with. */
export const KEPT_DAYS = 400;
// A day's sum is asked for on that day alone; a little longer, for clocks and curiosity.
const DAY_SUMS_DAYS = 3;

/**
 * Stores calls, and adds each to what its run, its graph and its tenant have spent. All who record at once take the rows
 * in one order, so none waits for another that waits for it.
 */
export const recordUses = (rows: readonly UsageRow[]) => sql`
  with moment as materialized (
    select n.now, (n.now at time zone 'UTC')::date as today from (select holdpoint.now() as now) n
  ), kept as (
    insert into holdpoint.usage (tenant_id, at, graph_id, thread_id, run_id, origin_run_id, node, kind, name, input_tokens,
      output_tokens, cached_tokens, cost)
    select u.tenant_id, m.now, u.graph_id, u.thread_id, u.run_id, u.origin_run_id, u.node, u.kind, u.name, u.input_tokens,
      u.output_tokens, u.cached_tokens, u.cost
    from moment m, unnest(${rows.map(({ tenant_id }) => tenant_id)}::text[], ${rows.map(({ graph_id }) => graph_id)}::text[],
      ${rows.map(({ thread_id }) => thread_id)}::text[], ${rows.map(({ run_id }) => run_id)}::uuid[],
      ${rows.map(({ origin_run_id }) => origin_run_id)}::uuid[], ${rows.map(({ node }) => node)}::text[],
      ${rows.map(({ kind }) => kind)}::text[], ${rows.map(({ name }) => name)}::text[],
      ${rows.map(({ input_tokens }) => input_tokens)}::bigint[], ${rows.map(({ output_tokens }) => output_tokens)}::bigint[],
      ${rows.map(({ cached_tokens }) => cached_tokens)}::bigint[], ${rows.map(({ cost }) => cost)}::float8[])
      as u (tenant_id, graph_id, thread_id, run_id, origin_run_id, node, kind, name, input_tokens, output_tokens,
        cached_tokens, cost)
    returning tenant_id, graph_id, origin_run_id, input_tokens + output_tokens as tokens, coalesce(cost, 0) as cost
  )
  insert into holdpoint.spent as s (tenant_id, scope, name, day, tokens, cost, expires_at)
  select k.tenant_id, w.scope, w.name, w.day, sum(k.tokens), sum(k.cost), m.now + make_interval(days => w.days)
  from moment m, kept k, lateral (values
    ('graph', k.graph_id, m.today, ${DAY_SUMS_DAYS}::int),
    ('run', k.origin_run_id::text, '-infinity'::date, ${KEPT_DAYS}::int),
    ('tenant', '', m.today, ${DAY_SUMS_DAYS}::int)) w (scope, name, day, days)
  group by k.tenant_id, w.scope, w.name, w.day, w.days, m.now
  order by k.tenant_id, w.scope, w.name collate "C", w.day
  on conflict (tenant_id, scope, name, day) do update
  set tokens = s.tokens + excluded.tokens, cost = s.cost + excluded.cost, expires_at = excluded.expires_at`;

/** Whose budgets are asked about. */
export interface Spender {
  tenant_id: string;
  graph_id: string;
  origin_run_id: string;
}

/** What was spent in one scope, and what was granted there. */
export interface SpentRow {
  scope: "run" | "graph" | "tenant";
  tokens: number;
  cost: number;
  granted_tokens: number;
  granted_cost: number;
}

/** What a run has spent, and what its graph and its tenant have today. */
export const readSpent = ({ tenant_id, graph_id, origin_run_id }: Spender) => sql<SpentRow>`
  select w.scope, coalesce(s.tokens, 0) as tokens, coalesce(s.cost, 0) as cost,
    coalesce(g.tokens, 0)::bigint as granted_tokens, coalesce(g.cost, 0) as granted_cost
  from (select (n.now at time zone 'UTC')::date as today from (select holdpoint.now() as now) n) d
    cross join lateral (values ('run', ${origin_run_id}::text, '-infinity'::date), ('graph', ${graph_id}::text, d.today),
      ('tenant', '', d.today)) w (scope, name, day)
    left join holdpoint.spent s
      on s.tenant_id = ${tenant_id} and s.scope = w.scope and s.name = w.name and s.day = w.day
    left join lateral (
      select sum(b.tokens) as tokens, sum(b.cost) as cost
      from holdpoint.budget_grant b
      where w.scope = 'run' and b.tenant_id = ${tenant_id} and b.origin_run_id = ${origin_run_id}::uuid) g on true`;

/** More for a run, once for each position. */
export const insertGrant = (grant: {
  tenant_id: string;
  thread_id: string;
  run_id: string;
  origin_run_id: string;
  position: string;
  tokens: number;
  cost: number;
}) => sql`
  insert into holdpoint.budget_grant (tenant_id, thread_id, origin_run_id, position, run_id, tokens, cost)
  values (${grant.tenant_id}, ${grant.thread_id}, ${grant.origin_run_id}::uuid, ${grant.position}, ${grant.run_id}::uuid,
    ${grant.tokens}::bigint, ${grant.cost}::float8)
  on conflict (origin_run_id, position) do nothing`;

/** The run that somebody started, of which this one carries an answer; itself where it carries none. */
export const originOfRun = (tenant_id: string, run_id: string) => sql<{ run_id: string }>`
  with recursive before as (
    select run_id, group_id, queue_seq from holdpoint.run where tenant_id = ${tenant_id} and run_id = ${run_id}::uuid
    union
    select r.run_id, r.group_id, r.queue_seq
    from before b
      join holdpoint.review v on v.group_id = b.group_id and v.tenant_id = ${tenant_id}
      join holdpoint.run r on r.run_id = v.run_id and r.tenant_id = ${tenant_id}
  )
  select run_id from before order by queue_seq limit 1`;
