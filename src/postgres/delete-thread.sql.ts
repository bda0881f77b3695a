import type { AccessFilter } from "../policy/access-filter.ts";
import { sql } from "./sql.ts";

/** What has been done on a thread that cannot be taken back: a decision, an effect that was begun. */
export const deedOfThread = (tenant_id: string, thread_id: string) => sql<{ what: string }>`
  select 'a decision (review ' || v.id || ')' as what from holdpoint.review v
  where v.tenant_id = ${tenant_id} and v.thread_id = ${thread_id} and v.decided_at is not null
  union all
  select 'effect ' || e.effect_id from holdpoint.effect e
  where e.tenant_id = ${tenant_id} and e.thread_id = ${thread_id}
  limit 1`;

/** Threads of an assistant that may be seen, by id; `after` is the last one of the page before. */
export const threadsOfAssistant = (
  tenant_id: string,
  assistant_id: string,
  seen: AccessFilter,
  after: string,
  limit: number,
) => sql<{
  thread_id: string;
  graph_id: string | null;
}>`
  select thread_id, graph_id from holdpoint.thread
  where tenant_id = ${tenant_id} and deleted_at is null and thread_id > ${after}
    and metadata @> jsonb_build_object('assistant_id', ${assistant_id}::text)
    and case when metadata @> ${JSON.stringify(seen)}::jsonb then true else false end
  order by thread_id
  limit ${limit}::int`;
