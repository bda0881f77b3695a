import { sql } from "../sql.ts";
import type { Address } from "./address.ts";

/** One row of the walk along the ancestors: where a channel's value was found, a write on the way, or a chunk. */
export interface HistoryRow {
  readonly part: "seed" | "write" | "chunk";
  /** How far from the target; 0 is its parent. */
  readonly depth: number;
  /** checkpoint_id, task_id or chain. */
  readonly id: string;
  readonly task_path: string | null;
  readonly body: string;
  readonly chains: string | null;
  readonly seqs: string | null;
  readonly seq: number;
  readonly keep: number;
}

/**
 * Walks from the parent of a checkpoint (the newest one, where checkpoint_id is null) towards the root, until every
 * wanted channel has been found stored; gives the values found and the writes on the way. `quoted` are the channel
 * names as JSON strings: writes that cannot mention any of them are not sent.
 */
export const deltaHistory = (
  { tenant_id, thread_id, checkpoint_ns }: Address,
  checkpoint_id: string | null,
  channels: readonly string[],
  quoted: readonly string[],
) => sql<HistoryRow>`
  with recursive target as (
    select c.parent_checkpoint_id
    from holdpoint.checkpoint c
    where c.tenant_id = ${tenant_id}::text and c.thread_id = ${thread_id}::text and c.checkpoint_ns = ${checkpoint_ns}::text
      and not c.remnant and (${checkpoint_id}::uuid is null or c.checkpoint_id = ${checkpoint_id}::uuid)
    order by c.checkpoint_id desc limit 1),
  walk as (
    select 0 as depth, c.tenant_id, c.thread_id, c.checkpoint_ns, c.checkpoint_id, c.parent_checkpoint_id,
      ${channels}::text[] as wanted, c.channels as stored
    from target t join holdpoint.checkpoint c on c.tenant_id = ${tenant_id}::text and c.thread_id = ${thread_id}::text
      and c.checkpoint_ns = ${checkpoint_ns}::text and c.checkpoint_id = t.parent_checkpoint_id
    union all
    select w.depth + 1, c.tenant_id, c.thread_id, c.checkpoint_ns, c.checkpoint_id, c.parent_checkpoint_id,
      rest.wanted, c.channels
    from walk w
      cross join lateral (
        select array(select u.channel from unnest(w.wanted) as u (channel) where u.channel <> all (w.stored)) as wanted
      ) rest
      join holdpoint.checkpoint c on c.tenant_id = w.tenant_id and c.thread_id = w.thread_id
        and c.checkpoint_ns = w.checkpoint_ns and c.checkpoint_id = w.parent_checkpoint_id
    where cardinality(rest.wanted) > 0)
  select 'seed' as part, w.depth, c.checkpoint_id::text as id, null::text as task_path, c.body, c.chains::text as chains,
    c.seqs::text as seqs, 0 as seq, 0 as keep
  from walk w join holdpoint.checkpoint c on c.tenant_id = w.tenant_id and c.thread_id = w.thread_id
    and c.checkpoint_ns = w.checkpoint_ns and c.checkpoint_id = w.checkpoint_id
  where w.wanted && w.stored
  union all
  select 'write', w.depth, p.task_id, p.task_path, p.body, null, null, p.slot, 0
  from walk w join holdpoint.checkpoint_write p on p.tenant_id = w.tenant_id and p.thread_id = w.thread_id
    and p.checkpoint_ns = w.checkpoint_ns and p.checkpoint_id = w.checkpoint_id
  where exists (select 1 from unnest(${quoted}::text[]) as q (name) where strpos(p.body, q.name) > 0)
  union all
  select 'chunk', w.depth, k.chain::text, null, k.body, null, null, k.seq, k.keep
  from walk w join holdpoint.checkpoint c on c.tenant_id = w.tenant_id and c.thread_id = w.thread_id
      and c.checkpoint_ns = w.checkpoint_ns and c.checkpoint_id = w.checkpoint_id
    cross join lateral unnest(c.channels[:cardinality(c.chains)], c.chains, c.seqs) as r (channel, chain, seq)
    join holdpoint.checkpoint_chunk k on k.tenant_id = w.tenant_id and k.thread_id = w.thread_id and k.chain = r.chain
      and k.seq <= r.seq
  where w.wanted && w.stored and r.channel = any (w.wanted)`;

/** Whether a checkpoint can be read. */
export const selectReadable = ({ tenant_id, thread_id, checkpoint_ns }: Address, checkpoint_id: string) => sql<{
  readable: boolean;
}>`
  select exists (
    select 1 from holdpoint.checkpoint c
    where c.tenant_id = ${tenant_id}::text and c.thread_id = ${thread_id}::text and c.checkpoint_ns = ${checkpoint_ns}::text
      and c.checkpoint_id = ${checkpoint_id}::uuid and not c.remnant) as readable`;
