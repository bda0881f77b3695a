import { sql } from "./sql.ts";

/** The verdict: a row while the lease is held, none once it is lost. Ask it only under the thread's lock. */
export const leaseHeld = (tenant_id: string, thread_id: string, lease_epoch: number) => sql<{ held: number }>`
  select 1 as held from holdpoint.thread
  where tenant_id = ${tenant_id}::text and thread_id = ${thread_id}::text and lease_epoch = ${lease_epoch}::bigint
    and deleted_at is null`;

/** The same of many at once: the positions of those that are held, from 1. */
export const leasesHeld = (leases: readonly { tenant_id: string; thread_id: string; lease_epoch: number }[]) => sql<{
  position: number;
}>`
  select l.position::integer
  from unnest(${leases.map(({ tenant_id }) => tenant_id)}::text[], ${leases.map(({ thread_id }) => thread_id)}::text[],
    ${leases.map(({ lease_epoch }) => lease_epoch)}::bigint[])
    with ordinality as l (tenant_id, thread_id, lease_epoch, position)
  where (
    select true from holdpoint.thread t
    where t.tenant_id = l.tenant_id and t.thread_id = l.thread_id and t.lease_epoch = l.lease_epoch
      and t.deleted_at is null
    -- Keeps this a look at one row for each: as a join it may be planned, once and for all, over the whole table.
    limit 1)`;

/**
 * Fails with HP002 unless the lease is held and nobody wants its run stopped: the verdict of a transaction that is sent
 * whole. Ask it only under the thread's lock.
 */
export const expectUndisturbed = (lease: {
  tenant_id: string;
  thread_id: string;
  run_id: string;
  lease_epoch: number;
}) => sql`
  select holdpoint.expect(
    exists (
      select 1 from holdpoint.thread
      where tenant_id = ${lease.tenant_id} and thread_id = ${lease.thread_id} and lease_epoch = ${lease.lease_epoch}::bigint
        and deleted_at is null)
    and exists (
      select 1 from holdpoint.run
      where tenant_id = ${lease.tenant_id} and run_id = ${lease.run_id}::uuid and cancel_action is null),
    'the lease to be held and the run not to be cancelled')`;

/**
 * Ends the backends that hold the thread's lock in the middle of a transaction and have heard nothing from their client
 * for a while: a pipeline that its process had half sent when it was stopped. No time-out of Postgres 15 or 16 ends
 * one. Not those that are at work, that wait for another lock or that are between two statements: whatever else such a
 * batch carries belongs to the innocent. Nor any while the lease holds, or of another role, which is not ours to end.
 */
export const endStuckHolders = (tenant_id: string, thread_id: string) => sql<{ pid: number }>`
  with stuck as materialized (
    select a.pid
    from holdpoint.thread t
      cross join lateral (select hashtextextended('holdpoint:thread:' || t.thread_id, 0) as key) k
      join pg_locks l on l.locktype = 'advisory' and l.granted and l.objsubid = 1
        and l.classid::bigint = ((k.key >> 32) & 4294967295) and l.objid::bigint = (k.key & 4294967295)
        and l.database = (select oid from pg_database where datname = current_database())
      join pg_stat_activity a on a.pid = l.pid
    where t.tenant_id = ${tenant_id}::text and t.thread_id = ${thread_id}::text
      and (t.lease_until is null or t.lease_until <= holdpoint.now())
      and a.usename = current_user and a.wait_event_type = 'Client'
      and a.state_change < holdpoint.now() - interval '10 seconds')
  select s.pid from stuck s where pg_terminate_backend(s.pid)`;
