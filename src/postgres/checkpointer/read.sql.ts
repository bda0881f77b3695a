import { sql } from "../sql.ts";
import type { Address } from "./address.ts";

/** One row of a tuple: the checkpoint itself, one of its pending writes, or a chunk of one of its chains. */
export interface TupleRow {
  readonly part: "checkpoint" | "write" | "chunk";
  /** checkpoint_id, task_id or chain. */
  readonly id: string;
  /** parent_checkpoint_id or task_path. */
  readonly link: string | null;
  readonly body: string;
  readonly metadata: string | null;
  readonly chains: string | null;
  readonly seqs: string | null;
  readonly seq: number;
  readonly keep: number;
}

// Rows and text instead of arrays: pg parses arrays character by character.

/** The newest checkpoint of a namespace with its writes and the chunks after those in `known` ({chain: seq}). */
export const latestTuple = ({ tenant_id, thread_id, checkpoint_ns }: Address, known: string) => sql<TupleRow>`
  with found as materialized (
    select c.tenant_id, c.thread_id, c.checkpoint_ns, c.checkpoint_id, c.parent_checkpoint_id,
      coalesce(c.metadata_exact, c.metadata::text) as metadata, c.body, c.chains, c.seqs
    from holdpoint.checkpoint c
    where c.tenant_id = ${tenant_id}::text and c.thread_id = ${thread_id}::text and c.checkpoint_ns = ${checkpoint_ns}::text
      and not c.remnant
    order by c.checkpoint_id desc limit 1)
  select 'checkpoint' as part, f.checkpoint_id::text as id, f.parent_checkpoint_id::text as link, f.body, f.metadata,
    f.chains::text as chains, f.seqs::text as seqs, 0 as seq, 0 as keep
  from found f
  union all
  select 'write', w.task_id, w.task_path, w.body, null, null, null, w.slot, 0
  from found f join holdpoint.checkpoint_write w on w.tenant_id = f.tenant_id and w.thread_id = f.thread_id
    and w.checkpoint_ns = f.checkpoint_ns and w.checkpoint_id = f.checkpoint_id
  union all
  select 'chunk', k.chain::text, null, k.body, null, null, null, k.seq, k.keep
  from found f cross join lateral unnest(f.chains, f.seqs) as r (chain, seq)
    join holdpoint.checkpoint_chunk k on k.tenant_id = f.tenant_id and k.thread_id = f.thread_id and k.chain = r.chain
      and k.seq <= r.seq and k.seq > coalesce((${known}::jsonb ->> r.chain::text)::integer, -1)`;

/** The same for one checkpoint. */
export const tupleById = ({ tenant_id, thread_id, checkpoint_ns }: Address, checkpoint_id: string, known: string) =>
  sql<TupleRow>`
  with found as materialized (
    select c.tenant_id, c.thread_id, c.checkpoint_ns, c.checkpoint_id, c.parent_checkpoint_id,
      coalesce(c.metadata_exact, c.metadata::text) as metadata, c.body, c.chains, c.seqs
    from holdpoint.checkpoint c
    where c.tenant_id = ${tenant_id}::text and c.thread_id = ${thread_id}::text and c.checkpoint_ns = ${checkpoint_ns}::text
      and c.checkpoint_id = ${checkpoint_id}::uuid and not c.remnant)
  select 'checkpoint' as part, f.checkpoint_id::text as id, f.parent_checkpoint_id::text as link, f.body, f.metadata,
    f.chains::text as chains, f.seqs::text as seqs, 0 as seq, 0 as keep
  from found f
  union all
  select 'write', w.task_id, w.task_path, w.body, null, null, null, w.slot, 0
  from found f join holdpoint.checkpoint_write w on w.tenant_id = f.tenant_id and w.thread_id = f.thread_id
    and w.checkpoint_ns = f.checkpoint_ns and w.checkpoint_id = f.checkpoint_id
  union all
  select 'chunk', k.chain::text, null, k.body, null, null, null, k.seq, k.keep
  from found f cross join lateral unnest(f.chains, f.seqs) as r (chain, seq)
    join holdpoint.checkpoint_chunk k on k.tenant_id = f.tenant_id and k.thread_id = f.thread_id and k.chain = r.chain
      and k.seq <= r.seq and k.seq > coalesce((${known}::jsonb ->> r.chain::text)::integer, -1)`;

/** A row of holdpoint.checkpoint_write, as it is read. */
export interface StoredWrite {
  readonly task_id: string;
  readonly task_path: string;
  readonly body: string;
}

/** The writes of one checkpoint: where checkpoints before version 4 kept the sends of their child. */
export const writesOf = ({ tenant_id, thread_id, checkpoint_ns }: Address, checkpoint_id: string) => sql<StoredWrite>`
  select w.task_id, w.task_path, w.body
  from holdpoint.checkpoint_write w
  where w.tenant_id = ${tenant_id}::text and w.thread_id = ${thread_id}::text
    and w.checkpoint_ns = ${checkpoint_ns}::text and w.checkpoint_id = ${checkpoint_id}::uuid`;
