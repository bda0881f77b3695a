import { afterAll, beforeAll, expect, test } from "vitest";
import { HoldpointSaver } from "../../src/checkpointer.ts";
import { openPool } from "../../src/postgres/pool.ts";
import { createEmptyDatabase, type TestDatabase } from "../support/postgres.ts";
import { checkpointOf, METADATA } from "./support.ts";

let empty: TestDatabase;
beforeAll(async () => {
  empty = await createEmptyDatabase();
});
afterAll(() => empty.drop());

const config = { configurable: { thread_id: "thread" } };

test("a saver over a pool of the project's own sets the tables up and leaves the pool open", async () => {
  const pool = openPool({ connectionString: empty.url, max: 1 });
  const saver = HoldpointSaver.fromPool(pool);
  await saver.setup();
  await saver.setup();
  const { checkpoint, versions } = checkpointOf({ x: 1 });
  await saver.put(config, checkpoint, METADATA, versions);
  await saver.end();
  expect((await HoldpointSaver.fromPool(pool).getTuple(config))?.checkpoint.channel_values).toEqual({ x: 1 });
  expect((await pool.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
  await pool.end();
});

test("setting up a database that is not there says which one, and not with which password", async () => {
  const saver = HoldpointSaver.fromConnString("postgresql://ana:secret@127.0.0.1:1/nowhere");
  const error = await saver.setup().catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "database_unreachable", message: expect.stringContaining("127.0.0.1") });
  expect(String(error)).not.toContain("secret");
  await saver.end();
});

test("setting up a database whose migrations were edited is refused and changes nothing", async () => {
  const pool = openPool({ connectionString: empty.url, max: 1 });
  const { rows } = await pool.query<{ name: string }>(
    "select name from holdpoint.schema_migration order by name limit 1",
  );
  await pool.query("update holdpoint.schema_migration set sha256 = 'other' where name = $1", [rows[0]?.name]);
  const saver = HoldpointSaver.fromPool(pool);
  await expect(saver.setup()).rejects.toMatchObject({ code: "migration_edited" });
  // The connection that failed is not used again.
  expect((await pool.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
  await pool.end();
});
