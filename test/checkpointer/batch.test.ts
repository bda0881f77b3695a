import { afterAll, beforeAll, expect, test } from "vitest";
import { createWriteBatcher } from "../../src/postgres/batch.ts";
import { createSaver } from "../../src/postgres/checkpointer/saver.ts";
import { sql } from "../../src/postgres/sql.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { type CountedSaver, checkpointOf, METADATA, openCounted } from "./support.ts";

let database: TestDatabase;
let counted: CountedSaver;

beforeAll(async () => {
  database = await createTestDatabase();
  counted = openCounted(database.url);
  await counted.rows("create table public.note (id integer primary key, text text)");
});
afterAll(async () => {
  await counted.end();
  await database.drop();
});

const note = (id: number, text: string) =>
  sql<{ id: number }>`insert into public.note (id, text) values (${id}::integer, ${text}::text) returning id`;

test("a refused statement fails its own write; the others of the batch are committed, rows and all", async () => {
  const batcher = createWriteBatcher(counted.pool);
  const writes = [1, 2, 2, 3].map((id, index) =>
    batcher.submit({ thread_id: `note-${index}`, statements: [note(id, "first"), note(id + 10, "second")] }),
  );
  const results = await Promise.allSettled(writes);
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
  expect(results[2]).toMatchObject({ reason: { code: "23505" } });
  expect(results[3]).toMatchObject({
    value: [
      { rowCount: 1, rows: [{ id: 3 }] },
      { rowCount: 1, rows: [{ id: 13 }] },
    ],
  });
  expect(await counted.rows("select id from public.note order by id")).toEqual(
    [1, 2, 3, 11, 12, 13].map((id) => ({ id })),
  );
});

test("a statement the server does not know fails its batch and leaves the pool usable", async () => {
  const batcher = createWriteBatcher(counted.pool);
  const broken = batcher.submit({
    thread_id: "broken",
    statements: [sql`insert into public.nowhere values (${1}::integer)`],
  });
  await expect(broken).rejects.toThrow(/nowhere/);
  await expect(batcher.submit({ thread_id: "fine", statements: [note(30, "fine")] })).resolves.toHaveLength(1);
});

test("writes of one thread are committed in the order in which they were submitted", async () => {
  const config = { configurable: { thread_id: "order" } };
  const { checkpoint, versions } = checkpointOf({ x: 1 });
  const stored = await counted.saver.put(config, checkpoint, METADATA, versions);
  for (let round = 0; round < 20; round += 1) {
    const writes = [];
    for (let value = 0; value < 5; value += 1) {
      writes.push(counted.saver.putWrites(stored, [["__resume__", [round, value]]], "task"));
      // Lets a lane start in between, so that the next write meets one under way.
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(writes);
    expect((await counted.saver.getTuple(config))?.pendingWrites).toEqual([["task", "__resume__", [round, 4]]]);
  }
});

test("losing the connection under a write is a typed error, and the next write finds a new connection", async () => {
  const one = openCounted(database.url, 1);
  const config = { configurable: { thread_id: "lost" } };
  const { checkpoint, versions } = checkpointOf({ x: 1 });
  const stored = await one.saver.put(config, checkpoint, METADATA, versions);
  const blocker = openCounted(database.url, 1);
  await blocker.pool.query("select pg_advisory_lock(hashtextextended('holdpoint:thread:lost', 0))");
  const waiting = one.saver.putWrites(stored, [["x", 1]], "task");
  const refused = expect(waiting).rejects.toMatchObject({ code: "database_unreachable", retryable: true });
  await expect
    .poll(() =>
      counted.rows(
        `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and not granted
           and database = (select oid from pg_database where datname = current_database())`,
      ),
    )
    .toHaveLength(1);
  await refused;
  await blocker.pool.query("select pg_advisory_unlock_all()");
  await one.saver.putWrites(stored, [["x", 1]], "task");
  expect((await one.saver.getTuple(config))?.pendingWrites).toHaveLength(1);
  await Promise.all([one.end(), blocker.end()]);
});

test("without named statements, as behind an old PgBouncer, everything works the same", async () => {
  const saver = createSaver({ pool: counted.pool, prepare: false });
  const config = { configurable: { thread_id: "unnamed" } };
  const { checkpoint, versions } = checkpointOf({
    x: 1,
    list: Array.from({ length: 300 }, (_, index) => `element ${index}`),
  });
  const stored = await saver.put(config, checkpoint, METADATA, versions);
  await saver.putWrites(
    stored,
    [
      ["x", 2],
      ["__resume__", 3],
    ],
    "task",
  );
  const tuple = await saver.getTuple(config);
  expect(tuple?.checkpoint.channel_values).toEqual(checkpoint.channel_values);
  expect(tuple?.pendingWrites).toHaveLength(2);
  await saver.deleteThread("unnamed");
  expect(await saver.getTuple(config)).toBeUndefined();
});
