import { Annotation, START, StateGraph } from "@langchain/langgraph";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import type { FencedSaver } from "../../src/postgres/checkpointer/fenced-saver.ts";
import { collect } from "../support/collect.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { type CountedSaver, checkpointOf, createThread, METADATA, openCounted, rowsOfThread } from "./support.ts";

let database: TestDatabase;
let counted: CountedSaver;
/** Another process: nothing in memory. */
let other: CountedSaver;
let holder: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase();
  counted = openCounted(database.url);
  other = openCounted(database.url);
  holder = new pg.Client({ connectionString: database.url });
  holder.on("error", () => {});
  await holder.connect();
});
afterEach(() => letGo());
afterAll(async () => {
  await holder.end();
  await Promise.all([counted.end(), other.end()]);
  await database.drop();
});

/** Nothing of the thread can be committed until it is let go. */
const hold = (thread_id: string) =>
  holder.query("select pg_advisory_lock(hashtextextended('holdpoint:thread:' || $1, 0))", [thread_id]);
const letGo = () => holder.query("select pg_advisory_unlock_all()");

const RUN = "7f2c1b1e-6f0e-4a49-9c1e-0d6c6f3f4a11";
const head = (thread_id: string) => ({ configurable: { thread_id } });
const lines = (count: number) => Array.from({ length: count }, (_, index) => `element ${index} of a long list`);

async function openBehind(thread_id: string, onLost?: () => void): Promise<FencedSaver> {
  await createThread(counted, thread_id);
  const lease = { thread_id, lease_epoch: 1, run_id: RUN, writeBehind: true };
  return counted.saver.withLease(onLost === undefined ? lease : { ...lease, onLost });
}

/** Puts checkpoints one upon the other, the list one element longer each time. */
async function putSome(saver: FencedSaver, thread_id: string, count: number, from = head(thread_id), first = 100) {
  const ids: string[] = [];
  let parent = from;
  for (let index = 0; index < count; index += 1) {
    const { checkpoint, versions } = checkpointOf({ list: lines(first + index), turn: index });
    parent = (await saver.put(parent, checkpoint, METADATA, versions)) as typeof parent;
    ids.push(checkpoint.id);
  }
  return { ids, last: parent };
}

const listAt = async (thread_id: string, checkpoint_id: string) =>
  (await other.saver.getTuple({ configurable: { thread_id, checkpoint_ns: "", checkpoint_id } }))?.checkpoint
    .channel_values["list"];

test("what is written behind is acknowledged at once, committed in order and complete after a flush", async () => {
  const saver = await openBehind("behind");
  await hold("behind");
  const { ids, last } = await putSome(saver, "behind", 5);
  await saver.putWrites(last, [["turn", 9]], "task");
  expect(await rowsOfThread(counted, "behind")).toBe(0);
  const flushed = vi.fn();
  const flushing = saver.flush().then(flushed);
  const durable = saver.durable([ids[4]!], AbortSignal.timeout(60_000), 60_000).then(flushed);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(flushed).not.toHaveBeenCalled();
  await letGo();
  await Promise.all([flushing, durable]);
  for (const [index, id] of ids.entries()) expect(await listAt("behind", id)).toEqual(lines(100 + index));
  expect((await other.saver.getTuple(head("behind")))?.pendingWrites).toEqual([["task", "turn", 9]]);
});

test("the saver's own reads wait for what it has taken, and see it", async () => {
  const saver = await openBehind("reads");
  // Connections enough for the reads, so that nothing but the saver keeps them waiting.
  await Promise.all(Array.from({ length: 4 }, () => counted.pool.query("select 1")));
  await hold("reads");
  const { ids } = await putSome(saver, "reads", 3);
  const reading = saver.getTuple(head("reads"));
  const listing = collect(saver.list(head("reads")));
  // Whoever reads without having taken anything finds nothing yet.
  expect(await other.saver.getTuple(head("reads"))).toBeUndefined();
  await letGo();
  expect((await reading)?.checkpoint.id).toBe(ids[2]);
  expect((await listing).map(({ checkpoint }) => checkpoint.id)).toEqual(ids.toReversed());
});

describe("a branch whose chain another branch has extended", () => {
  test("is stored whole, with all that was taken before this was known", async () => {
    const saver = await openBehind("fork");
    const trunk = await putSome(saver, "fork", 3);
    await saver.flush();
    const start = { configurable: { thread_id: "fork", checkpoint_ns: "", checkpoint_id: trunk.ids[0]! } };
    // A head that does not know of the newer elements of the chain.
    await other.saver.getTuple(start);
    const fork = other.saver.withLease({ thread_id: "fork", lease_epoch: 1, run_id: RUN, writeBehind: true });
    await hold("fork");
    const { checkpoint, versions } = checkpointOf({ list: lines(100), turn: -1 });
    // The list is unchanged here, so the next put extends the trunk's chain.
    const first = await fork.put(start, checkpoint, METADATA, { turn: versions["turn"]! });
    const taken = putSome(fork, "fork", 4, first as never, 201);
    await letGo();
    const branch = await taken;
    await fork.flush();
    for (const [index, id] of trunk.ids.entries()) expect(await listAt("fork", id)).toEqual(lines(100 + index));
    for (const [index, id] of branch.ids.entries()) expect(await listAt("fork", id)).toEqual(lines(201 + index));
    // And it goes on from there, a delta at a time.
    const more = await putSome(fork, "fork", 2, branch.last, 205);
    await fork.flush();
    expect(await listAt("fork", more.ids[1]!)).toEqual(lines(206));
  });
});

test("once the lease is lost nothing more is written, and whoever asks is told", async () => {
  const onLost = vi.fn();
  const saver = await openBehind("lost", onLost);
  const { last } = await putSome(saver, "lost", 1);
  await saver.flush();
  await counted.rows("update holdpoint.thread set lease_epoch = 2 where thread_id = 'lost'");
  const rows = await rowsOfThread(counted, "lost");
  const late = await putSome(saver, "lost", 1, last, 101);
  const waiting = saver.durable(late.ids, AbortSignal.timeout(60_000), 60_000);
  const told = expect(waiting).rejects.toMatchObject({ code: "lease_lost" });
  await expect(saver.flush()).rejects.toMatchObject({ code: "lease_lost" });
  await told;
  await expect(putSome(saver, "lost", 1, last)).rejects.toMatchObject({ code: "lease_lost" });
  await expect(saver.putWrites(last, [["turn", 1]], "task")).rejects.toMatchObject({ code: "lease_lost" });
  expect(onLost).toHaveBeenCalledTimes(1);
  expect(await rowsOfThread(counted, "lost")).toBe(rows);
});

test("a connection lost on the way is an error of the flush and of every later write", async () => {
  const saver = await openBehind("cut");
  await hold("cut");
  const { last } = await putSome(saver, "cut", 3);
  await expect
    .poll(() =>
      counted.rows(
        `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and not granted
           and database = (select oid from pg_database where datname = current_database())`,
      ),
    )
    .not.toHaveLength(0);
  await expect(saver.flush()).rejects.toMatchObject({ code: "database_unreachable" });
  await letGo();
  await expect(putSome(saver, "cut", 1, last)).rejects.toMatchObject({ code: "database_unreachable" });
  expect(await rowsOfThread(counted, "cut")).toBe(0);
});

test("a run that is far ahead of the disk waits for it", async () => {
  const saver = await openBehind("ahead");
  await hold("ahead");
  let taken = 0;
  const putting = (async () => {
    let parent: unknown = head("ahead");
    for (; taken < 200; taken += 1) {
      const { checkpoint, versions } = checkpointOf({ turn: taken });
      parent = await saver.put(parent as never, checkpoint, METADATA, versions);
    }
  })();
  await expect.poll(() => taken).toBeGreaterThan(32);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(taken).toBeLessThan(128);
  await letGo();
  await putting;
  await saver.flush();
  expect(await rowsOfThread(counted, "ahead")).toBe(200);
});

describe("waiting for a checkpoint to be stored", () => {
  test("takes no time for one that was read or written before", async () => {
    const saver = await openBehind("known");
    const { ids } = await putSome(saver, "known", 1);
    await saver.flush();
    const again = counted.saver.withLease({ thread_id: "known", lease_epoch: 1, run_id: RUN });
    await again.getTuple(head("known"));
    await again.durable(ids, AbortSignal.timeout(60_000), 60_000);
  });

  test("ends when the run is stopped, and when the checkpoint does not come", async () => {
    const saver = await openBehind("never");
    const stop = new AbortController();
    const waiting = saver.durable([RUN], stop.signal, 60_000);
    stop.abort("cancelled");
    await expect(waiting).rejects.toBe("cancelled");
    await expect(saver.durable([RUN], stop.signal, 60_000)).rejects.toBe("cancelled");
    const { signal } = new AbortController();
    await expect(saver.durable([RUN], signal, 10)).rejects.toMatchObject({
      code: "not_durable",
      facts: { checkpoint_id: RUN },
    });
  });
});

test("a graph with parallel nodes run behind leaves what it leaves when it waits", async () => {
  const graph = (saver: FencedSaver) =>
    new StateGraph(
      Annotation.Root({ log: Annotation<string[]>({ reducer: (a, b) => [...a, ...b], default: () => [] }) }),
    )
      .addNode("a", () => ({ log: ["a".repeat(600)] }))
      .addNode("b", () => ({ log: ["b".repeat(600)] }))
      .addNode("join", ({ log }) => ({ log: [`${log.length}`] }))
      .addEdge(START, "a")
      .addEdge(START, "b")
      .addEdge(["a", "b"], "join")
      .compile({ checkpointer: saver });
  const pictures = [];
  for (const writeBehind of [false, true]) {
    const thread_id = `graph-${writeBehind}`;
    await createThread(counted, thread_id);
    const saver = counted.saver.withLease({ thread_id, lease_epoch: 1, run_id: RUN, writeBehind });
    await graph(saver).invoke({ log: ["input"] }, { ...head(thread_id), durability: "async" });
    await saver.flush();
    const picture = [];
    for await (const { checkpoint, metadata, pendingWrites } of other.saver.list(head(thread_id)))
      picture.push([checkpoint.channel_values, metadata?.step, pendingWrites?.map(([, ...write]) => write)]);
    pictures.push(picture);
  }
  expect(pictures[0]).toHaveLength(4);
  expect(pictures[1]).toEqual(pictures[0]);
});
