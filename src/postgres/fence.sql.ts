import { sql } from "./sql.ts";

/** The verdict: a row while the lease is held, none once it is lost. Ask it only under the thread's lock. */
export const leaseHeld = (tenant_id: string, thread_id: string, lease_epoch: number) => sql<{ held: number }>`
  select 1 as held from holdpoint.thread
  where tenant_id = ${tenant_id}::text and thread_id = ${thread_id}::text and lease_epoch = ${lease_epoch}::bigint
    and deleted_at is null`;
