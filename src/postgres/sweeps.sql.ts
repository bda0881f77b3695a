import { sql } from "./sql.ts";

/** Removes some of the sessions that are over, of every tenant; those that somebody has locked are left for later. */
export const deleteOldSessions = (limit: number) => sql`
  delete from holdpoint.session
  where (tenant_id, secret_sha256) in (
    select tenant_id, secret_sha256 from holdpoint.session
    where expires_at <= holdpoint.now()
    order by expires_at
    limit ${limit}::int
    for update skip locked)`;

/** Removes some of the login links that nobody can use any more, used ones with the others. */
export const deleteOldLoginLinks = (limit: number) => sql`
  delete from holdpoint.login_link
  where (tenant_id, secret_sha256) in (
    select tenant_id, secret_sha256 from holdpoint.login_link
    where expires_at <= holdpoint.now()
    order by expires_at
    limit ${limit}::int
    for update skip locked)`;

/** Deleted threads of which something is left: a hint, looked at again under the thread's lock. */
export const threadsToClear = (limit: number) => sql<{ tenant_id: string; thread_id: string }>`
  select tenant_id, thread_id from holdpoint.thread
  where next_at <= holdpoint.now() and deleted_at is not null
  order by next_at
  limit ${limit}::int`;

/** The thread's lock, if nobody has it: a sweep waits for no one. */
export const tryLockThread = (thread_id: string) => sql<{ is_locked: boolean }>`
  select pg_try_advisory_xact_lock(hashtextextended('holdpoint:thread:' || ${thread_id}::text, 0)) as is_locked`;

/** The row of a deleted thread of which something is left; none when somebody else has it or was faster. */
export const threadToClear = (tenant_id: string, thread_id: string) => sql<{ thread_id: string }>`
  select thread_id from holdpoint.thread
  where tenant_id = ${tenant_id} and thread_id = ${thread_id} and deleted_at is not null and next_at <= holdpoint.now()
  for no key update skip locked`;

/** Deletes some of a thread's events, the oldest first. */
export const deleteSomeEvents = (tenant_id: string, thread_id: string, limit: number) => sql`
  delete from holdpoint.event
  where tenant_id = ${tenant_id} and thread_id = ${thread_id} and seq_from in (
    select seq_from from holdpoint.event
    where tenant_id = ${tenant_id} and thread_id = ${thread_id}
    order by seq_from
    limit ${limit}::int)`;

/** Nothing is left of a deleted thread but its row, which refuses late writes, unless one of its crons is still on. */
export const threadIsClear = (tenant_id: string, thread_id: string) => sql`
  update holdpoint.thread set next_at = null
  where tenant_id = ${tenant_id} and thread_id = ${thread_id}
    and not exists (
      select 1 from holdpoint.cron where tenant_id = ${tenant_id} and thread_id = ${thread_id} and enabled)`;
