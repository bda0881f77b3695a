import { bootEmbedded, type EmbeddedPostgres } from "../src/postgres/embedded.ts";
import { openPool } from "../src/postgres/pool.ts";

/** A PostgreSQL that counts what it is asked. */
export interface CountingPostgres {
  url: string;
  /** How many statements clients have sent since the last call; those inside functions are not among them. */
  statements(): Promise<number>;
  close(): Promise<void>;
}

const COUNT =
  "select coalesce(sum(calls), 0)::int as calls from pg_stat_statements where query !~ 'pg_stat_statements'";

/** Boots one in a folder of its own. */
export async function bootCounting(dataDir: string): Promise<CountingPostgres> {
  const postgres: EmbeddedPostgres = await bootEmbedded({
    dataDir,
    settings: { shared_preload_libraries: "pg_stat_statements" },
  });
  const pool = openPool({ connectionString: postgres.url, max: 1 });
  await pool.query("create extension if not exists pg_stat_statements");
  return {
    url: postgres.url,
    async statements() {
      const { rows } = await pool.query<{ calls: number }>(COUNT);
      await pool.query("select pg_stat_statements_reset()");
      return rows[0]?.calls ?? 0;
    },
    async close() {
      await pool.end();
      await postgres.release();
    },
  };
}
