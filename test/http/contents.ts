import type { Database } from "../../src/postgres/database.ts";

const TABLES = [
  "thread",
  "run",
  "review",
  "decision",
  "effect",
  "checkpoint",
  "checkpoint_write",
  "event",
  "audit",
  "delivery",
  "ticket",
  "cron",
  "assistant",
  "store_item",
  "api_key",
  "principal",
  "session",
];

/** What a database holds, in digests: all that must not change by itself, of one tenant or of all. */
export async function contents({ pool }: Database, tenant_id?: string): Promise<string[]> {
  return await Promise.all(
    TABLES.map(async (table) => {
      const { rows } = await pool.query(
        `select count(*) as rows, md5(coalesce(string_agg(t::text, ',' order by t::text), '')) as sum from holdpoint.${table} t
        where $1::text is null or coalesce(to_jsonb(t) ->> 'tenant_id', $1) = $1`,
        [tenant_id ?? null],
      );
      return `${table} ${rows[0].rows} ${rows[0].sum}`;
    }),
  );
}
