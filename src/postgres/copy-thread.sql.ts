import { sql } from "./sql.ts";

/** Copies a thread's row; status and lease are the copy's own. */
export const copyThreadRow = (tenant_id: string, source: string, target: string) => sql<{ thread_id: string }>`
  insert into holdpoint.thread (tenant_id, thread_id, graph_id, metadata, config, "values", interrupts)
  select tenant_id, ${target}, graph_id, metadata || jsonb_build_object('forked_from', ${source}::text), config, "values", '{}'
  from holdpoint.thread where tenant_id = ${tenant_id} and thread_id = ${source} and deleted_at is null
  on conflict (thread_id) do nothing
  returning thread_id`;

/** Copies the checkpoints. Their metadata names the thread they belong to; which run wrote them stays with the original. */
export const copyCheckpoints = (tenant_id: string, source: string, target: string) => sql`
  insert into holdpoint.checkpoint (tenant_id, thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, key_id, metadata,
    metadata_exact, channels, chains, seqs, body)
  select tenant_id, ${target}, checkpoint_ns, checkpoint_id, parent_checkpoint_id, key_id,
    replace(metadata::text, to_json(${source}::text)::text, to_json(${target}::text)::text)::jsonb,
    replace(metadata_exact, to_json(${source}::text)::text, to_json(${target}::text)::text), channels, chains, seqs, body
  from holdpoint.checkpoint where tenant_id = ${tenant_id} and thread_id = ${source}`;

/**
 * Copies the writes without any answer: slot -4 is LangGraph's RESUME. Of a task that had read an answer its question
 * (slot -3) is left out too, and so is what was recorded for no task: the copy asks everything itself.
 */
export const copyWrites = (tenant_id: string, source: string, target: string) => sql`
  insert into holdpoint.checkpoint_write (tenant_id, thread_id, checkpoint_ns, checkpoint_id, task_id, slot, task_path, body)
  select w.tenant_id, ${target}, w.checkpoint_ns, w.checkpoint_id, w.task_id, w.slot, w.task_path, w.body
  from holdpoint.checkpoint_write w
  where w.tenant_id = ${tenant_id} and w.thread_id = ${source} and w.slot <> -4
    and w.task_id <> '00000000-0000-0000-0000-000000000000'
    and not (w.slot = -3 and exists (
      select 1 from holdpoint.checkpoint_write answer
      where answer.tenant_id = w.tenant_id and answer.thread_id = w.thread_id and answer.checkpoint_ns = w.checkpoint_ns
        and answer.checkpoint_id = w.checkpoint_id and answer.task_id = w.task_id and answer.slot = -4))`;

/** Copies the chunks that the checkpoints refer to. */
export const copyChunks = (tenant_id: string, source: string, target: string) => sql`
  insert into holdpoint.checkpoint_chunk (tenant_id, thread_id, chain, seq, keep, body)
  select tenant_id, ${target}, chain, seq, keep, body
  from holdpoint.checkpoint_chunk where tenant_id = ${tenant_id} and thread_id = ${source}`;

/** True when a root task that is still to be done has read answers, itself or in a subgraph: a copy leaves them out. */
export const selectAnswered = (tenant_id: string, source: string, root_tasks: readonly string[]) => sql<{
  answered: boolean;
}>`
  select exists (
    select 1 from holdpoint.checkpoint_write w, unnest(${root_tasks}::text[]) as t (task_id)
    where w.tenant_id = ${tenant_id} and w.thread_id = ${source} and w.slot = -4
      and (w.task_id = t.task_id or strpos(w.checkpoint_ns, t.task_id) > 0)) as answered`;

/** The newest run that executed the thread's graph: its settings are the copy's. */
export const selectLastExecution = (tenant_id: string, source: string) => sql<{
  kwargs: string;
  assistant_id: string | null;
}>`
  select kwargs, assistant_id from holdpoint.run
  where tenant_id = ${tenant_id} and thread_id = ${source} and kind in ('run', 'resume') and attempt > 0
  order by queue_seq desc limit 1`;
