import { sql } from "./sql.ts";

/** Wants an answer, whichever. */
export const areYouThere = () => sql`select 1 as yes`;

/** What our own role's backends are doing: at work, or in the middle of a statement whose rest we have not sent. */
export const busyBackends = () => sql<{ own_pid: number; working: number[]; receiving: number[] }>`
  select pg_catalog.pg_backend_pid() as own_pid,
    coalesce(pg_catalog.array_agg(a.pid) filter (where a.wait_event_type is distinct from 'Client'), '{}') as working,
    coalesce(pg_catalog.array_agg(a.pid) filter (where a.wait_event_type = 'Client'), '{}') as receiving
  from pg_catalog.pg_stat_activity a
  where a.usename = current_user and a.state = 'active'`;
