import { sql } from "../sql.ts";
import type { Deleted } from "./delete.sql.ts";

/** The threads that runs have written to, as far as the indexes tell. */
export const threadsOfRuns = (tenant_id: string, run_ids: readonly string[]) => sql<{
  run_id: string;
  thread_id: string;
}>`
  select c.run_id::text, c.thread_id from holdpoint.checkpoint c
  where c.tenant_id = ${tenant_id}::text and c.run_id = any (${run_ids}::uuid[])
  union
  select r.run_id::text, r.thread_id from holdpoint.run r
  where r.tenant_id = ${tenant_id}::text and r.run_id = any (${run_ids}::uuid[])`;

/** The threads of runs that have recorded writes and no checkpoint. Reads the whole table: an index would cost each write. */
export const threadsOfWriters = (tenant_id: string, run_ids: readonly string[]) => sql<{ thread_id: string }>`
  select distinct w.thread_id from holdpoint.checkpoint_write w
  where w.tenant_id = ${tenant_id}::text
    and (w.run_id = any (${run_ids}::uuid[]) or w.replaced_run_ids && ${run_ids}::uuid[])`;

/** A write that some runs recorded, or had recorded before another run replaced it. */
export interface RunWrite {
  readonly checkpoint_ns: string;
  readonly checkpoint_id: string;
  readonly run_id: string | null;
  /** True when a run that is not rolled back has replaced it. */
  readonly replaced: boolean;
}

/** The writes of runs on a thread. */
export const selectRunWrites = (tenant_id: string, thread_id: string, run_ids: readonly string[]) => sql<RunWrite>`
  select w.checkpoint_ns, w.checkpoint_id::text, w.run_id::text,
    coalesce(w.run_id <> all (${run_ids}::uuid[]), true) as replaced
  from holdpoint.checkpoint_write w
  where w.tenant_id = ${tenant_id}::text and w.thread_id = ${thread_id}::text
    and (w.run_id = any (${run_ids}::uuid[]) or w.replaced_run_ids && ${run_ids}::uuid[])`;

/** What forbids that runs are rolled back, and the checkpoint it is about; null where it is about the run itself. */
export interface RunHold {
  readonly kind: "run" | "review" | "effect";
  readonly id: string;
  readonly status: string;
  readonly checkpoint_id: string | null;
}

/** Unfinished runs among these, all questions of the thread that are not settled, and all effects. */
export const selectHolds = (tenant_id: string, thread_id: string, run_ids: readonly string[]) => sql<RunHold>`
  select 'run' as kind, r.run_id::text as id, r.status, null as checkpoint_id from holdpoint.run r
  where r.tenant_id = ${tenant_id}::text and r.thread_id = ${thread_id}::text and r.run_id = any (${run_ids}::uuid[])
    and r.status in ('pending', 'running')
  union all
  select 'review', v.id::text, v.status, case when v.resume_run_id = any (${run_ids}::uuid[]) then null else at.id::text end
  from holdpoint.review v
    cross join lateral unnest(array[v.checkpoint_id, v.asking_checkpoint_id]) as at (id)
  where v.tenant_id = ${tenant_id}::text and v.thread_id = ${thread_id}::text and at.id is not null
    and v.status in ('open', 'info_requested', 'decided', 'resuming', 'resume_failed', 'stale')
  union all
  select 'effect', e.effect_id::text, e.status, case when e.run_id = any (${run_ids}::uuid[]) then null else e.checkpoint_id::text end
  from holdpoint.effect e
  where e.tenant_id = ${tenant_id}::text and e.thread_id = ${thread_id}::text`;

/**
 * Takes back what runs have recorded on checkpoints that stay: what an earlier run had in the same place comes back,
 * and where there was none the row goes.
 */
export const takeBackWrites = (tenant_id: string, thread_id: string, run_ids: readonly string[]) => sql<Deleted>`
  with own as materialized (
    select w.checkpoint_ns, w.checkpoint_id, w.task_id, w.slot, w.replaced_run_ids, w.replaced_bodies,
      (select max(e.place)
        from unnest(w.replaced_run_ids) with ordinality as e (run_id, place)
        where coalesce(e.run_id <> all (${run_ids}::uuid[]), true)) as place
    from holdpoint.checkpoint_write w
    where w.tenant_id = ${tenant_id}::text and w.thread_id = ${thread_id}::text and w.run_id = any (${run_ids}::uuid[])),
  restored as (
    update holdpoint.checkpoint_write w
    set run_id = o.replaced_run_ids[o.place], body = o.replaced_bodies[o.place],
      replaced_run_ids = nullif(o.replaced_run_ids[:o.place - 1], '{}'),
      replaced_bodies = nullif(o.replaced_bodies[:o.place - 1], '{}')
    from own o
    where w.tenant_id = ${tenant_id}::text and w.thread_id = ${thread_id}::text and w.checkpoint_ns = o.checkpoint_ns
      and w.checkpoint_id = o.checkpoint_id and w.task_id = o.task_id and w.slot = o.slot and o.place is not null),
  gone as (
    delete from holdpoint.checkpoint_write w using own o
    where w.tenant_id = ${tenant_id}::text and w.thread_id = ${thread_id}::text and w.checkpoint_ns = o.checkpoint_ns
      and w.checkpoint_id = o.checkpoint_id and w.task_id = o.task_id and w.slot = o.slot and o.place is null
    returning 1)
  select count(*)::integer as deleted from gone`;
