import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { guardPool, openPool } from "../../src/postgres/pool.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { openProxy } from "../support/proxy.ts";
import { until } from "../support/until.ts";

let home: TestDatabase;
let admin: pg.Client;
beforeAll(async () => {
  home = await createTestDatabase();
  admin = new pg.Client({ connectionString: home.url });
  await admin.connect();
});
afterAll(async () => {
  await admin.end();
  await home.drop();
});

/** Ends every connection but its own, as a restart of Postgres does; the runner fails on an uncaught exception. */
async function endConnections(): Promise<number> {
  const { rowCount } = await admin.query(
    `select pg_terminate_backend(pid, 5000) from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid()`,
  );
  return rowCount ?? 0;
}

test("an idle connection that is lost is told of and replaced", async () => {
  const errors: string[] = [];
  const pool = openPool({ connectionString: home.url, onError: ({ message }) => errors.push(message) });
  await pool.query("select 1");
  expect(await endConnections()).toBe(1);
  await until("the pool tells of the loss", () => errors.length > 0);
  expect((await pool.query("select 2 as two")).rows).toEqual([{ two: 2 }]);
  await pool.end();
});

test("a connection lost while somebody holds it rejects the next statement and nothing else", async () => {
  const pool = openPool({ connectionString: home.url });
  const client = await pool.connect();
  const lost = new Promise((resolve) => client.once("error", resolve));
  expect(await endConnections()).toBe(1);
  await lost;
  await expect(client.query("select 1")).rejects.toThrow();
  client.release(true);
  await pool.end();
});

test("a pool on its way out survives that its connections are ended under it", async () => {
  const pool = openPool({ connectionString: home.url, max: 5 });
  await Promise.all(Array.from({ length: 5 }, () => pool.query("select pg_sleep(0.01)")));
  const ended = pool.end();
  await endConnections();
  await ended;
  await admin.query("select 1");
});

test("a pool of somebody else's is made safe once, however often it is handed over", async () => {
  const pool = new pg.Pool({ connectionString: home.url });
  for (let times = 0; times < 20; times += 1) guardPool(pool);
  expect([pool.listenerCount("error"), pool.listenerCount("connect")]).toEqual([1, 1]);
  await pool.end();
});

test("a pool of somebody else's ends a connection that will never be answered", async () => {
  const proxy = await openProxy(home.url);
  const pool = new pg.Pool({ connectionString: proxy.url, max: 1 });
  guardPool(pool, { silentMs: 100 });
  await pool.query("select 1");
  proxy.hold("open");
  await expect(pool.query("select 2")).rejects.toThrow("none is to be expected");
  await expect(pool.query("select 3 as three")).resolves.toMatchObject({ rows: [{ three: 3 }] });
  await pool.end();
  await proxy.close();
});
