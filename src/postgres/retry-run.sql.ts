import { sql } from "./sql.ts";

/** The run that came last on a thread; copies of it change nothing there. */
export const newestRunOfThread = (tenant_id: string, thread_id: string) => sql<{ run_id: string; status: string }>`
  select run_id, status from holdpoint.run
  where tenant_id = ${tenant_id} and thread_id = ${thread_id} and kind <> 'copy'
  order by created_at desc, queue_seq desc
  limit 1`;
