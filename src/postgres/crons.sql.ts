import { columns, sql } from "./sql.ts";

/** A cron as it is stored. */
export interface CronRow {
  tenant_id: string;
  cron_id: string;
  assistant_id: string;
  thread_id: string | null;
  principal_id: string;
  schedule: string;
  timezone: string;
  end_time: string | null;
  enabled: boolean;
  on_run_completed: "delete" | "keep";
  payload: string;
  metadata: Record<string, unknown>;
  next_run_at: string | null;
  last_occurrence_at: string | null;
  last_run_id: string | null;
  last_error: string | null;
  created_at: string;
  updated_at: string;
}

const CRON = columns`tenant_id, cron_id, assistant_id, thread_id, principal_id, schedule, timezone, end_time, enabled, on_run_completed,
  payload, metadata, next_run_at, last_occurrence_at, last_run_id, last_error, created_at, updated_at`;

/** What a new cron is made of. */
export type NewCron = Omit<
  CronRow,
  "last_occurrence_at" | "last_run_id" | "last_error" | "created_at" | "updated_at" | "metadata"
> & { metadata: unknown };

/** Stores a cron. */
export const insertCron = (cron: NewCron) => sql<CronRow>`
  insert into holdpoint.cron (tenant_id, cron_id, assistant_id, thread_id, principal_id, schedule, timezone, end_time, enabled,
    on_run_completed, payload, metadata, next_run_at)
  values (${cron.tenant_id}, ${cron.cron_id}::uuid, ${cron.assistant_id}::uuid, ${cron.thread_id}, ${cron.principal_id},
    ${cron.schedule}, ${cron.timezone}, ${cron.end_time}::timestamptz, ${cron.enabled}::boolean, ${cron.on_run_completed},
    ${cron.payload}, ${JSON.stringify(cron.metadata)}::jsonb, ${cron.next_run_at}::timestamptz)
  returning ${CRON}`;

/** One cron. */
export const selectCron = (tenant_id: string, cron_id: string) => sql<CronRow>`
  select ${CRON} from holdpoint.cron where tenant_id = ${tenant_id} and cron_id = ${cron_id}::uuid`;

/** One cron, locked. */
export const cronForUpdate = (tenant_id: string, cron_id: string) => sql<CronRow & { now: string }>`
  select ${CRON}, holdpoint.now() as now from holdpoint.cron
  where tenant_id = ${tenant_id} and cron_id = ${cron_id}::uuid
  for no key update`;

/** Changes a cron. */
export const changeCron = (cron: NewCron) => sql<CronRow>`
  update holdpoint.cron
  set schedule = ${cron.schedule}, timezone = ${cron.timezone}, end_time = ${cron.end_time}::timestamptz,
      enabled = ${cron.enabled}::boolean, on_run_completed = ${cron.on_run_completed}, payload = ${cron.payload},
      metadata = ${JSON.stringify(cron.metadata)}::jsonb, next_run_at = ${cron.next_run_at}::timestamptz, updated_at = holdpoint.now()
  where tenant_id = ${cron.tenant_id} and cron_id = ${cron.cron_id}::uuid
  returning ${CRON}`;

/** Removes a cron, after the occurrence that is being made. */
export const removeCron = (tenant_id: string, cron_id: string) => sql`
  delete from holdpoint.cron where tenant_id = ${tenant_id} and cron_id = ${cron_id}::uuid`;

/**
 * Switches off the crons of a thread and says why. Whoever makes an occurrence holds the cron and asks for the thread's
 * lock: one that is locked is left for later.
 */
export const disableCronsOfThread = (tenant_id: string, thread_id: string, reason: string) => sql`
  update holdpoint.cron
  set enabled = false, next_run_at = null, last_error = ${reason}, updated_at = holdpoint.now()
  where tenant_id = ${tenant_id} and cron_id in (
    select cron_id from holdpoint.cron
    where tenant_id = ${tenant_id} and thread_id = ${thread_id} and enabled
    for no key update skip locked)`;

/** What crons can be searched by. */
export interface CronFilter {
  assistant_id: string | null;
  thread_id: string | null;
  enabled: boolean | null;
  metadata: unknown;
  /** Only those of one principal. */
  principal_id?: string | null | undefined;
}

/** What crons are sorted by. */
export const CRON_SORTS = [
  "cron_id",
  "assistant_id",
  "thread_id",
  "created_at",
  "updated_at",
  "next_run_date",
] as const;

/** A page of crons, and what comes first on it. */
export interface CronPage {
  limit: number;
  offset: number;
  sort_by: (typeof CRON_SORTS)[number];
  sort_order: "asc" | "desc";
}

/** Crons by filter. */
export const listCrons = (tenant_id: string, filter: CronFilter & CronPage) => sql<CronRow>`
  with found as (
    select ${CRON},
      case ${filter.sort_by}::text when 'cron_id' then cron_id::text when 'assistant_id' then assistant_id::text
        when 'thread_id' then thread_id end as by_text,
      case ${filter.sort_by}::text when 'created_at' then created_at when 'updated_at' then updated_at
        when 'next_run_date' then next_run_at end as by_time
    from holdpoint.cron
    where tenant_id = ${tenant_id}
      and (${filter.assistant_id}::uuid is null or assistant_id = ${filter.assistant_id}::uuid)
      and (${filter.thread_id}::text is null or thread_id = ${filter.thread_id})
      and (${filter.enabled}::boolean is null or enabled = ${filter.enabled}::boolean)
      and (${filter.principal_id ?? null}::text is null or principal_id = ${filter.principal_id ?? null})
    and metadata @> ${JSON.stringify(filter.metadata)}::jsonb
  )
  select ${CRON} from found
  order by case when ${filter.sort_order} = 'asc' then by_text end, case when ${filter.sort_order} = 'desc' then by_text end desc nulls last,
    case when ${filter.sort_order} = 'asc' then by_time end, case when ${filter.sort_order} = 'desc' then by_time end desc nulls last,
    cron_id
  limit ${filter.limit}::int offset ${filter.offset}::int`;

/** How many crons a filter finds. */
export const numberOfCrons = (tenant_id: string, filter: CronFilter) => sql<{ crons: number }>`
  select count(*) as crons from holdpoint.cron
  where tenant_id = ${tenant_id}
    and (${filter.assistant_id}::uuid is null or assistant_id = ${filter.assistant_id}::uuid)
    and (${filter.thread_id}::text is null or thread_id = ${filter.thread_id})
    and (${filter.enabled}::boolean is null or enabled = ${filter.enabled}::boolean)
    and (${filter.principal_id ?? null}::text is null or principal_id = ${filter.principal_id ?? null})
    and metadata @> ${JSON.stringify(filter.metadata)}::jsonb`;

/** Crons that are due and whose graph is loaded here; a hint only, everything is checked again under the lock. */
export const dueCrons = (graph_ids: readonly string[], limit: number) => sql<{
  tenant_id: string;
  id: string;
  turn: string;
}>`
  select c.tenant_id, c.cron_id::text as id, extract(epoch from c.next_run_at)::text as turn from holdpoint.cron c
  join holdpoint.assistant a on a.tenant_id = c.tenant_id and a.assistant_id = c.assistant_id
  where c.enabled and c.next_run_at <= holdpoint.now() and a.graph_id = any(${graph_ids}::text[])
  order by c.next_run_at limit ${limit}::int`;

/** Takes a cron that is due, unless somebody else is making its occurrence just now. */
export const dueCronForUpdate = (tenant_id: string, cron_id: string) => sql<
  CronRow & { next_run_at: string; now: string }
>`
  select ${CRON}, holdpoint.now() as now from holdpoint.cron
  where tenant_id = ${tenant_id} and cron_id = ${cron_id}::uuid and enabled and next_run_at <= holdpoint.now()
  for no key update skip locked`;

/** Goes on to the next occurrence, with what came of this one. */
export const advanceCron = (
  { tenant_id, cron_id, next_run_at }: Pick<CronRow, "tenant_id" | "cron_id" | "next_run_at">,
  next: string | null,
  came: { run_id: string | null; error: string | null },
) => sql`
  update holdpoint.cron
  set next_run_at = ${next}::timestamptz, last_occurrence_at = ${next_run_at}::timestamptz, last_run_id = ${came.run_id}::uuid,
      last_error = ${came.error}::text
  where tenant_id = ${tenant_id} and cron_id = ${cron_id}::uuid`;
