import { FULLEST, type RateSettings, type RateState, ROUNDING } from "../../policy/rate-limit.ts";
import { sql } from "../sql.ts";

// What ran out has no row; until then it takes two windows at most.
const KEPT_WINDOWS = 3;

/** Takes some of a limit; no row where less is left. `excluded.at` is the moment, read once. */
export const takeFromLimit = (tenant_id: string, name: string, amount: number, { limit, per_ms }: RateSettings) => sql<{
  level: number;
}>`
  insert into holdpoint.rate_limit as r (tenant_id, name, level, at, expires_at)
  select ${tenant_id}, ${name}, ${amount}::float8, n.now,
    n.now + make_interval(secs => ${per_ms}::float8 * ${KEPT_WINDOWS}::float8 / 1000)
  from (select holdpoint.now() as now offset 0) n
  on conflict (tenant_id, name) do update
  set level = holdpoint.rate_level(r.level, r.at, excluded.at, ${limit}::float8, ${per_ms}::float8) + excluded.level,
    at = holdpoint.rate_at(r.at, excluded.at, ${per_ms}::float8),
    expires_at = excluded.expires_at
  where holdpoint.rate_level(r.level, r.at, excluded.at, ${limit}::float8, ${per_ms}::float8) + excluded.level
    <= ${limit}::float8 * (1 + ${ROUNDING}::float8)
  returning r.level`;

/** Takes more whatever is left, or gives back. */
export const adjustLimit = (
  tenant_id: string,
  name: string,
  difference: number,
  { limit, per_ms }: RateSettings,
) => sql`
  insert into holdpoint.rate_limit as r (tenant_id, name, level, at, expires_at)
  select ${tenant_id}, ${name}, least(greatest(0, ${difference}::float8), ${limit}::float8 * ${FULLEST}::float8), n.now,
    n.now + make_interval(secs => ${per_ms}::float8 * ${KEPT_WINDOWS}::float8 / 1000)
  from (select holdpoint.now() as now offset 0) n
  on conflict (tenant_id, name) do update
  set level = least(${limit}::float8 * ${FULLEST}::float8, greatest(0,
      holdpoint.rate_level(r.level, r.at, excluded.at, ${limit}::float8, ${per_ms}::float8) + ${difference}::float8)),
    at = holdpoint.rate_at(r.at, excluded.at, ${per_ms}::float8),
    expires_at = excluded.expires_at`;

/** How full a limit is, and what time it is there. */
export const readLimit = (tenant_id: string, name: string) => sql<RateState & { now_ms: number }>`
  select level, extract(epoch from at)::double precision * 1000 as at,
    extract(epoch from holdpoint.now())::double precision * 1000 as now_ms
  from holdpoint.rate_limit
  where tenant_id = ${tenant_id} and name = ${name}`;
