import { MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { HoldpointSaver } from "../../src/checkpointer.ts";
import type { Ref } from "../../src/postgres/checkpointer/chains.ts";
import { createHeadCache } from "../../src/postgres/checkpointer/head-cache.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { checkpointOf, METADATA, openCounted } from "./support.ts";

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  await database.drop();
});

test("any number of processes may set up an empty database at once, and then run a graph", async () => {
  const empty = await createTestDatabase();
  const client = new pg.Client(empty.url);
  await client.connect();
  await client.query("drop schema holdpoint cascade");
  const savers = [1, 2, 3].map(() => HoldpointSaver.fromConnString(empty.url, { max: 2 }));
  await Promise.all(savers.map((saver) => saver.setup()));
  const config = { configurable: { thread_id: "first" } };
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("answer", () => ({ messages: [{ role: "ai", content: "hello" }] }))
    .addEdge(START, "answer")
    .compile({ checkpointer: savers[0]! });
  await graph.invoke({ messages: [{ role: "human", content: "hi" }] }, config);
  const tuple = await savers[1]!.getTuple(config);
  expect(tuple?.checkpoint.channel_values["messages"]).toHaveLength(2);
  await Promise.all(savers.map((saver) => saver.end()));
  await client.end();
  await empty.drop();
});

test("losing idle connections does not end the process, and ending waits for the writes under way", async () => {
  const saver = HoldpointSaver.fromConnString(database.url, { max: 2 });
  const config = { configurable: { thread_id: "idle" } };
  const { checkpoint, versions } = checkpointOf({ x: 1 });
  const stored = await saver.put(config, checkpoint, METADATA, versions);
  const looking = openCounted(database.url, 1);
  const others = () =>
    looking.rows(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'holdpoint'",
    );
  await others();
  await expect.poll(others).toEqual([]);
  expect(await saver.getTuple(config)).toBeDefined();
  const write = saver.putWrites(stored, [["x", 2]], "task");
  await saver.end();
  await write;
  expect(await looking.rows("select 1 from holdpoint.checkpoint_write where thread_id = 'idle'")).toHaveLength(1);
  await looking.end();
});

test("without a lease the run of a checkpoint is taken from its metadata, where it is a UUID", async () => {
  const counted = openCounted(database.url, 1);
  const run_id = "7f2c1b1e-6f0e-4a49-9c1e-0d6c6f3f4a11";
  for (const [thread_id, id] of Object.entries({ uuid: run_id, text: "run 1" })) {
    const { checkpoint } = checkpointOf({});
    await counted.saver.put({ configurable: { thread_id } }, checkpoint, { ...METADATA, run_id: id } as never, {});
  }
  const rows = await counted.rows(
    "select thread_id, run_id from holdpoint.checkpoint where thread_id in ('uuid', 'text') order by thread_id",
  );
  expect(rows).toEqual([
    { thread_id: "text", run_id: null },
    { thread_id: "uuid", run_id },
  ]);
  await counted.end();
});

test("the heads in memory never exceed their bytes; the least recently used goes first", () => {
  const cache = createHeadCache(10_000);
  const address = (thread_id: string) => ({ tenant_id: "default", thread_id, checkpoint_ns: "" });
  const head = (characters: number) => ({
    checkpoint_id: "id",
    versions: {},
    refs: new Map<string, Ref>(),
    inline: new Map([["channel", "x".repeat(characters)]]),
  });
  cache.set(address("a"), head(1600));
  cache.set(address("b"), head(1600));
  cache.get(address("a"));
  cache.set(address("c"), head(1600));
  expect(
    [cache.get(address("a")), cache.get(address("b")), cache.get(address("c"))].map((one) => one !== undefined),
  ).toEqual([true, false, true]);
  cache.set(address("huge"), head(20_000));
  expect(cache.get(address("huge"))).toBeUndefined();
  expect(cache.bytes).toBeLessThanOrEqual(10_000);
  for (const thread_id of ["a", "c"]) cache.forget({ tenant_id: "default", thread_id });
  expect(cache.bytes).toBe(0);
});
