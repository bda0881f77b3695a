import { sql } from "./sql.ts";

/**
 * Shared locks on the threads of a batch, held until its commit: no claim and no deletion of those threads can come
 * between the verdict and the inserts. A statement of its own, because one that takes the lock and checks in the same
 * breath has a snapshot older than the lock and lets a zombie in.
 */
export const lockThreadsShared = (thread_ids: readonly string[]) => sql`
  select pg_advisory_xact_lock_shared(k.key)
  from (
    select hashtextextended('holdpoint:thread:' || t.thread_id, 0) as key
    from unnest(${thread_ids}::text[]) as t (thread_id)
  ) k
  order by k.key`;
