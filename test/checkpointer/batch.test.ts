import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { Annotation, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import type { BaseCheckpointSaver } from "@langchain/langgraph-checkpoint";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createWriteBatcher } from "../../src/postgres/batch.ts";
import { createSaver } from "../../src/postgres/checkpointer/saver.ts";
import { sql } from "../../src/postgres/sql.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { type CountedSaver, checkpointOf, createThread, METADATA, openCounted } from "./support.ts";

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

const fourNodes = (checkpointer: BaseCheckpointSaver) =>
  new StateGraph(Annotation.Root({ x: Annotation<number>() }))
    .addNode("a", ({ x }) => ({ x: x + 1 }))
    .addNode("b", ({ x }) => ({ x: x + 1 }))
    .addNode("c", ({ x }) => ({ x: x + 1 }))
    .addNode("d", ({ x }) => ({ x: x + 1 }))
    .addEdge(START, "a")
    .addEdge("a", "b")
    .addEdge("b", "c")
    .addEdge("c", "d")
    .compile({ checkpointer });

test.each(["sync", "async"] as const)(
  "a run of four nodes takes at most 8 round trips, fence included (%s)",
  async (durability) => {
    for (const thread_id of [`warm-${durability}`, `counted-${durability}`]) {
      await createThread(counted, thread_id);
      const saver = counted.saver.withLease({
        thread_id,
        lease_epoch: 1,
        run_id: "7f2c1b1e-6f0e-4a49-9c1e-0d6c6f3f4a11",
      });
      counted.trips();
      await fourNodes(saver).invoke({ x: 0 }, { configurable: { thread_id }, durability });
    }
    expect(counted.trips()).toBeLessThanOrEqual(8);
    expect(
      (await counted.saver.getTuple({ configurable: { thread_id: `counted-${durability}` } }))?.checkpoint
        .channel_values["x"],
    ).toBe(4);
  },
);

test("a chat thread grows with what is said, not with its length", async () => {
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("answer", ({ messages }) => ({
      messages: [new AIMessage({ content: `answer ${messages.length} `.repeat(40) })],
    }))
    .addEdge(START, "answer")
    .compile({ checkpointer: counted.saver });
  const config = { configurable: { thread_id: "chat" } };
  const charactersAfter = async (turns: number) => {
    for (let turn = 0; turn < turns; turn += 1) {
      await graph.invoke({ messages: [new HumanMessage(`question ${turn} `.repeat(10))] }, config);
    }
    const [row] = await counted.rows<{ characters: number }>(
      "select sum(length(body))::integer as characters from holdpoint.checkpoint_chunk where thread_id = 'chat'",
    );
    return row!.characters;
  };
  const first = await charactersAfter(40);
  const second = await charactersAfter(40);
  expect(second).toBeLessThan(3 * first);
  expect((await graph.getState(config)).values["messages"]).toHaveLength(160);
});

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
      counted.rows("select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and not granted"),
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
