import { sql } from "../sql.ts";

/** The locks of two threads, in the order in which every batch takes them. */
export const lockThreads = (thread_ids: readonly string[]) => sql`
  select pg_advisory_xact_lock(k.key)
  from (
    select hashtextextended('holdpoint:thread:' || t.thread_id, 0) as key
    from unnest(${thread_ids}::text[]) as t (thread_id)
  ) k
  order by k.key`;

/** Whether a thread has checkpoints to copy, and whether anything is known of it. A deleted thread is known. */
export const selectPresence = (tenant_id: string, thread_id: string) => sql<{ stored: boolean; known: boolean }>`
  select
    exists (select 1 from holdpoint.checkpoint c
      where c.tenant_id = ${tenant_id}::text and c.thread_id = ${thread_id}::text and not c.remnant) as stored,
    exists (select 1 from holdpoint.thread t where t.tenant_id = ${tenant_id}::text and t.thread_id = ${thread_id}::text)
      or exists (select 1 from holdpoint.checkpoint c
        where c.tenant_id = ${tenant_id}::text and c.thread_id = ${thread_id}::text)
      or exists (select 1 from holdpoint.checkpoint_write w
        where w.tenant_id = ${tenant_id}::text and w.thread_id = ${thread_id}::text)
      or exists (select 1 from holdpoint.checkpoint_chunk k
        where k.tenant_id = ${tenant_id}::text and k.thread_id = ${thread_id}::text) as known`;

/** A review whose answer is on its way into the thread. */
export const selectDeciding = (tenant_id: string, thread_id: string) => sql<{ id: string; status: string }>`
  select v.id::text, v.status from holdpoint.review v
  where v.tenant_id = ${tenant_id}::text and v.thread_id = ${thread_id}::text and v.status in ('decided', 'resuming')
  order by v.id limit 1`;

/**
 * Copies the checkpoints. Where their metadata names the thread they belong to, it names the copy; which run wrote them
 * stays with the original.
 */
export const copyCheckpoints = (tenant_id: string, source: string, target: string) => sql`
  insert into holdpoint.checkpoint (tenant_id, thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, key_id,
    metadata, metadata_exact, channels, chains, seqs, body, remnant)
  select c.tenant_id, ${target}::text, c.checkpoint_ns, c.checkpoint_id, c.parent_checkpoint_id, c.key_id,
    replace(c.metadata::text, '"thread_id": ' || n.source, '"thread_id": ' || n.target)::jsonb,
    replace(c.metadata_exact, '"thread_id":' || n.source, '"thread_id":' || n.target),
    c.channels, c.chains, c.seqs, c.body, c.remnant
  from holdpoint.checkpoint c
    cross join (select to_json(${source}::text)::text as source, to_json(${target}::text)::text as target) n
  where c.tenant_id = ${tenant_id}::text and c.thread_id = ${source}::text`;

/**
 * Copies the writes without any answer: slot -4 is LangGraph's RESUME. Of a task that had read an answer its question
 * (slot -3) is left out too, and so is what was recorded for no task and not yet used: the copy asks everything itself.
 * What was used is needed on: delta channels are rebuilt from it.
 */
export const copyWrites = (tenant_id: string, source: string, target: string) => sql`
  insert into holdpoint.checkpoint_write (tenant_id, thread_id, checkpoint_ns, checkpoint_id, task_id, slot, task_path, body)
  select w.tenant_id, ${target}::text, w.checkpoint_ns, w.checkpoint_id, w.task_id, w.slot, w.task_path, w.body
  from holdpoint.checkpoint_write w
  where w.tenant_id = ${tenant_id}::text and w.thread_id = ${source}::text and w.slot <> -4
    and (w.task_id <> '00000000-0000-0000-0000-000000000000' or exists (
      select 1 from holdpoint.checkpoint child
      where child.tenant_id = w.tenant_id and child.thread_id = w.thread_id and child.checkpoint_ns = w.checkpoint_ns
        and child.parent_checkpoint_id = w.checkpoint_id))
    and not (w.slot = -3 and exists (
      select 1 from holdpoint.checkpoint_write answer
      where answer.tenant_id = w.tenant_id and answer.thread_id = w.thread_id and answer.checkpoint_ns = w.checkpoint_ns
        and answer.checkpoint_id = w.checkpoint_id and answer.task_id = w.task_id and answer.slot = -4))`;

/**
 * Copies the chunks that the checkpoints refer to and seals their chains (keep -3): the copy goes on in chains of its
 * own. What a process remembers of a chain is then right in whatever thread it meets it, also in one that was deleted
 * and copied again.
 */
export const copyChunks = (tenant_id: string, source: string, target: string) => sql`
  with used as materialized (
    select r.chain, max(r.seq) as seq
    from holdpoint.checkpoint c cross join lateral unnest(c.chains, c.seqs) as r (chain, seq)
    where c.tenant_id = ${tenant_id}::text and c.thread_id = ${source}::text
    group by r.chain)
  insert into holdpoint.checkpoint_chunk (tenant_id, thread_id, chain, seq, keep, body)
  select k.tenant_id, ${target}::text, k.chain, k.seq, k.keep, k.body
  from used u join holdpoint.checkpoint_chunk k on k.tenant_id = ${tenant_id}::text and k.thread_id = ${source}::text
    and k.chain = u.chain and k.seq <= u.seq
  union all
  select ${tenant_id}::text, ${target}::text, u.chain, u.seq + 1, -3, '' from used u`;
