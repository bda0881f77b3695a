import { sql } from "./sql.ts";

/** Serialises the writers of one thread's events; after the thread's own lock. */
export const lockEvents = (thread_id: string) =>
  sql`select pg_advisory_xact_lock(hashtextextended('holdpoint:event:' || ${thread_id}::text, 0))`;

/** Stores a batch behind the thread's last event; the row that comes back names the ids it was given. */
export const insertEvents = (batch: {
  tenant_id: string;
  thread_id: string;
  run_id: string;
  attempt: number;
  count: number;
  body: string;
}) => sql<{
  seq_from: number;
  seq_to: number;
}>`
  insert into holdpoint.event (tenant_id, thread_id, seq_from, seq_to, run_id, attempt, body)
  select ${batch.tenant_id}, ${batch.thread_id}, last.seq + 1, last.seq + ${batch.count}::int, ${batch.run_id}::uuid,
    ${batch.attempt}::int, ${batch.body}
  from (select coalesce(max(seq_to), 0) as seq from holdpoint.event where thread_id = ${batch.thread_id}) last
  returning seq_from, seq_to`;

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
