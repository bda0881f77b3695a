/** A statement and its values, as pg takes them. */
export interface SessionStatement {
  text: string;
  values: unknown[];
}

/** Nothing is changed in it, whatever is executed. */
export const BEGIN = "begin isolation level repeatable read read only";

/** Never a commit: what waits for one, such as a notification, does not happen. Locks of the session are let go. */
export const END = "rollback; select pg_catalog.pg_advisory_unlock_all()";

/** Bounds of the transaction, and one way to write every value. `pg_temp` is named so that it does not come first. */
export function setBounds(timeoutMs: number): SessionStatement {
  return {
    text: `select
      pg_catalog.set_config('statement_timeout', $1, true),
      pg_catalog.set_config('lock_timeout', '1000', true),
      pg_catalog.set_config('idle_in_transaction_session_timeout', '60000', true),
      pg_catalog.set_config('work_mem', '16MB', true),
      pg_catalog.set_config('max_parallel_workers_per_gather', '0', true),
      pg_catalog.set_config('jit', 'off', true),
      pg_catalog.set_config('cursor_tuple_fraction', '1', true),
      pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true),
      pg_catalog.set_config('client_encoding', 'UTF8', true),
      pg_catalog.set_config('standard_conforming_strings', 'on', true),
      pg_catalog.set_config('TimeZone', 'UTC', true),
      pg_catalog.set_config('DateStyle', 'ISO, YMD', true),
      pg_catalog.set_config('IntervalStyle', 'iso_8601', true),
      pg_catalog.set_config('bytea_output', 'hex', true)`,
    values: [String(timeoutMs)],
  };
}

/** The columns of these tables; nothing for one that there is not. */
export function columnsOf(tables: readonly string[]): SessionStatement {
  return {
    text: `select given.name, a.attname::text as column_name
      from pg_catalog.unnest($1::text[]) as given (name)
      join pg_catalog.pg_attribute a on a.attrelid = pg_catalog.to_regclass(given.name)
      where a.attnum > 0 and not a.attisdropped
      order by given.name, a.attnum`,
    values: [tables],
  };
}

/** What the planner expects of a query. Without `analyze`, so that nothing is executed. */
export function explain(sql: string, values: unknown[]): SessionStatement {
  return { text: `explain (format json)\n${sql}`, values };
}

/** A cursor takes one SELECT only, and none that changes something. The line's end closes a comment. */
export function declareCursor(sql: string, values: unknown[]): SessionStatement {
  return { text: `declare holdpoint_query no scroll cursor without hold for\n${sql}`, values };
}

/** The next rows. */
export function fetchRows(count: number): SessionStatement {
  return { text: `fetch forward ${Math.trunc(count)} from holdpoint_query`, values: [] };
}
