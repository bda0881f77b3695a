import { randomUUID } from "node:crypto";
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";
import { Annotation, MessagesAnnotation, Send, START, StateGraph } from "@langchain/langgraph";
import type { BaseCheckpointSaver } from "@langchain/langgraph-checkpoint";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createSaver } from "../../src/postgres/checkpointer/saver.ts";
import { collect } from "../support/collect.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { type CountedSaver, checkpointOf, createThread, METADATA, openCounted } from "./support.ts";

// Counts, never times: what is slow on a slow network or a small disk shows here on any machine.

let database: TestDatabase;
let counted: CountedSaver;
/** With one connection, which has prepared every statement once it has been used. */
let single: CountedSaver;

beforeAll(async () => {
  database = await createTestDatabase();
  counted = openCounted(database.url);
  single = openCounted(database.url, 1);
});
afterAll(async () => {
  await Promise.all([counted.end(), single.end()]);
  await database.drop();
});

const at = (thread_id: string): RunnableConfig => ({ configurable: { thread_id } });
const fresh = ({ pool } = counted) => createSaver({ pool });

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

type Durability = "sync" | "async" | "exit";

/** One run under a lease, as a worker does it. */
async function runUnderLease(thread_id: string, durability: Durability): Promise<void> {
  const lease = { thread_id, lease_epoch: 1, run_id: randomUUID(), writeBehind: durability === "async" };
  const saver = counted.saver.withLease(lease);
  await fourNodes(saver).invoke({ x: 0 }, { ...at(thread_id), durability });
  await saver.flush();
}

/** Round trips of the second of two runs alike: the first prepares the statements. */
async function tripsOfOne(durability: Durability): Promise<number> {
  for (const thread_id of [`warm ${durability}`, `counted ${durability}`]) {
    await createThread(counted, thread_id);
    counted.trips();
    await runUnderLease(thread_id, durability);
  }
  return counted.trips();
}

/** What a thread takes in each table. */
async function storedOf(thread_id: string) {
  const [row] = await counted.rows<Record<"checkpoints" | "writes" | "chunks" | "body" | "bytes", number>>(
    `select count(*) filter (where part = 'checkpoint')::integer as checkpoints,
       count(*) filter (where part = 'write')::integer as writes, count(*) filter (where part = 'chunk')::integer as chunks,
       coalesce(sum(octet_length(body)), 0)::integer as body, coalesce(sum(bytes), 0)::integer as bytes
     from (select 'checkpoint' as part, body, pg_column_size(c.*) as bytes from holdpoint.checkpoint c where thread_id = $1
       union all select 'write', body, pg_column_size(w.*) from holdpoint.checkpoint_write w where thread_id = $1
       union all select 'chunk', body, pg_column_size(k.*) from holdpoint.checkpoint_chunk k where thread_id = $1) parts`,
    [thread_id],
  );
  return row!;
}

describe("a run of four nodes, fence included", () => {
  test.each([
    ["sync", 8],
    ["async", 3],
    ["exit", 2],
  ] as const)("with durability %s takes at most %i round trips", async (durability, limit) => {
    expect(await tripsOfOne(durability)).toBeLessThanOrEqual(limit);
    const tuple = await fresh().getTuple(at(`counted ${durability}`));
    expect(tuple?.checkpoint.channel_values["x"]).toBe(4);
  });

  test("stores a row for each superstep and each task, and little beside the values", async () => {
    const thread_id = randomUUID();
    await createThread(counted, thread_id);
    await runUnderLease(thread_id, "sync");
    const stored = await storedOf(thread_id);
    expect(stored).toMatchObject({ checkpoints: 6, writes: 5, chunks: 0 });
    // 1,643 and 4,012 when this was written.
    expect(stored.body).toBeLessThan(2_000);
    expect(stored.bytes).toBeLessThan(5_000);
  });

  test.each(["sync", "async"] as const)(
    "takes at most 2 round trips where 64 are under way (%s)",
    async (durability) => {
      const threads = Array.from({ length: 64 }, () => randomUUID());
      await Promise.all(threads.map((thread_id) => createThread(counted, thread_id)));
      await runUnderLease(threads[0]!, durability);
      counted.trips();
      await Promise.all(threads.map((thread_id) => runUnderLease(thread_id, durability)));
      const t = counted.trips();
      expect(t).toBeLessThanOrEqual(2 * 64);
    },
  );
});

test("a fan-out to fifty tasks takes at most 8 round trips, and one row for each task", async () => {
  const State = Annotation.Root({
    n: Annotation<number>(),
    out: Annotation<string[]>({ reducer: (before, added) => [...before, ...added], default: () => [] }),
  });
  const graph = (checkpointer: BaseCheckpointSaver) =>
    new StateGraph(State)
      .addNode("part", ({ n }) => ({ out: [`part ${n}`] }))
      .addConditionalEdges(START, () => Array.from({ length: 50 }, (_, n) => new Send("part", { n })))
      .compile({ checkpointer });
  for (const thread_id of ["warm fan-out", "fan-out"]) {
    await createThread(counted, thread_id);
    const saver = counted.saver.withLease({ thread_id, lease_epoch: 1, run_id: randomUUID() });
    counted.trips();
    const { out } = await graph(saver).invoke({ n: 0 }, { ...at(thread_id), durability: "sync" });
    expect(out).toHaveLength(50);
  }
  expect(counted.trips()).toBeLessThanOrEqual(8);
  const stored = await storedOf("fan-out");
  expect(stored).toMatchObject({ checkpoints: 3, writes: 51, chunks: 1 });
  // 13,513 when this was written.
  expect(stored.bytes).toBeLessThan(17_000);
});

describe("a long chat", () => {
  const TURNS = 500;
  interface Half {
    trips: number;
    sent: number;
    received: number;
    stored: number;
  }
  const halves: Half[] = [];
  let latest: Half;
  beforeAll(async () => {
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("answer", ({ messages }) => ({
        messages: [
          new AIMessage({ id: `answer ${messages.length}`, content: `${messages.length} and so on `.repeat(60) }),
        ],
      }))
      .addEdge(START, "answer")
      .compile({ checkpointer: counted.saver });
    const talk = async (from: number, turns: number) => {
      const before = (await storedOf("chat")).bytes;
      counted.trips();
      counted.bytes();
      for (let turn = from; turn < from + turns; turn += 1) {
        const question = new HumanMessage({ id: `question ${turn}`, content: `${turn} asked `.repeat(15) });
        await graph.invoke({ messages: [question] }, at("chat"));
      }
      const half = { trips: counted.trips(), ...counted.bytes() };
      return { ...half, stored: (await storedOf("chat")).bytes - before };
    };
    halves.push(await talk(0, TURNS / 2), await talk(TURNS / 2, TURNS / 2 - 20));
    latest = await talk(TURNS - 20, 20);
  }, 120_000);

  test.each(["trips", "sent", "received", "stored"] as const)(
    "of a thousand messages costs in its second half what it cost in its first: %s",
    (what) => {
      const [first, second] = halves as [Half, Half];
      expect(second[what] + latest[what]).toBeLessThanOrEqual(1.3 * first[what]);
    },
  );

  test("sends and reads late in it what is new, and not what was said before", async () => {
    expect(latest.trips / 20).toBeLessThanOrEqual(5);
    expect(latest.sent / 20).toBeLessThan(10_000);
    expect(latest.received / 20).toBeLessThan(10_000);
    const tuple = await fresh().getTuple(at("chat"));
    expect(tuple?.checkpoint.channel_values["messages"]).toHaveLength(2 * TURNS);
  });
});

test("a dict of a thousand entries of which one changes costs one entry a turn, on the wire and on disk", async () => {
  const entry = (index: number, turn: number) => ({ name: `entry ${index}`, turn, text: `${index * 7919} `.repeat(8) });
  const dict = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`key ${index}`, entry(index, 0)]));
  let config = at("dict");
  const turn = async (number: number) => {
    dict[`key ${(number * 37) % 1_000}`] = entry(number, number);
    const { checkpoint, versions } = checkpointOf({ dict: { ...dict }, number });
    config = await single.saver.put(config, checkpoint, METADATA, versions);
  };
  await turn(0);
  const whole = JSON.stringify(dict).length;
  const first = await storedOf("dict");
  single.bytes();
  single.trips();
  for (let number = 1; number <= 200; number += 1) await turn(number);
  expect(single.trips()).toBe(200);
  expect(single.bytes().sent / 200).toBeLessThan(whole / 50);
  expect((await storedOf("dict")).body - first.body).toBeLessThan(whole);
  expect((await fresh(single).getTuple(at("dict")))?.checkpoint.channel_values["dict"]).toEqual(dict);
  single.bytes();
  // The saver that wrote it has all of it in memory.
  expect((await single.saver.getTuple(at("dict")))?.checkpoint.channel_values["dict"]).toEqual(dict);
  expect(single.bytes().received).toBeLessThan(5_000);
});

test.each(["a dict", "a list"])(
  "a cold read fetches about twice the value, however often it has changed: %s",
  async (kind) => {
    const text = (index: number, turn: number) => `${index} ${turn} `.repeat(40);
    const values = Array.from({ length: 100 }, (_, index) => text(index, 0));
    let config = at(kind);
    for (let turn = 0; turn < 600; turn += 1) {
      // Near the end of the list, so that what comes after it is repeated.
      values[90 + (turn % 10)] = text(turn % 10, turn);
      const value =
        kind === "a list" ? [...values] : Object.fromEntries(values.map((one, index) => [`key ${index}`, one]));
      const { checkpoint, versions } = checkpointOf({ value });
      config = await single.saver.put(config, checkpoint, METADATA, versions);
    }
    single.bytes();
    const tuple = await fresh(single).getTuple(at(kind));
    expect(Object.values(tuple?.checkpoint.channel_values["value"] as object)).toEqual(values);
    expect(single.bytes().received).toBeLessThan(3 * JSON.stringify(values).length);
  },
);

describe("reading", () => {
  const LENGTH = 1_500;
  const ids: RunnableConfig[] = [];
  beforeAll(async () => {
    let config = at("long");
    const log: string[] = [];
    for (let step = 0; step < LENGTH; step += 1) {
      log.push(`step ${step}`);
      const { checkpoint, versions } = checkpointOf(step % 100 === 0 ? { log: [...log], step } : { step });
      config = await single.saver.put(config, checkpoint, { ...METADATA, step }, versions);
      if (step % 10 === 0) await single.saver.putWrites(config, [["step", step]], "task");
      ids.push(config);
    }
  });
  const tripsOf = async (read: () => Promise<unknown>) => {
    single.trips();
    await read();
    return single.trips();
  };

  test("a checkpoint, the newest or any other, takes one round trip, known or not", async () => {
    const known = single.saver;
    for (const config of [at("long"), ids[700]!, at("nowhere")]) {
      expect(await tripsOf(() => fresh(single).getTuple(config))).toBe(1);
      expect(await tripsOf(() => known.getTuple(config))).toBe(1);
    }
  });

  test("the history of a delta channel takes one, however far back it goes", async () => {
    const history = () => fresh(single).getDeltaChannelHistory({ config: at("long"), channels: ["log", "nowhere"] });
    expect(await tripsOf(history)).toBe(1);
    expect((await history())["log"]?.seed).toHaveLength(1_401);
  });

  test("a list takes at most three for each page of 256, and reads no page that nobody asks for", async () => {
    const pages = Math.ceil(LENGTH / 256);
    let listed: unknown[] = [];
    const list = async (limit?: number) => {
      listed = await collect(fresh(single).list(at("long"), limit === undefined ? {} : { limit }));
    };
    expect(await tripsOf(list)).toBeLessThanOrEqual(3 * pages);
    expect(listed).toHaveLength(LENGTH);
    expect(await tripsOf(() => list(10))).toBeLessThanOrEqual(3);
    expect(listed).toHaveLength(10);
    const firstOne = async () => {
      for await (const _ of fresh(single).list(at("long"))) return;
    };
    expect(await tripsOf(firstOne)).toBeLessThanOrEqual(3);
  });

  test("a put reads nothing after a checkpoint that is known, and once where it is not", async () => {
    const { checkpoint } = checkpointOf({ step: 1_500 });
    const last = ids.at(-1)!;
    const knowing = fresh(single);
    await knowing.getTuple(at("long"));
    expect(await tripsOf(() => knowing.put(last, checkpoint, METADATA, {}))).toBe(1);
    // The same once more, by who has to read the value that did not change.
    expect(await tripsOf(() => fresh(single).put(last, checkpoint, METADATA, {}))).toBe(2);
  });
});
