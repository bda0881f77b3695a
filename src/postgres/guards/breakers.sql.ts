import type { BreakerState } from "../../policy/circuit-breaker.ts";
import { sql } from "../sql.ts";

/** A breaker as it is stored; state and version are null where nothing bad is known of it. */
export interface BreakerRow {
  state: BreakerState | null;
  version: string | null;
  /** Milliseconds since 1970, on the database's clock. */
  now_ms: number;
}

/** Where a breaker stands. */
export const readBreaker = (tenant_id: string, name: string) => sql<BreakerRow>`
  select b.state, b.version, extract(epoch from holdpoint.now())::double precision * 1000 as now_ms
  from (values (true)) one
    left join holdpoint.breaker b on b.tenant_id = ${tenant_id} and b.name = ${name}`;

/** A change of a breaker. */
export interface BreakerChange {
  tenant_id: string;
  name: string;
  version: string;
  state: BreakerState;
  keepMs: number;
}

/** The first thing that is known of a breaker; no row when somebody was faster. */
export const insertBreaker = ({ tenant_id, name, version, state, keepMs }: BreakerChange) => sql`
  insert into holdpoint.breaker (tenant_id, name, version, state, expires_at)
  values (${tenant_id}, ${name}, ${version}::uuid, ${JSON.stringify(state)}::jsonb,
    holdpoint.now() + make_interval(secs => ${keepMs}::float8 / 1000))
  on conflict (tenant_id, name) do nothing`;

/** What becomes of the breaker that was read; no row when somebody was faster. */
export const updateBreaker = ({ tenant_id, name, version, state, keepMs }: BreakerChange, read: string) => sql`
  update holdpoint.breaker
  set version = ${version}::uuid, state = ${JSON.stringify(state)}::jsonb,
    expires_at = holdpoint.now() + make_interval(secs => ${keepMs}::float8 / 1000)
  where tenant_id = ${tenant_id} and name = ${name} and version = ${read}::uuid`;
