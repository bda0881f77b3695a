import { uuid6 } from "@langchain/langgraph-checkpoint";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { type CountedSaver, checkpointOf, METADATA, openCounted } from "./support.ts";
import { collect } from "./walk.ts";

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
