import pg from "pg";
import { expect } from "vitest";

/** How many deadlocks a database has seen. A backend tells when it ends, so all but the asking one are ended first. */
export async function deadlocksIn(url: string): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const others =
    "from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and application_name = 'holdpoint'";
  const ended = (await client.query<{ pid: number }>(`select pid, pg_terminate_backend(pid) ${others}`)).rows.map(
    ({ pid }) => pid,
  );
  const alive = async () =>
    (await client.query("select 1 from pg_stat_activity where pid = any($1)", [ended])).rows.length;
  await expect.poll(alive).toBe(0);
  const { rows } = await client.query("select deadlocks::int from pg_stat_database where datname = current_database()");
  await client.end();
  return rows[0].deadlocks;
}
