import type { RunKind, RunStatus } from "../protocol/run.ts";
import { sql } from "./sql.ts";

/** Where somebody stands who follows a thread from an event on, or from now on where that is null; no row for a thread that is gone. */
export const threadPosition = (tenant_id: string, thread_id: string, after: number | null) => sql<{
  after: number;
  /** The runs of which more is to come, and the one that was shown last: that it has ended may not have been told. */
  run_ids: string[];
}>`
  select coalesce(${after}::bigint, last.seq) as after, array(
      select run_id::text from holdpoint.run
      where tenant_id = ${tenant_id} and thread_id = ${thread_id} and status in ('pending', 'running')
      union
      select shown.run_id::text from (
        select run_id from holdpoint.event
        where tenant_id = ${tenant_id} and thread_id = ${thread_id} and seq_from <= ${after}::bigint
        order by seq_from desc limit 1) shown) as run_ids
  from holdpoint.thread t cross join lateral (
    select coalesce(max(seq_to), 0) as seq from holdpoint.event
    where tenant_id = ${tenant_id} and thread_id = ${thread_id}) last
  where t.tenant_id = ${tenant_id} and t.thread_id = ${thread_id} and t.deleted_at is null`;

/** How runs of a thread stand; none where the thread is gone. */
export const threadRuns = (tenant_id: string, thread_id: string, run_ids: readonly string[]) => sql<{
  run_id: string;
  kind: RunKind;
  status: RunStatus;
}>`
  select r.run_id::text, r.kind, r.status
  from holdpoint.run r join holdpoint.thread t on t.tenant_id = r.tenant_id and t.thread_id = r.thread_id and t.deleted_at is null
  where r.tenant_id = ${tenant_id} and r.thread_id = ${thread_id} and r.run_id = any(${run_ids}::uuid[])`;

/** Batches of a thread behind an event, oldest first, of all its runs: up to so many bytes and at least one. */
export const threadBatches = (
  tenant_id: string,
  thread_id: string,
  after: number,
  most: { batchEvents: number; batches: number; bytes: number },
) => sql<{ seq_from: number; run_id: string; kind: RunKind | null; body: string; batches: number }>`
  select p.seq_from, p.run_id::text, r.kind, p.body, p.batches
  from (
    select b.seq_from, b.run_id, b.body, count(*) over () as batches,
      sum(octet_length(b.body)) over (order by b.seq_from) - octet_length(b.body) as bytes_before
    from (
      select seq_from, run_id, body from holdpoint.event
      where tenant_id = ${tenant_id} and thread_id = ${thread_id} and seq_to > ${after}::bigint
        and seq_from > ${after}::bigint - ${most.batchEvents}::bigint
      order by seq_from
      limit ${most.batches}::int) b) p
    left join holdpoint.run r on r.tenant_id = ${tenant_id} and r.run_id = p.run_id
  where p.bytes_before < ${most.bytes}::bigint
  order by p.seq_from`;

/** What moves with everything that happens on threads, one row for each that there is. */
export const threadMarks = (tenant_ids: readonly string[], thread_ids: readonly string[]) => sql<{
  thread_id: string;
  mark: string;
}>`
  select t.thread_id, t.updated_at || ' ' || coalesce((
    select max(e.seq_to) from holdpoint.event e where e.tenant_id = t.tenant_id and e.thread_id = t.thread_id), 0) as mark
  from unnest(${tenant_ids}::text[], ${thread_ids}::text[]) as w (tenant_id, thread_id)
    join holdpoint.thread t on t.tenant_id = w.tenant_id and t.thread_id = w.thread_id and t.deleted_at is null`;
