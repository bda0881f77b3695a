import { sql } from "./sql.ts";

/** Copies a thread's row; status and lease are the copy's own. */
export const copyThreadRow = (tenant_id: string, source: string, target: string) => sql<{ thread_id: string }>`
  insert into holdpoint.thread (tenant_id, thread_id, graph_id, metadata, config, "values", interrupts)
  select tenant_id, ${target}, graph_id, metadata || jsonb_build_object('forked_from', ${source}::text), config, "values", '{}'
  from holdpoint.thread where tenant_id = ${tenant_id} and thread_id = ${source} and deleted_at is null
  on conflict (thread_id) do nothing
  returning thread_id`;

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
