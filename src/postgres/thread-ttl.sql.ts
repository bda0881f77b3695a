import { sql } from "./sql.ts";

/** How long a thread stays when nothing happens on it, and what becomes of it then. */
export interface TtlRow {
  ttl_minutes: number | null;
  ttl_strategy: "delete" | "keep_latest" | null;
  expires_at: string | null;
}

/** What is kept about the end of a thread. */
export const selectTtl = (tenant_id: string, thread_id: string) => sql<TtlRow>`
  select ttl_minutes, ttl_strategy, expires_at from holdpoint.thread
  where tenant_id = ${tenant_id} and thread_id = ${thread_id} and deleted_at is null`;

/** Says how long a thread stays from now on. */
export const setTtl = (tenant_id: string, thread_id: string, minutes: number, strategy: string) => sql`
  update holdpoint.thread
  set ttl_minutes = ${minutes}::float8, ttl_strategy = ${strategy},
    expires_at = holdpoint.now() + ${minutes}::float8 * interval '1 minute'
  where tenant_id = ${tenant_id} and thread_id = ${thread_id} and deleted_at is null`;

/** Says that a thread ends with its run, or soon after: whoever was cut off comes back for the rest. */
export const makeTemporary = (tenant_id: string, thread_id: string) => sql`
  update holdpoint.thread
  set is_temporary = true, ttl_minutes = 10, ttl_strategy = 'delete', expires_at = holdpoint.now() + interval '10 minutes'
  where tenant_id = ${tenant_id} and thread_id = ${thread_id}`;

/** Threads whose end has to be looked at: a hint. */
export const threadsToExpire = (limit: number) => sql<{ tenant_id: string; thread_id: string }>`
  select tenant_id, thread_id from holdpoint.thread
  where expires_at <= holdpoint.now()
  order by expires_at
  limit ${limit}::int`;

/**
 * Puts off the end of a thread that has been used since, that is busy, or that waits for a person; of one that is over, for
 * a while, so that nobody else ends it meanwhile and it is tried again where that fails. None when somebody was faster.
 */
export const putOffEnd = (tenant_id: string, thread_id: string) => sql<{
  is_over: boolean;
  ttl_strategy: "delete" | "keep_latest";
  graph_id: string | null;
}>`
  update holdpoint.thread t
  set expires_at = case when t.deleted_at is not null then null
      else greatest(t.updated_at + t.ttl_minutes * interval '1 minute',
        holdpoint.now() + least(t.ttl_minutes, 10) * interval '1 minute') end
  from (
    select thread_id from holdpoint.thread
    where tenant_id = ${tenant_id} and thread_id = ${thread_id} and expires_at <= holdpoint.now()
    for no key update skip locked
  ) due
  where t.tenant_id = ${tenant_id} and t.thread_id = due.thread_id
  returning t.deleted_at is null and t.status in ('idle', 'error')
      and t.updated_at + t.ttl_minutes * interval '1 minute' <= holdpoint.now() as is_over,
    t.ttl_strategy, t.graph_id`;

/** Lets a thread be, until something happens on it: what could be removed of it is. */
export const restThread = (tenant_id: string, thread_id: string) => sql`
  update holdpoint.thread
  set expires_at = holdpoint.now() + ttl_minutes * interval '1 minute'
  where tenant_id = ${tenant_id} and thread_id = ${thread_id} and deleted_at is null`;

/** Lets a thread stay, until somebody says anew how long. */
export const keepThread = (tenant_id: string, thread_id: string) => sql`
  update holdpoint.thread set expires_at = null where tenant_id = ${tenant_id} and thread_id = ${thread_id}`;
