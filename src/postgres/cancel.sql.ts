import { type AccessFilter, EVERYTHING } from "../policy/access-filter.ts";
import { RUN, type RunRow } from "./runs.sql.ts";
import { sql } from "./sql.ts";

/** Open runs by filter, of one thread or of all, oldest first; `after` is the queue_seq of the last one of the page before. */
export const selectOpenRuns = (
  tenant_id: string,
  filter: {
    thread_id: string | null;
    run_ids: readonly string[] | null;
    status: string | null;
    /** Which threads' runs may be seen. */
    seen?: AccessFilter | undefined;
  },
  after: number,
  limit: number,
) => sql<RunRow>`
  select ${RUN} from holdpoint.run
  where tenant_id = ${tenant_id} and status in ('pending', 'running') and kind in ('run', 'resume')
    and (${filter.thread_id}::text is null or thread_id = ${filter.thread_id})
    and (${filter.run_ids}::uuid[] is null or run_id = any (${filter.run_ids}::uuid[]))
    and (${filter.status}::text is null or status = ${filter.status})
    and queue_seq > ${after}::bigint
    and exists (select 1 from holdpoint.thread t
      where t.tenant_id = run.tenant_id and t.thread_id = run.thread_id and t.deleted_at is null
        and case when t.metadata @> ${JSON.stringify(filter.seen ?? EVERYTHING)}::jsonb then true else false end)
  order by queue_seq
  limit ${limit}::int`;
