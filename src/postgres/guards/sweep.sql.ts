import { sql } from "../sql.ts";

/** Removes some breakers that nobody has asked for long. */
export const deleteOldBreakers = (limit: number) => sql`
  delete from holdpoint.breaker
  where (tenant_id, name) in (
    select tenant_id, name from holdpoint.breaker
    where expires_at <= holdpoint.now()
    order by expires_at limit ${limit}::int
    for update skip locked)`;

/** Removes some limits that have run out. */
export const deleteOldLimits = (limit: number) => sql`
  delete from holdpoint.rate_limit
  where (tenant_id, name) in (
    select tenant_id, name from holdpoint.rate_limit
    where expires_at <= holdpoint.now()
    order by expires_at limit ${limit}::int
    for update skip locked)`;

/** Removes some answers whose time is over. */
export const deleteOldAnswers = (limit: number) => sql`
  delete from holdpoint.cached_answer
  where (tenant_id, key) in (
    select tenant_id, key from holdpoint.cached_answer
    where expires_at <= holdpoint.now()
    order by expires_at limit ${limit}::int
    for update skip locked)`;

/** Removes some sums that no budget is compared with any more. */
export const deleteOldSums = (limit: number) => sql`
  delete from holdpoint.spent
  where (tenant_id, scope, name, day) in (
    select tenant_id, scope, name, day from holdpoint.spent
    where expires_at <= holdpoint.now()
    order by expires_at limit ${limit}::int
    for update skip locked)`;

/** Removes some of the calls that are too old. */
export const deleteOldUsage = (days: number, limit: number) => sql`
  delete from holdpoint.usage
  where (tenant_id, at, usage_id) in (
    select u.tenant_id, u.at, u.usage_id
    from holdpoint.usage u
    where u.at <= holdpoint.now() - make_interval(days => ${days}::int)
    limit ${limit}::int
    for update skip locked)`;

/** Removes some grants of the same age. */
export const deleteOldGrants = (days: number, limit: number) => sql`
  delete from holdpoint.budget_grant
  where (tenant_id, origin_run_id, position) in (
    select tenant_id, origin_run_id, position from holdpoint.budget_grant
    where granted_at <= holdpoint.now() - make_interval(days => ${days}::int)
    limit ${limit}::int
    for update skip locked)`;
