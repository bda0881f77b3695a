import { sql } from "../sql.ts";

/** The tombstone: a thread that the server knows keeps its row, so that a late write of any worker finds it. */
export const markThreadDeleted = (tenant_id: string, thread_id: string) => sql`
  update holdpoint.thread
  set deleted_at = coalesce(deleted_at, holdpoint.now()), lease_worker_id = null, lease_until = null
  where tenant_id = ${tenant_id}::text and thread_id = ${thread_id}::text`;

/** Deletes the checkpoints of a thread. */
export const deleteCheckpoints = (tenant_id: string, thread_id: string) => sql`
  delete from holdpoint.checkpoint where tenant_id = ${tenant_id}::text and thread_id = ${thread_id}::text`;

/** Deletes the pending writes of a thread. */
export const deleteWrites = (tenant_id: string, thread_id: string) => sql`
  delete from holdpoint.checkpoint_write where tenant_id = ${tenant_id}::text and thread_id = ${thread_id}::text`;

/** Deletes the chains of a thread. */
export const deleteChunks = (tenant_id: string, thread_id: string) => sql`
  delete from holdpoint.checkpoint_chunk where tenant_id = ${tenant_id}::text and thread_id = ${thread_id}::text`;
