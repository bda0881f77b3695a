import { columns, sql } from "./sql.ts";
import type { ThreadRow } from "./threads.sql.ts";

/** Which threads are wanted; what is left out or null does not matter. */
export interface ThreadWish {
  status?: string | null | undefined;
  /** `{}` is held by all: said in so many words, the index of metadata can be used. */
  metadata: Record<string, unknown>;
  values?: unknown;
  ids?: readonly string[] | null | undefined;
}

/** What threads are sorted by. */
export const THREAD_SORTS = ["thread_id", "status", "created_at", "updated_at", "state_updated_at"] as const;

/** A page of threads, and what comes first on it. */
export interface ThreadPage {
  sort_by: (typeof THREAD_SORTS)[number];
  sort_order: "asc" | "desc";
  limit: number;
  offset: number;
}

const THREAD = columns`t.tenant_id, t.thread_id, t.status, t.graph_id, t.metadata, t.config, t."values", t.interrupts, t.error, t.lease_epoch,
  t.lease_worker_id, t.lease_until, t.created_at, t.updated_at, t.state_updated_at`;

// The values come last: they are read as a whole for each thread that all else lets through.
const MATCHES = columns`num_nulls(t.deleted_at) = 1
    and (not t.is_temporary or t.status = 'interrupted' or w.ids is not null)
    and (w.status is null or t.status = w.status)
    and (w.ids is null or t.thread_id = any(w.ids))
    and t.metadata @> w.metadata
    and (w.values is null or (t."values" is not null and holdpoint.holds(t."values", w.values)))`;

/** Threads by filter, newest first. */
export const newestThreads = (tenant_id: string, wish: ThreadWish, page: ThreadPage) => sql<ThreadRow>`
  select ${THREAD}
  from jsonb_to_record(${JSON.stringify(wish)}::jsonb) as w(status text, metadata jsonb, "values" jsonb, ids text[])
    join holdpoint.thread t on t.tenant_id = ${tenant_id}
  where ${MATCHES}
  order by t.updated_at desc, t.thread_id
  limit ${page.limit}::int offset ${page.offset}::int`;

/** The same in another order. */
export const sortedThreads = (tenant_id: string, wish: ThreadWish, page: ThreadPage) => sql<ThreadRow>`
  with found as (
    select ${THREAD},
      case ${page.sort_by}::text when 'thread_id' then t.thread_id when 'status' then t.status end as by_text,
      case ${page.sort_by}::text when 'created_at' then t.created_at when 'updated_at' then t.updated_at
        when 'state_updated_at' then t.state_updated_at end as by_time
    from jsonb_to_record(${JSON.stringify(wish)}::jsonb) as w(status text, metadata jsonb, "values" jsonb, ids text[])
      join holdpoint.thread t on t.tenant_id = ${tenant_id}
    where ${MATCHES}
  )
  select ${THREAD} from found t
  order by case when ${page.sort_order} = 'asc' then by_text end, case when ${page.sort_order} = 'desc' then by_text end desc,
    case when ${page.sort_order} = 'asc' then by_time end, case when ${page.sort_order} = 'desc' then by_time end desc, t.thread_id
  limit ${page.limit}::int offset ${page.offset}::int`;

/** How many threads match. */
export const numberOfThreads = (tenant_id: string, wish: ThreadWish) => sql<{ total: number }>`
  select count(*) as total
  from jsonb_to_record(${JSON.stringify(wish)}::jsonb) as w(status text, metadata jsonb, "values" jsonb, ids text[])
    join holdpoint.thread t on t.tenant_id = ${tenant_id}
  where ${MATCHES}`;
