import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { isHeld, readAccessFilter } from "../../src/policy/access-filter.ts";
import { noHiddenThread, seenThread } from "../../src/postgres/access.sql.ts";
import { leaseHeld } from "../../src/postgres/fence.sql.ts";
import { newestRunsSeen } from "../../src/postgres/run-list.sql.ts";
import type { Statement } from "../../src/postgres/sql.ts";
import { newestThreads } from "../../src/postgres/thread-list.sql.ts";
import { selectThread, threadForUpdate } from "../../src/postgres/threads.sql.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";

let home: TestDatabase;
let client: pg.Client;
beforeAll(async () => {
  home = await createTestDatabase();
  client = new pg.Client({ connectionString: home.url });
  await client.connect();
  // As on the first busy day: many rows, and nobody has looked at them yet.
  await client.query("alter table holdpoint.thread set (autovacuum_enabled = false)");
  await client.query(
    "insert into holdpoint.thread (thread_id) select gen_random_uuid() from generate_series(1, 20000)",
  );
  await client.query("set plan_cache_mode = force_generic_plan");
});
afterAll(async () => {
  await client.end();
  await home.drop();
});

/** Which indexes a statement is planned over. */
async function indexesOf({ text, values }: Statement): Promise<string[]> {
  await client.query(`prepare probe as ${text}`);
  const args = values.map((value) => (value === null ? "null" : client.escapeLiteral(String(value))));
  const { rows } = await client.query<{ "QUERY PLAN": string }>(
    `explain (format text) execute probe(${args.join(",")})`,
  );
  await client.query("deallocate probe");
  const places = rows.map((row) =>
    /Index Scan (?:Backward )?using (\w+)|Bitmap Index Scan on (\w+)/.exec(row["QUERY PLAN"]),
  );
  return places.flatMap((place) => place?.[1] ?? place?.[2] ?? []);
}

test.each([
  ["the verdict of the fence", leaseHeld("default", "t", 1)],
  ["reading a thread", selectThread("default", "t")],
  ["locking a thread", threadForUpdate("default", "t")],
  ["whether a thread may be seen", seenThread("default", "t", { owner: "ana" })],
  ["whether an id is free or may be seen", noHiddenThread("default", "t", { owner: "ana" })],
])("%s looks at one thread, also while the table has no statistics", async (_name, statement) => {
  expect(await indexesOf(statement)).toEqual(["thread_pkey"]);
});

test("the runs that somebody may see are found by the threads that they may see", async () => {
  const filter = { graph_id: null, thread_id: null, status: null, seconds_ago: null, at: null, limit: 20 };
  const indexes = await indexesOf(newestRunsSeen("default", { ...filter, seen: { owner: "ana" } }));
  expect(indexes).toContain("thread_metadata");
  expect(indexes.some((name) => name.startsWith("run_"))).toBe(true);
});

test("the listing goes by the index of the newest threads", async () => {
  const page = { sort_by: "updated_at", sort_order: "desc", limit: 10, offset: 0 } as const;
  expect(await indexesOf(newestThreads("default", { metadata: {} }, page))).toEqual(["thread_recent"]);
});

test("what may be seen is the same to the program and to the database", async () => {
  const filters = [
    { owner: "ana" },
    { owner: null },
    { owner: 1 },
    { owner: { $contains: "ana" } },
    { owner: { $contains: [] } },
    { owner: { $contains: ["ana", 1] } },
    {},
  ].map(readAccessFilter);
  const metadata = ["ana", "an", null, 1, 1.5, true, ["ana"], ["ana", 1, null], [["ana"]], [], {}, { ana: 1 }].map(
    (owner) => ({ owner }),
  );
  const cases = filters.flatMap((filter) => [{}, ...metadata].map((one) => ({ filter, one })));
  const { rows } = await client.query<{ held: boolean }>(
    "select c.one @> c.filter as held from jsonb_to_recordset($1::jsonb) as c(filter jsonb, one jsonb)",
    [JSON.stringify(cases)],
  );
  expect(rows.map(({ held }) => held)).toEqual(cases.map(({ filter, one }) => isHeld(filter, one)));
});
