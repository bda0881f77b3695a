import { sql } from "./sql.ts";

/** The database that is worked on. */
export const currentDatabase = () => sql<{ name: string }>`select current_database()::text as name`;

/** Threads that there are, by id; `after` is the last one of the page before. */
export const threadsAfter = (tenant_id: string, after: string, limit: number) => sql<{ thread_id: string }>`
  select thread_id from holdpoint.thread
  where tenant_id = ${tenant_id} and deleted_at is null and thread_id > ${after}
  order by thread_id
  limit ${limit}::int`;

/** Removes the assistants that are no graph's own. */
export const deleteMadeAssistants = (tenant_id: string, own: readonly string[]) => sql`
  delete from holdpoint.assistant where tenant_id = ${tenant_id} and not (assistant_id = any(${own}::uuid[]))`;

/** Removes every cron. */
export const deleteCrons = (tenant_id: string) => sql`
  delete from holdpoint.cron where tenant_id = ${tenant_id}`;

/** Removes every item of the store. */
export const deleteItems = (tenant_id: string) => sql`
  delete from holdpoint.store_item where tenant_id = ${tenant_id}`;
