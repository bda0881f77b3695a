import { sql } from "../sql.ts";
import type { Address } from "./address.ts";

/** A checkpoint of a page. */
export interface ListedCheckpoint extends Address {
  readonly checkpoint_id: string;
  readonly parent_checkpoint_id: string | null;
  readonly metadata: string;
  readonly body: string;
  readonly chains: string | null;
  readonly seqs: string | null;
}

/** What narrows a list; null means any. */
export interface ListFilter {
  readonly checkpoint_id: string | null;
  /** Only older checkpoints: the caller's bound, or the last row of the page before. */
  readonly before: string | null;
  /** Contained in the metadata, as JSON text. */
  readonly metadata: string | null;
  readonly limit: number;
}

/** A page of one namespace, newest first: an index range scan however long the history is. */
export const pageOfNamespace = ({ tenant_id, thread_id, checkpoint_ns }: Address, filter: ListFilter) =>
  sql<ListedCheckpoint>`
  select c.tenant_id, c.thread_id, c.checkpoint_ns, c.checkpoint_id::text, c.parent_checkpoint_id::text,
    coalesce(c.metadata_exact, c.metadata::text) as metadata, c.body, c.chains::text, c.seqs::text
  from holdpoint.checkpoint c
  where c.tenant_id = ${tenant_id}::text and c.thread_id = ${thread_id}::text and c.checkpoint_ns = ${checkpoint_ns}::text
    and not c.remnant and (${filter.checkpoint_id}::uuid is null or c.checkpoint_id = ${filter.checkpoint_id}::uuid)
    and (${filter.before}::uuid is null or c.checkpoint_id < ${filter.before}::uuid)
    and (${filter.metadata}::jsonb is null or c.metadata @> ${filter.metadata}::jsonb)
  order by c.checkpoint_id desc
  limit ${filter.limit}::integer`;

/** Where a list over several namespaces or threads goes on. */
export interface ListCursor {
  readonly checkpoint_id: string | null;
  readonly thread_id: string | null;
  readonly checkpoint_ns: string | null;
}

/** A page over all namespaces of a thread, or over all threads. */
export const pageOfAll = (
  tenant_id: string,
  thread_id: string | null,
  checkpoint_ns: string | null,
  filter: ListFilter,
  after: ListCursor,
) => sql<ListedCheckpoint>`
  select c.tenant_id, c.thread_id, c.checkpoint_ns, c.checkpoint_id::text, c.parent_checkpoint_id::text,
    coalesce(c.metadata_exact, c.metadata::text) as metadata, c.body, c.chains::text, c.seqs::text
  from holdpoint.checkpoint c
  where c.tenant_id = ${tenant_id}::text and not c.remnant
    and (${thread_id}::text is null or c.thread_id = ${thread_id}::text)
    and (${checkpoint_ns}::text is null or c.checkpoint_ns = ${checkpoint_ns}::text)
    and (${filter.checkpoint_id}::uuid is null or c.checkpoint_id = ${filter.checkpoint_id}::uuid)
    and (${filter.before}::uuid is null or c.checkpoint_id < ${filter.before}::uuid)
    and (${filter.metadata}::jsonb is null or c.metadata @> ${filter.metadata}::jsonb)
    and (${after.checkpoint_id}::uuid is null
      or (c.checkpoint_id, c.thread_id, c.checkpoint_ns)
        < (${after.checkpoint_id}::uuid, ${after.thread_id}::text collate "C", ${after.checkpoint_ns}::text collate "C"))
  order by c.checkpoint_id desc, c.thread_id desc, c.checkpoint_ns desc
  limit ${filter.limit}::integer`;

/** A write of a page's checkpoint; nulls where it has none. */
export interface ListedWrite {
  readonly thread_id: string;
  readonly checkpoint_ns: string;
  readonly checkpoint_id: string;
  readonly task_id: string | null;
  readonly task_path: string;
  readonly body: string;
}

/** The writes of the checkpoints of a page that are still there, and at least one row for each of these. */
export const writesOfPage = (
  tenant_id: string,
  thread_ids: readonly string[],
  checkpoint_nss: readonly string[],
  checkpoint_ids: readonly string[],
) => sql<ListedWrite>`
  select c.thread_id, c.checkpoint_ns, c.checkpoint_id::text, w.task_id, w.task_path, w.body
  from unnest(${thread_ids}::text[], ${checkpoint_nss}::text[], ${checkpoint_ids}::uuid[])
      as p (thread_id, checkpoint_ns, checkpoint_id)
    join holdpoint.checkpoint c on c.tenant_id = ${tenant_id}::text and c.thread_id = p.thread_id
      and c.checkpoint_ns = p.checkpoint_ns and c.checkpoint_id = p.checkpoint_id and not c.remnant
    left join holdpoint.checkpoint_write w on w.tenant_id = c.tenant_id and w.thread_id = c.thread_id
      and w.checkpoint_ns = c.checkpoint_ns and w.checkpoint_id = c.checkpoint_id`;

/** A chunk of a chain that a page refers to. */
export interface ListedChunk {
  readonly thread_id: string;
  readonly chain: string;
  readonly seq: number;
  readonly keep: number;
  readonly body: string;
}

/** The chains of a page, each up to the newest element the page needs. */
export const chunksOfPage = (
  tenant_id: string,
  thread_ids: readonly string[],
  chains: readonly string[],
  seqs: readonly number[],
) => sql<ListedChunk>`
  select k.thread_id, k.chain::text, k.seq, k.keep, k.body
  from unnest(${thread_ids}::text[], ${chains}::uuid[], ${seqs}::integer[]) as r (thread_id, chain, seq)
    join holdpoint.checkpoint_chunk k on k.tenant_id = ${tenant_id}::text and k.thread_id = r.thread_id
      and k.chain = r.chain and k.seq <= r.seq
  order by k.thread_id, k.chain, k.seq`;
