import { afterAll, beforeAll, expect, test } from "vitest";
import { createSaver } from "../../src/postgres/checkpointer/saver.ts";
import { collect } from "../support/collect.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { type CountedSaver, checkpointOf, METADATA, openCounted } from "./support.ts";

let database: TestDatabase;
let counted: CountedSaver;

beforeAll(async () => {
  database = await createTestDatabase();
  counted = openCounted(database.url);
});
afterAll(async () => {
  await counted.end();
  await database.drop();
});

const fresh = () => createSaver({ pool: counted.pool });
/** Compared here, because a difference would print both. */
const isSame = (left: unknown, right: unknown) => JSON.stringify(left) === JSON.stringify(right);

const text = "0123456789abcdef\0ü";
const large: Record<string, unknown> = {
  "one string": text.repeat(1_100_000),
  "a list of many elements": Array.from({ length: 150_000 }, (_, index) => `${index} ${text.repeat(6)}`),
  "a dict of many members": Object.fromEntries(
    Array.from({ length: 60_000 }, (_, index) => [`key ${index}`, { index, text: text.repeat(15) }]),
  ),
  "a key of twenty megabytes": { [`"\\${"k".repeat(20_000_000)}`]: 1, small: 2 },
};

test.each(Object.entries(large))("twenty megabytes come back and can be changed: %s", async (name, value) => {
  const config = { configurable: { thread_id: name } };
  const { checkpoint, versions } = checkpointOf({ large: value, small: 1 });
  const stored = await counted.saver.put(config, checkpoint, METADATA, versions);
  const read = await fresh().getTuple(config);
  expect(isSame(read?.checkpoint.channel_values["large"], value)).toBe(true);
  // The next one says where it is.
  const next = { ...checkpointOf({ large: value, small: 2 }).checkpoint };
  await counted.saver.put(stored, next, METADATA, { small: 2 });
  const [latest] = await collect(fresh().list(config, { limit: 1 }));
  expect(latest?.checkpoint.channel_values["small"]).toBe(2);
  expect(isSame(latest?.checkpoint.channel_values["large"], value)).toBe(true);
});

test("twenty megabytes that a task writes come back", async () => {
  const config = { configurable: { thread_id: "writes" } };
  const { checkpoint, versions } = checkpointOf({ small: 1 });
  const stored = await counted.saver.put(config, checkpoint, METADATA, versions);
  await counted.saver.putWrites(stored, [["large", large["one string"]]], "task");
  expect(isSame((await fresh().getTuple(config))?.pendingWrites, [["task", "large", large["one string"]]])).toBe(true);
});

test("ten thousand channels in one checkpoint come back, small ones and big ones", async () => {
  const config = { configurable: { thread_id: "channels" } };
  const channels = Object.fromEntries(
    Array.from({ length: 10_000 }, (_, index) => [
      `channel ${index}`,
      index % 10 === 0 ? `${index} `.repeat(400) : { index },
    ]),
  );
  const { checkpoint, versions } = checkpointOf(channels);
  const stored = await counted.saver.put(config, checkpoint, METADATA, versions);
  const read = await fresh().getTuple(config);
  expect(isSame(Object.entries(read?.checkpoint.channel_values ?? {}).sort(), Object.entries(channels).sort())).toBe(
    true,
  );
  expect(read?.checkpoint.channel_versions).toEqual(versions);
  const next = checkpointOf({ ...channels, "channel 7": "changed" });
  await counted.saver.put(stored, next.checkpoint, METADATA, { "channel 7": 2 });
  const [latest] = await collect(fresh().list(config, { limit: 1 }));
  expect(Object.keys(latest?.checkpoint.channel_values ?? {})).toHaveLength(10_000);
  expect(latest?.checkpoint.channel_values["channel 7"]).toBe("changed");
  expect(latest?.checkpoint.channel_values["channel 10"]).toBe(channels["channel 10"]);
});
