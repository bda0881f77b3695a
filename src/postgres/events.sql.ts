import type { RunStatus } from "../protocol/run.ts";
import { sql } from "./sql.ts";

/**
 * Stores a batch behind the thread's last event; no row when the lease is lost. Nothing else serialises the writers: the
 * fence leaves one, and the primary key would refuse a second. The last row is found by its place in the primary key:
 * by its seq_to, each batch would read all events of a long thread again.
 */
export const insertEvents = (batch: {
  tenant_id: string;
  thread_id: string;
  run_id: string;
  lease_epoch: number;
  attempt: number;
  count: number;
  body: string;
}) => sql`
  insert into holdpoint.event (tenant_id, thread_id, seq_from, seq_to, run_id, attempt, body)
  select t.tenant_id, t.thread_id, coalesce(last.seq_to, 0) + 1, coalesce(last.seq_to, 0) + ${batch.count}::int,
    ${batch.run_id}::uuid, ${batch.attempt}::int, ${batch.body}
  from holdpoint.thread t
    left join lateral (
      select e.seq_to from holdpoint.event e
      where e.tenant_id = t.tenant_id and e.thread_id = t.thread_id
        and e.seq_from = (select max(m.seq_from) from holdpoint.event m where m.thread_id = t.thread_id)
      limit 1) last on true
  where t.tenant_id = ${batch.tenant_id} and t.thread_id = ${batch.thread_id} and t.deleted_at is null
    and t.lease_epoch = ${batch.lease_epoch}::bigint`;

/** Which runs to look at, one array for each property, and from which event on. */
export interface LookKeys {
  tenant_ids: readonly string[];
  thread_ids: readonly string[];
  run_ids: readonly string[];
  afters: readonly number[];
}

/** A run and one of its batches; without one when there is none behind the id. */
export interface LookRow {
  place: number;
  status: RunStatus;
  error: string | null;
  seq_from: number | null;
  body: string | null;
  /** How many batches there are, as far as they were counted. */
  batches: number | null;
}

/**
 * Where runs stand and the batches that hold events of theirs behind an id, oldest first, up to so many bytes and at
 * least one. One statement, so that the batches are all there are when it says that a run has ended. No row for a run
 * that is gone, or whose thread was deleted.
 */
export const lookAt = (keys: LookKeys, most: { batchEvents: number; batches: number; bytes: number }) => sql<LookRow>`
  select w.place, r.status, r.error, e.seq_from, e.body, e.batches
  from unnest(${keys.tenant_ids}::text[], ${keys.thread_ids}::text[], ${keys.run_ids}::uuid[], ${keys.afters}::bigint[])
      with ordinality as w (tenant_id, thread_id, run_id, after_seq, place)
    join holdpoint.run r on r.tenant_id = w.tenant_id and r.run_id = w.run_id and r.thread_id = w.thread_id
    join holdpoint.thread t on t.tenant_id = w.tenant_id and t.thread_id = w.thread_id and t.deleted_at is null
    left join lateral (
      select p.seq_from, p.body, p.batches
      from (
        select b.seq_from, b.body, count(*) over () as batches,
          sum(octet_length(b.body)) over (order by b.seq_from) - octet_length(b.body) as bytes_before
        from (
          select seq_from, body from holdpoint.event
          where tenant_id = w.tenant_id and run_id = w.run_id and thread_id = w.thread_id
            -- The second says the same to the index: without it every look would pass all that was shown before.
            and seq_to > w.after_seq and seq_from > w.after_seq - ${most.batchEvents}::bigint
          order by seq_from
          limit ${most.batches}::int) b) p
      where p.bytes_before < ${most.bytes}::bigint) e on true
  order by w.place, e.seq_from`;
