import { sql } from "../sql.ts";

/** An answer whose time is not over, and how much of it is left. */
export const selectAnswer = (tenant_id: string, key: string) => sql<{ value: string; left_ms: number }>`
  select value, extract(epoch from expires_at - holdpoint.now())::double precision * 1000 as left_ms
  from holdpoint.cached_answer
  where tenant_id = ${tenant_id} and key = ${key} and expires_at > holdpoint.now()`;

/** Keeps an answer, in the place of an older one. */
export const keepAnswer = (tenant_id: string, key: string, value: string, ttlMs: number) => sql`
  insert into holdpoint.cached_answer (tenant_id, key, value, expires_at)
  values (${tenant_id}, ${key}, ${value}, holdpoint.now() + make_interval(secs => ${ttlMs}::float8 / 1000))
  on conflict (tenant_id, key) do update set value = excluded.value, expires_at = excluded.expires_at`;
