import { sql } from "../sql.ts";
import type { Address } from "./address.ts";
import type { Chunk } from "./chains.ts";

/** A row of holdpoint.checkpoint. */
export interface CheckpointRow extends Address {
  readonly checkpoint_id: string;
  readonly parent_checkpoint_id: string | null;
  readonly run_id: string | null;
  readonly metadata: string;
  readonly metadata_exact: string | null;
  readonly channels: readonly string[];
  readonly chains: readonly string[] | null;
  readonly seqs: readonly number[] | null;
  readonly body: string;
  readonly copied: string | null;
}

/** A row of holdpoint.checkpoint_write. */
export interface WriteRow extends Address {
  readonly checkpoint_id: string;
  readonly task_id: string;
  readonly slot: number;
  readonly task_path: string;
  readonly body: string;
  readonly run_id: string | null;
}

/** A row of holdpoint.checkpoint_chunk, with the checkpoint whose put wrote it. */
export interface ChunkRow extends Address, Chunk {
  readonly parent_checkpoint_id: string | null;
  readonly copied: string | null;
}

// A checkpoint that is put again keeps its parent: together with the check that the parent exists, no cycle can form.
// Each insert exists twice: for the holder of a lease, guarded by its epoch, and for use without one, guarded by the
// tombstone of the thread alone. Both refuse a checkpoint whose parent is gone: a put that comes after the deletion of
// its thread would otherwise bring back a thread whose lists have no beginning. One thing can be put though its parent
// is gone: the copy of a checkpoint that was kept when its parent was pruned. `copied` is how it is found, the versions
// of the channels as they stand in the body of both; null where the row refers to what the parent has stored. After a
// rollback or a deletion nobody is left who names the parent.

/** No row when the thread was deleted or the parent is gone. */
export const insertCheckpoint = (row: CheckpointRow) => sql`
  insert into holdpoint.checkpoint as c (tenant_id, thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id,
    run_id, metadata, metadata_exact, channels, chains, seqs, body)
  select n.* from (select ${row.tenant_id}::text as tenant_id, ${row.thread_id}::text as thread_id,
    ${row.checkpoint_ns}::text as checkpoint_ns, ${row.checkpoint_id}::uuid as checkpoint_id,
    ${row.parent_checkpoint_id}::uuid as parent_checkpoint_id, ${row.run_id}::uuid as run_id,
    ${row.metadata}::jsonb as metadata, ${row.metadata_exact}::text as metadata_exact,
    ${row.channels}::text[] as channels, ${row.chains}::uuid[] as chains, ${row.seqs}::integer[] as seqs,
    ${row.body}::text as body) n
  where not exists (select 1 from holdpoint.thread t
      where t.tenant_id = n.tenant_id and t.thread_id = n.thread_id and t.deleted_at is not null)
    and (n.parent_checkpoint_id is null or exists (select 1 from holdpoint.checkpoint p
      where p.tenant_id = n.tenant_id and p.thread_id = n.thread_id and p.checkpoint_ns = n.checkpoint_ns
        and p.checkpoint_id = n.parent_checkpoint_id and not p.remnant)
      or (${row.copied}::text is not null and exists (select 1 from holdpoint.checkpoint s
        where s.tenant_id = n.tenant_id and s.thread_id = n.thread_id and s.checkpoint_ns = n.checkpoint_ns
          and s.parent_checkpoint_id = n.parent_checkpoint_id and not s.remnant
          and strpos(s.body, ${row.copied}::text) > 0)))
  on conflict (thread_id, checkpoint_ns, checkpoint_id) do update
  set run_id = excluded.run_id, metadata = excluded.metadata,
    metadata_exact = excluded.metadata_exact, channels = excluded.channels, chains = excluded.chains,
    seqs = excluded.seqs, body = excluded.body
  where c.tenant_id = excluded.tenant_id`;

/** No row when the lease is lost or the parent is gone. */
export const insertCheckpointFenced = (row: CheckpointRow, lease_epoch: number) => sql`
  insert into holdpoint.checkpoint as c (tenant_id, thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id,
    run_id, metadata, metadata_exact, channels, chains, seqs, body)
  select n.* from (select ${row.tenant_id}::text as tenant_id, ${row.thread_id}::text as thread_id,
    ${row.checkpoint_ns}::text as checkpoint_ns, ${row.checkpoint_id}::uuid as checkpoint_id,
    ${row.parent_checkpoint_id}::uuid as parent_checkpoint_id, ${row.run_id}::uuid as run_id,
    ${row.metadata}::jsonb as metadata, ${row.metadata_exact}::text as metadata_exact,
    ${row.channels}::text[] as channels, ${row.chains}::uuid[] as chains, ${row.seqs}::integer[] as seqs,
    ${row.body}::text as body) n
  where exists (select 1 from holdpoint.thread t
      where t.tenant_id = n.tenant_id and t.thread_id = n.thread_id and t.lease_epoch = ${lease_epoch}::bigint
        and t.deleted_at is null)
    and (n.parent_checkpoint_id is null or exists (select 1 from holdpoint.checkpoint p
      where p.tenant_id = n.tenant_id and p.thread_id = n.thread_id and p.checkpoint_ns = n.checkpoint_ns
        and p.checkpoint_id = n.parent_checkpoint_id and not p.remnant)
      or (${row.copied}::text is not null and exists (select 1 from holdpoint.checkpoint s
        where s.tenant_id = n.tenant_id and s.thread_id = n.thread_id and s.checkpoint_ns = n.checkpoint_ns
          and s.parent_checkpoint_id = n.parent_checkpoint_id and not s.remnant
          and strpos(s.body, ${row.copied}::text) > 0)))
  on conflict (thread_id, checkpoint_ns, checkpoint_id) do update
  set run_id = excluded.run_id, metadata = excluded.metadata,
    metadata_exact = excluded.metadata_exact, channels = excluded.channels, chains = excluded.chains,
    seqs = excluded.seqs, body = excluded.body
  where c.tenant_id = excluded.tenant_id`;

/** Adds to a chain. A unique violation means that another branch or worker has extended it: start a new one. */
export const insertChunk = (row: ChunkRow) => sql`
  insert into holdpoint.checkpoint_chunk (tenant_id, thread_id, chain, seq, keep, body)
  select n.* from (select ${row.tenant_id}::text as tenant_id, ${row.thread_id}::text as thread_id,
    ${row.chain}::uuid as chain, ${row.seq}::integer as seq, ${row.keep}::integer as keep, ${row.body}::text as body) n
  where not exists (select 1 from holdpoint.thread t
      where t.tenant_id = n.tenant_id and t.thread_id = n.thread_id and t.deleted_at is not null)
    and (${row.parent_checkpoint_id}::uuid is null or exists (select 1 from holdpoint.checkpoint p
      where p.tenant_id = n.tenant_id and p.thread_id = n.thread_id and p.checkpoint_ns = ${row.checkpoint_ns}::text
        and p.checkpoint_id = ${row.parent_checkpoint_id}::uuid and not p.remnant)
      or (${row.copied}::text is not null and exists (select 1 from holdpoint.checkpoint s
        where s.tenant_id = n.tenant_id and s.thread_id = n.thread_id and s.checkpoint_ns = ${row.checkpoint_ns}::text
          and s.parent_checkpoint_id = ${row.parent_checkpoint_id}::uuid and not s.remnant
          and strpos(s.body, ${row.copied}::text) > 0)))`;

/** Adds to a chain under a lease. */
export const insertChunkFenced = (row: ChunkRow, lease_epoch: number) => sql`
  insert into holdpoint.checkpoint_chunk (tenant_id, thread_id, chain, seq, keep, body)
  select n.* from (select ${row.tenant_id}::text as tenant_id, ${row.thread_id}::text as thread_id,
    ${row.chain}::uuid as chain, ${row.seq}::integer as seq, ${row.keep}::integer as keep, ${row.body}::text as body) n
  where exists (select 1 from holdpoint.thread t
      where t.tenant_id = n.tenant_id and t.thread_id = n.thread_id and t.lease_epoch = ${lease_epoch}::bigint
        and t.deleted_at is null)
    and (${row.parent_checkpoint_id}::uuid is null or exists (select 1 from holdpoint.checkpoint p
      where p.tenant_id = n.tenant_id and p.thread_id = n.thread_id and p.checkpoint_ns = ${row.checkpoint_ns}::text
        and p.checkpoint_id = ${row.parent_checkpoint_id}::uuid and not p.remnant)
      or (${row.copied}::text is not null and exists (select 1 from holdpoint.checkpoint s
        where s.tenant_id = n.tenant_id and s.thread_id = n.thread_id and s.checkpoint_ns = ${row.checkpoint_ns}::text
          and s.parent_checkpoint_id = ${row.parent_checkpoint_id}::uuid and not s.remnant
          and strpos(s.body, ${row.copied}::text) > 0)))`;

/** Stores the writes of a task: of the regular ones the first call wins whole, of each special channel the last. */
export const insertWrite = (row: WriteRow) => sql`
  insert into holdpoint.checkpoint_write as w (tenant_id, thread_id, checkpoint_ns, checkpoint_id, task_id, slot,
    task_path, body, run_id)
  select n.* from (select ${row.tenant_id}::text as tenant_id, ${row.thread_id}::text as thread_id,
    ${row.checkpoint_ns}::text as checkpoint_ns, ${row.checkpoint_id}::uuid as checkpoint_id,
    ${row.task_id}::text as task_id, ${row.slot}::integer as slot, ${row.task_path}::text as task_path,
    ${row.body}::text as body, ${row.run_id}::uuid as run_id) n
  where not exists (select 1 from holdpoint.thread t
      where t.tenant_id = n.tenant_id and t.thread_id = n.thread_id and t.deleted_at is not null)
  on conflict (thread_id, checkpoint_ns, checkpoint_id, task_id, slot) do update
  set task_path = excluded.task_path, body = excluded.body, run_id = excluded.run_id,
    replaced_run_ids = case when w.run_id is distinct from excluded.run_id
      then array_append(w.replaced_run_ids, w.run_id) else w.replaced_run_ids end,
    replaced_bodies = case when w.run_id is distinct from excluded.run_id
      then array_append(w.replaced_bodies, w.body) else w.replaced_bodies end
  where w.slot < 0 and w.tenant_id = excluded.tenant_id`;

/** Stores the writes of a task under a lease. */
export const insertWriteFenced = (row: WriteRow, lease_epoch: number) => sql`
  insert into holdpoint.checkpoint_write as w (tenant_id, thread_id, checkpoint_ns, checkpoint_id, task_id, slot,
    task_path, body, run_id)
  select n.* from (select ${row.tenant_id}::text as tenant_id, ${row.thread_id}::text as thread_id,
    ${row.checkpoint_ns}::text as checkpoint_ns, ${row.checkpoint_id}::uuid as checkpoint_id,
    ${row.task_id}::text as task_id, ${row.slot}::integer as slot, ${row.task_path}::text as task_path,
    ${row.body}::text as body, ${row.run_id}::uuid as run_id) n
  where exists (select 1 from holdpoint.thread t
      where t.tenant_id = n.tenant_id and t.thread_id = n.thread_id and t.lease_epoch = ${lease_epoch}::bigint
        and t.deleted_at is null)
  on conflict (thread_id, checkpoint_ns, checkpoint_id, task_id, slot) do update
  set task_path = excluded.task_path, body = excluded.body, run_id = excluded.run_id,
    replaced_run_ids = case when w.run_id is distinct from excluded.run_id
      then array_append(w.replaced_run_ids, w.run_id) else w.replaced_run_ids end,
    replaced_bodies = case when w.run_id is distinct from excluded.run_id
      then array_append(w.replaced_bodies, w.body) else w.replaced_bodies end
  where w.slot < 0 and w.tenant_id = excluded.tenant_id`;
