// Whether what a request names is among what whoever asks may see: its metadata, or that of the thread it belongs to,
// holds what is wanted. Of what there is not, and of what is not to be seen, nothing is found.
// "case when … then true": of a containment Postgres supposes that hardly any row meets it, and would look for those first.
import type { AccessFilter } from "../policy/access-filter.ts";
import { sql } from "./sql.ts";

/** A thread that is there and may be seen. */
export const seenThread = (tenant_id: string, thread_id: string, filter: AccessFilter) => sql<{ seen: true }>`
  select true as seen from holdpoint.thread
  where tenant_id = ${tenant_id} and thread_id = ${thread_id} and deleted_at is null
    and case when metadata @> ${JSON.stringify(filter)}::jsonb then true else false end`;

/** That no thread of this id is there that may not be seen: the id may be of one, or free. */
export const noHiddenThread = (tenant_id: string, thread_id: string, filter: AccessFilter) => sql<{ seen: true }>`
  select true as seen where not exists (
    select 1 from holdpoint.thread
    where tenant_id = ${tenant_id} and thread_id = ${thread_id} and deleted_at is null
      and case when metadata @> ${JSON.stringify(filter)}::jsonb then false else true end)`;

/** Of some threads those that are there and may be seen. */
export const seenThreads = (tenant_id: string, thread_ids: readonly string[], filter: AccessFilter) => sql<{
  thread_id: string;
}>`
  select thread_id from holdpoint.thread
  where tenant_id = ${tenant_id} and thread_id = any(${thread_ids}::text[]) and deleted_at is null
    and case when metadata @> ${JSON.stringify(filter)}::jsonb then true else false end`;

/** A run of a thread that may be seen. */
export const seenRun = (tenant_id: string, run_id: string, filter: AccessFilter) => sql<{ seen: true }>`
  select true as seen from holdpoint.run r
    join holdpoint.thread t on t.tenant_id = r.tenant_id and t.thread_id = r.thread_id
  where r.tenant_id = ${tenant_id} and r.run_id = ${run_id}::uuid and t.deleted_at is null
    and case when t.metadata @> ${JSON.stringify(filter)}::jsonb then true else false end`;

/** A review of a thread that may be seen. */
export const seenReview = (tenant_id: string, review_id: string, filter: AccessFilter) => sql<{ seen: true }>`
  select true as seen from holdpoint.review r
    join holdpoint.thread t on t.tenant_id = r.tenant_id and t.thread_id = r.thread_id
  where r.tenant_id = ${tenant_id} and r.id = ${review_id}::uuid and t.deleted_at is null
    and case when t.metadata @> ${JSON.stringify(filter)}::jsonb then true else false end`;

/** A group of reviews, all of one thread, that may be seen. */
export const seenReviewGroup = (tenant_id: string, group_id: string, filter: AccessFilter) => sql<{ seen: true }>`
  select true as seen from holdpoint.review r
    join holdpoint.thread t on t.tenant_id = r.tenant_id and t.thread_id = r.thread_id
  where r.tenant_id = ${tenant_id} and r.group_id = ${group_id}::uuid and t.deleted_at is null
    and case when t.metadata @> ${JSON.stringify(filter)}::jsonb then true else false end
  limit 1`;

/** A delivery about a thread that may be seen. */
export const seenDelivery = (tenant_id: string, delivery_id: string, filter: AccessFilter) => sql<{ seen: true }>`
  select true as seen from holdpoint.delivery d
    join holdpoint.thread t on t.tenant_id = d.tenant_id and t.thread_id = d.thread_id
  where d.tenant_id = ${tenant_id} and d.delivery_id = ${delivery_id}::uuid and t.deleted_at is null
    and case when t.metadata @> ${JSON.stringify(filter)}::jsonb then true else false end`;

/** An assistant that may be seen. */
export const seenAssistant = (tenant_id: string, assistant_id: string, filter: AccessFilter) => sql<{ seen: true }>`
  select true as seen from holdpoint.assistant
  where tenant_id = ${tenant_id} and assistant_id = ${assistant_id}::uuid and case when metadata @> ${JSON.stringify(filter)}::jsonb then true else false end`;

/** A cron that may be seen. */
export const seenCron = (tenant_id: string, cron_id: string, filter: AccessFilter) => sql<{ seen: true }>`
  select true as seen from holdpoint.cron
  where tenant_id = ${tenant_id} and cron_id = ${cron_id}::uuid and case when metadata @> ${JSON.stringify(filter)}::jsonb then true else false end`;
