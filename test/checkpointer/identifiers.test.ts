import { uuid6 } from "@langchain/langgraph-checkpoint";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
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

const put = (configurable: Record<string, unknown>, id?: string) => {
  const { checkpoint, versions } = checkpointOf({ x: 1 });
  return counted.saver.put({ configurable }, id === undefined ? checkpoint : { ...checkpoint, id }, METADATA, versions);
};

const hostile: [string, Record<string, unknown>][] = [
  ["NUL in thread_id", { thread_id: "a\0b" }],
  ["a lone surrogate in thread_id", { thread_id: "\ud800" }],
  ["a thread_id of 10,000 characters", { thread_id: "x".repeat(10_000) }],
  ["a thread_id that is no string", { thread_id: { toString: () => "x" } }],
  ["NUL in checkpoint_ns", { thread_id: "t", checkpoint_ns: "a\0" }],
  ["a checkpoint_ns of 10,000 characters", { thread_id: "t", checkpoint_ns: "n".repeat(10_000) }],
  ["a lone surrogate in checkpoint_ns", { thread_id: "t", checkpoint_ns: "\udfff" }],
  ["a checkpoint_id that is no UUID", { thread_id: "t", checkpoint_id: "'; drop table holdpoint.run; --" }],
];

describe("identifiers that cannot exist", () => {
  test.each(hostile)("%s: a read finds nothing", async (_, configurable) => {
    expect(await counted.saver.getTuple({ configurable })).toBeUndefined();
    expect(await collect(counted.saver.list({ configurable }))).toEqual([]);
    expect(await counted.saver.getDeltaChannelHistory({ config: { configurable }, channels: ["x"] })).toEqual({
      x: { writes: [] },
    });
  });

  test.each(hostile)("%s: a write is refused with what is wrong", async (_, configurable) => {
    await expect(put(configurable)).rejects.toMatchObject({ code: "invalid", status: 422 });
    await expect(
      counted.saver.putWrites({ configurable: { checkpoint_id: uuid6(0), ...configurable } }, [["x", 1]], "task"),
    ).rejects.toMatchObject({ code: "invalid" });
  });

  test("a list before a checkpoint that cannot exist is empty", async () => {
    const before = { configurable: { checkpoint_id: "nonsense" } };
    expect(await collect(counted.saver.list({ configurable: { thread_id: "t" } }, { before }))).toEqual([]);
  });

  test.each(["task\0", "t".repeat(300)])("the task id %j is refused", async (taskId) => {
    const config = await put({ thread_id: "tasks" });
    await expect(counted.saver.putWrites(config, [["x", 1]], taskId)).rejects.toMatchObject({ code: "invalid" });
  });

  test("a checkpoint that names itself as its parent is refused", async () => {
    const id = uuid6(0);
    await put({ thread_id: "self" }, id);
    await expect(put({ thread_id: "self", checkpoint_id: id }, id)).rejects.toMatchObject({ code: "invalid" });
  });

  test("a checkpoint whose parent does not exist is refused", async () => {
    await expect(put({ thread_id: "orphan", checkpoint_id: uuid6(0) })).rejects.toMatchObject({ code: "not_found" });
    expect(await counted.saver.getTuple({ configurable: { thread_id: "orphan" } })).toBeUndefined();
  });
});

test.each(["__proto__", "constructor", "' or 1=1", "ü/😀", "{a,b}", "\\", "x".repeat(512)])(
  "the thread %j is as good as any",
  async (thread_id) => {
    const config = await put({ thread_id });
    await counted.saver.putWrites(config, [["x", 2]], "task");
    expect((await counted.saver.getTuple({ configurable: { thread_id } }))?.pendingWrites).toEqual([["task", "x", 2]]);
    expect(await collect(counted.saver.list({ configurable: { thread_id } }))).toHaveLength(1);
    await counted.saver.deleteThread(thread_id);
    expect(await counted.saver.getTuple({ configurable: { thread_id } })).toBeUndefined();
  },
);

describe.each([
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "$hp",
  "lc",
  "NULL",
  "{a,b}",
  '"',
  "\\",
  "\n",
  "",
  "ü/😀",
  "' or 1=1",
  "x".repeat(3000),
])("a channel called %j", (channel) => {
  const named = (value: unknown) => JSON.parse(`{${JSON.stringify(channel)}:${JSON.stringify(value)},"other":1}`);
  const big = "x".repeat(2000);

  test.each([
    ["small", 1],
    ["big", big],
    ["a list", [big, 1]],
    ["an object", { big, small: 1 }],
  ])("keeps what it holds, and its version, where the next checkpoint does not change it: %s", async (kind, value) => {
    const config = { configurable: { thread_id: `channel ${kind} ${channel.slice(0, 100)}` } };
    const { checkpoint, versions } = checkpointOf(named(value));
    const versions_seen = JSON.parse(`{"node":{${JSON.stringify(channel)}:1},${JSON.stringify(channel)}:{"a":1}}`);
    const first = await counted.saver.put(config, { ...checkpoint, versions_seen }, METADATA, versions);
    const next = { ...checkpoint, ...checkpointOf({}).checkpoint, channel_values: named(value), versions_seen };
    await counted.saver.put(first, { ...next, channel_versions: versions }, METADATA, { other: 2 });
    const fresh = createSaver({ pool: counted.pool });
    const tuples = [await fresh.getTuple(config), await fresh.getTuple(first), ...(await collect(fresh.list(config)))];
    expect(tuples).toHaveLength(4);
    for (const tuple of tuples) {
      const { channel_values, channel_versions, versions_seen: seen } = tuple!.checkpoint;
      expect(Object.entries(channel_values).sort()).toEqual(Object.entries(named(value)).sort());
      expect(JSON.stringify(channel_versions)).toBe(JSON.stringify(versions));
      expect(JSON.stringify(seen)).toBe(JSON.stringify(versions_seen));
    }
    const history = await fresh.getDeltaChannelHistory({ config, channels: [channel] });
    expect(Object.entries(history)).toEqual([[channel, { writes: [], seed: value }]]);
  });

  test("can be written to, beside one that holds NUL, and both are found in its history", async () => {
    const config = { configurable: { thread_id: `writes ${channel.slice(0, 100)}` } };
    const first = await counted.saver.put(config, checkpointOf({}).checkpoint, METADATA, {});
    const writes: [string, unknown][] = [
      [channel, 1],
      ["a\0b", 2],
      ["\ud800", 3],
    ];
    await counted.saver.putWrites(first, writes, "task", "path");
    await counted.saver.put(first, checkpointOf({}).checkpoint, METADATA, {});
    const fresh = createSaver({ pool: counted.pool });
    expect((await fresh.getTuple(first))?.pendingWrites).toEqual(writes.map((write) => ["task", ...write]));
    const channels = writes.map(([name]) => name);
    const history = await fresh.getDeltaChannelHistory({ config, channels });
    expect(Object.entries(history).sort()).toEqual(
      writes.map(([name, value]) => [name, { writes: [["task", name, value]] }]).sort(),
    );
  });
});

test.each(["a\0b", "\ud800"])("a checkpoint with a channel called %j is refused", async (channel) => {
  const { checkpoint, versions } = checkpointOf({ [channel]: 1 });
  const refused = counted.saver.put({ configurable: { thread_id: "names" } }, checkpoint, METADATA, versions);
  await expect(refused).rejects.toMatchObject({ code: "invalid", message: expect.stringContaining("channel name") });
});

test.each(["a\0b", "\ud800"])("a task path of %j is refused", async (taskPath) => {
  const config = await put({ thread_id: "paths" });
  await expect(counted.saver.putWrites(config, [["x", 1]], "task", taskPath)).rejects.toMatchObject({
    code: "invalid",
  });
});
