import { sql } from "./sql.ts";

/**
 * Stores a batch behind the thread's last event; no row when the lease is lost. Nothing else serialises the writers: the
 * fence leaves one, and the primary key would refuse a second.
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
  select ${batch.tenant_id}, ${batch.thread_id}, last.seq + 1, last.seq + ${batch.count}::int, ${batch.run_id}::uuid,
    ${batch.attempt}::int, ${batch.body}
  from (
    select coalesce(max(seq_to), 0) as seq from holdpoint.event
    where tenant_id = ${batch.tenant_id} and thread_id = ${batch.thread_id}) last
  where exists (
    select 1 from holdpoint.thread
    where tenant_id = ${batch.tenant_id} and thread_id = ${batch.thread_id} and deleted_at is null
      and lease_epoch = ${batch.lease_epoch}::bigint)`;

/** A run's batches that hold events after an id. */
export const selectRunEvents = (tenant_id: string, thread_id: string, run_id: string, after_seq: number) => sql<{
  seq_from: number;
  seq_to: number;
  body: string;
}>`
  select seq_from, seq_to, body from holdpoint.event
  where tenant_id = ${tenant_id} and thread_id = ${thread_id} and run_id = ${run_id}::uuid and seq_to > ${after_seq}::bigint
  order by seq_from
  limit 100`;
