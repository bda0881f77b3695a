import { sql } from "./sql.ts";

/** Runs that execute although their time has been over for a while: whoever executes them does not see to it. */
export const overdueRuns = (graceSeconds: number, limit: number) => sql<{
  tenant_id: string;
  thread_id: string;
  run_id: string;
}>`
  select tenant_id, thread_id, run_id::text from holdpoint.run
  where status = 'running' and deadline is not null
    and deadline < holdpoint.now() - make_interval(secs => ${graceSeconds}::float8)
  order by deadline
  limit ${limit}::int`;
