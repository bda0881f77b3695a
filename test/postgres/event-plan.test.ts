import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { insertEvents } from "../../src/postgres/events.sql.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";

const THREAD = "11111111-1111-4111-8111-111111111111";
const RUN = "22222222-2222-4222-8222-222222222222";
const ROWS = 20_000;

let home: TestDatabase;
let client: pg.Client;
beforeAll(async () => {
  home = await createTestDatabase();
  client = new pg.Client({ connectionString: home.url });
  await client.connect();
  // Prepared for good while there is nothing in the tables, as by a worker that starts on an empty database.
  await client.query("set plan_cache_mode = force_generic_plan");
});
afterAll(async () => {
  await client?.end();
  await home?.drop();
});

test("a batch of events finds the end of a thread of 20,000 rows without walking through them", async () => {
  const batch = {
    tenant_id: "default",
    thread_id: THREAD,
    run_id: RUN,
    lease_epoch: 1,
    attempt: 1,
    count: 3,
    body: "[]",
  };
  const { text, values } = insertEvents(batch);
  await client.query(`prepare storing as ${text}`);
  const store = `execute storing(${values.map((value) => client.escapeLiteral(String(value))).join(",")})`;
  await client.query("insert into holdpoint.thread (thread_id, lease_epoch) values ($1, 1)", [THREAD]);
  await client.query(store);
  await client.query(
    `insert into holdpoint.event (thread_id, seq_from, seq_to, run_id, attempt, body)
     select $1, 2 * n, 2 * n + 1, $2::uuid, 1, '[]' from generate_series(2, ${ROWS}) n`,
    [THREAD, RUN],
  );

  const { rows } = await client.query(`explain (analyze, buffers, format json) ${store}`);

  const [{ Plan: plan }] = rows[0]["QUERY PLAN"];
  expect(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]).toBeLessThan(60);
  const { rows: newest } = await client.query(
    "select seq_from, seq_to from holdpoint.event order by seq_from desc limit 2",
  );
  expect(newest.map(({ seq_from, seq_to }) => [Number(seq_from), Number(seq_to)])).toEqual([
    [2 * ROWS + 2, 2 * ROWS + 4],
    [2 * ROWS, 2 * ROWS + 1],
  ]);
});
