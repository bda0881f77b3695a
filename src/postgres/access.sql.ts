// Whether what a request names is among what whoever asks may see: its metadata, or that of the thread it is about, holds
// what is wanted. Of what there is not, and of what is not to be seen, nothing is found.
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

/** The thread that a run is on. */
export const threadOfRun = (tenant_id: string, run_id: string) => sql<{ thread_id: string }>`
  select thread_id from holdpoint.run where tenant_id = ${tenant_id} and run_id = ${run_id}::uuid`;

/** The thread that a review is about. */
export const threadOfReview = (tenant_id: string, review_id: string) => sql<{ thread_id: string }>`
  select thread_id from holdpoint.review where tenant_id = ${tenant_id} and id = ${review_id}::uuid`;

/** The one thread that a group of reviews is about. */
export const threadOfReviewGroup = (tenant_id: string, group_id: string) => sql<{ thread_id: string }>`
  select thread_id from holdpoint.review where tenant_id = ${tenant_id} and group_id = ${group_id}::uuid limit 1`;

/** The thread that a delivery tells of. */
export const threadOfDelivery = (tenant_id: string, delivery_id: string) => sql<{ thread_id: string }>`
  select thread_id from holdpoint.delivery where tenant_id = ${tenant_id} and delivery_id = ${delivery_id}::uuid`;

/** The thread that a ticket was opened in. */
export const threadOfTicket = (tenant_id: string, ticket_id: string) => sql<{ thread_id: string }>`
  select thread_id from holdpoint.ticket where tenant_id = ${tenant_id} and ticket_id = ${ticket_id}::uuid`;

/** The thread that an effect is of. */
export const threadOfEffect = (tenant_id: string, effect_id: string) => sql<{ thread_id: string }>`
  select thread_id from holdpoint.effect where tenant_id = ${tenant_id} and effect_id = ${effect_id}::uuid`;

/** An assistant that may be seen. */
export const seenAssistant = (tenant_id: string, assistant_id: string, filter: AccessFilter) => sql<{ seen: true }>`
  select true as seen from holdpoint.assistant
  where tenant_id = ${tenant_id} and assistant_id = ${assistant_id}::uuid and case when metadata @> ${JSON.stringify(filter)}::jsonb then true else false end`;

/** A cron that may be seen. */
export const seenCron = (tenant_id: string, cron_id: string, filter: AccessFilter) => sql<{ seen: true }>`
  select true as seen from holdpoint.cron
  where tenant_id = ${tenant_id} and cron_id = ${cron_id}::uuid and case when metadata @> ${JSON.stringify(filter)}::jsonb then true else false end`;
