import { sql } from "../sql.ts";

/** The tombstone: a thread that the server knows keeps its row, so that a late write of any worker finds it. */
export const markThreadDeleted = (tenant_id: string, thread_id: string) => sql`
  update holdpoint.thread
  set deleted_at = coalesce(deleted_at, holdpoint.now()), next_at = holdpoint.now(), lease_worker_id = null, lease_until = null
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

/** How many rows a statement has deleted. */
export interface Deleted {
  readonly deleted: number;
}

/** Deletes some checkpoints of a thread: the n-th is ids[n] of the namespace namespaces[n]. */
export const deleteSomeCheckpoints = (
  tenant_id: string,
  thread_id: string,
  namespaces: readonly string[],
  ids: readonly string[],
) => sql<Deleted>`
  with gone as (
    delete from holdpoint.checkpoint c
    using unnest(${namespaces}::text[], ${ids}::uuid[]) as g (checkpoint_ns, checkpoint_id)
    where c.tenant_id = ${tenant_id}::text and c.thread_id = ${thread_id}::text and c.checkpoint_ns = g.checkpoint_ns
      and c.checkpoint_id = g.checkpoint_id
    returning 1)
  select count(*)::integer as deleted from gone`;

/** Deletes the writes on some checkpoints of a thread. */
export const deleteSomeWrites = (
  tenant_id: string,
  thread_id: string,
  namespaces: readonly string[],
  ids: readonly string[],
) => sql<Deleted>`
  with gone as (
    delete from holdpoint.checkpoint_write w
    using unnest(${namespaces}::text[], ${ids}::uuid[]) as g (checkpoint_ns, checkpoint_id)
    where w.tenant_id = ${tenant_id}::text and w.thread_id = ${thread_id}::text and w.checkpoint_ns = g.checkpoint_ns
      and w.checkpoint_id = g.checkpoint_id
    returning 1)
  select count(*)::integer as deleted from gone`;

/**
 * Deletes the chunks that no checkpoint refers to. A chain that loses its end keeps one empty row there (keep -3): it
 * lets nobody extend the chain again, so what another process remembers of the lost end can never be taken for what
 * came in its place.
 */
export const deleteUnusedChunks = (tenant_id: string, thread_id: string) => sql<Deleted>`
  with used as materialized (
    select r.chain, max(r.seq) as seq
    from holdpoint.checkpoint c cross join lateral unnest(c.chains, c.seqs) as r (chain, seq)
    where c.tenant_id = ${tenant_id}::text and c.thread_id = ${thread_id}::text
    group by r.chain),
  sealed as (
    update holdpoint.checkpoint_chunk k set keep = -3, body = ''
    from used u
    where k.tenant_id = ${tenant_id}::text and k.thread_id = ${thread_id}::text and k.chain = u.chain
      and k.seq = u.seq + 1 and k.keep <> -3
    returning 1),
  gone as (
    delete from holdpoint.checkpoint_chunk k
    where k.tenant_id = ${tenant_id}::text and k.thread_id = ${thread_id}::text
      and not exists (select 1 from used u where u.chain = k.chain and k.seq <= u.seq + 1)
    returning 1)
  select ((select count(*) from sealed) + (select count(*) from gone))::integer as deleted`;
