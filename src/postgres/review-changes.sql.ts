import { sql } from "./sql.ts";

/** What those who follow reviews are told of one that changed. */
export interface ReviewChange {
  id: string;
  version: number;
  status: string;
  /** What was done to it last, as its record names it; null where nothing is recorded. */
  change: string | null;
  graph_id: string;
  thread_id: string;
  run_id: string;
}

/**
 * The reviews that a snapshot did not see as they are now, and the snapshot that sees them. What another database wrote,
 * before it was restored into this one, has numbers that are still to come and is left out.
 */
export const reviewChanges = (tenant_id: string, since: string, limit: number) => sql<{
  snapshot: string;
  changes: ReviewChange[];
}>`
  with changed as materialized (
    select r.id, r.version, r.status, r.graph_id, r.thread_id, r.run_id, r.changed_in
    from holdpoint.review r
    where r.tenant_id = ${tenant_id} and r.changed_in >= pg_snapshot_xmin(${since}::pg_snapshot)
      and r.changed_in < pg_snapshot_xmax(pg_current_snapshot())
      and not pg_visible_in_snapshot(r.changed_in, ${since}::pg_snapshot)
    order by r.changed_in, r.id
    limit ${limit}::int
  ), told as (
    select c.id, c.version, c.status, (
        select a.kind from holdpoint.audit a
        where a.tenant_id = ${tenant_id} and a.review_id = c.id order by a.review_seq desc limit 1) as change,
      c.graph_id, c.thread_id, c.run_id, c.changed_in
    from changed c
  )
  select pg_current_snapshot()::text as snapshot,
    coalesce((select json_agg(to_jsonb(t) - 'changed_in' order by t.changed_in, t.id) from told t), '[]') as changes`;

/** The snapshot of this moment. */
export const currentSnapshot = () => sql<{ snapshot: string }>`select pg_current_snapshot()::text as snapshot`;
