import { sql } from "./sql.ts";

/** What a run has done that cannot be taken back: a decision about what it asked or carries, an effect that was begun. */
export const deedsOfRun = (tenant_id: string, thread_id: string, run_id: string) => sql<{
  kind: "review" | "effect";
  id: string;
}>`
  select 'review' as kind, v.id::text as id from holdpoint.review v
  where v.tenant_id = ${tenant_id} and v.thread_id = ${thread_id} and v.decided_at is not null
    and (v.run_id = ${run_id}::uuid or v.resume_run_id = ${run_id}::uuid)
  union all
  select 'effect', e.effect_id::text from holdpoint.effect e
  where e.tenant_id = ${tenant_id} and e.thread_id = ${thread_id} and e.run_id = ${run_id}::uuid
  limit 1`;

/** The newest root checkpoint that is not this run's: the head, once the run is gone. */
export const selectHeadWithout = (tenant_id: string, thread_id: string, run_id: string) => sql<{
  checkpoint_id: string;
}>`
  select checkpoint_id::text from holdpoint.checkpoint
  where tenant_id = ${tenant_id} and thread_id = ${thread_id} and checkpoint_ns = '' and not remnant
    and run_id is distinct from ${run_id}::uuid
  order by checkpoint_id desc limit 1`;

/**
 * Removes a run's row and what says how it went. Its events stay until the thread goes: their ids are the thread's, and
 * one that was shown is never given again.
 */
export const deleteRunRow = (tenant_id: string, thread_id: string, run_id: string) => sql`
  with attempts as (
    delete from holdpoint.run_attempt where tenant_id = ${tenant_id} and run_id = ${run_id}::uuid
  ), nodes as (
    delete from holdpoint.node_execution
    where tenant_id = ${tenant_id} and thread_id = ${thread_id} and run_id = ${run_id}::uuid
  )
  delete from holdpoint.run where tenant_id = ${tenant_id} and thread_id = ${thread_id} and run_id = ${run_id}::uuid`;

/** Says of a thread again that it belongs to the graph of the newest run that is left. */
export const restampThread = (tenant_id: string, thread_id: string) => sql`
  update holdpoint.thread t
  set graph_id = r.graph_id,
      metadata = t.metadata || jsonb_strip_nulls(jsonb_build_object('graph_id', r.graph_id, 'assistant_id', r.assistant_id))
  from (
    select graph_id, assistant_id from holdpoint.run
    where tenant_id = ${tenant_id} and thread_id = ${thread_id} and kind in ('run', 'resume')
    order by queue_seq desc limit 1) r
  where t.tenant_id = ${tenant_id} and t.thread_id = ${thread_id}
    and (t.graph_id, t.metadata ->> 'assistant_id') is distinct from (r.graph_id, r.assistant_id::text)`;

/** What the end of the newest run that is left says about its thread. */
export const selectLastEnd = (tenant_id: string, thread_id: string) => sql<{ status: string; error: string | null }>`
  select status, error from holdpoint.run
  where tenant_id = ${tenant_id} and thread_id = ${thread_id} and ended_at is not null and kind in ('run', 'resume')
  order by ended_at desc, queue_seq desc limit 1`;

/** Puts a thread back to what it was before a run. */
export const restoreThread = (
  tenant_id: string,
  thread_id: string,
  state: { status: string; values: string | null; interrupts: string; error: string | null },
) => sql`
  update holdpoint.thread
  set status = ${state.status}, "values" = ${state.values}, error = ${state.error}, updated_at = holdpoint.now(),
      interrupts = case when ${state.status} = 'interrupted' then ${state.interrupts} else '{}' end,
      state_updated_at = holdpoint.now()
  where tenant_id = ${tenant_id} and thread_id = ${thread_id}`;
