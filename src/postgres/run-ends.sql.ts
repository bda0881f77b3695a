import { RUN, type RunRow } from "./runs.sql.ts";
import { sql } from "./sql.ts";

/** Which runs, one array for each property. */
export interface RunKeys {
  tenant_ids: readonly string[];
  thread_ids: readonly string[];
  run_ids: readonly string[];
}

/** A run that was asked about, and has ended; nothing but its place where it is gone. */
export type EndedRow = { place: number } & (RunRow | { [Key in keyof RunRow]: null });

/** Of these runs, those that have ended or are gone, or whose thread is. */
export const endedRuns = (keys: RunKeys) => sql<EndedRow>`
  select asked_place as place, ${RUN}
  from unnest(${keys.tenant_ids}::text[], ${keys.thread_ids}::text[], ${keys.run_ids}::uuid[])
      with ordinality as w (asked_tenant_id, asked_thread_id, asked_run_id, asked_place)
    left join holdpoint.run
      on tenant_id = asked_tenant_id and run_id = asked_run_id and thread_id = asked_thread_id
      and exists (select 1 from holdpoint.thread t
        where t.tenant_id = asked_tenant_id and t.thread_id = asked_thread_id and t.deleted_at is null)
  where run_id is null or status not in ('pending', 'running')`;

/** What moves with whatever can be shown of runs, one row for each that there is. */
export const runMarks = (keys: RunKeys) => sql<{ run_id: string; mark: string }>`
  select r.run_id::text, r.status || ' ' || coalesce((
    select max(e.seq_from) from holdpoint.event e where e.tenant_id = t.tenant_id and e.thread_id = t.thread_id), 0) as mark
  from unnest(${keys.tenant_ids}::text[], ${keys.thread_ids}::text[], ${keys.run_ids}::uuid[]) as w (tenant_id, thread_id, run_id)
    join holdpoint.run r on r.tenant_id = w.tenant_id and r.run_id = w.run_id and r.thread_id = w.thread_id
    join holdpoint.thread t on t.tenant_id = w.tenant_id and t.thread_id = w.thread_id and t.deleted_at is null`;
