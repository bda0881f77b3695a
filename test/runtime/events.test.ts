import pg from "pg";
import { expect, test, vi } from "vitest";
import { reapLeases } from "../../src/postgres/claim.ts";
import { lookAt } from "../../src/postgres/events.sql.ts";
import { appendEvents } from "../../src/postgres/events.ts";
import { openWakeups } from "../../src/postgres/notify.ts";
import type { StreamEvent } from "../../src/protocol/events.ts";
import { createEventWriter } from "../../src/runtime/events.ts";
import { claimNext, leaseOf } from "../support/dying-worker.ts";
import { storedEvents } from "../support/stored-events.ts";
import { until } from "../support/until.ts";
import { house, openScene } from "./scene.ts";

openScene();

const numbered = (count: number, from = 1): StreamEvent[] =>
  Array.from({ length: count }, (_, index) => ({ event: "custom", data: from + index }));

/** Stores in memory, one batch whenever it is told to. */
function stepwise() {
  const batches: StreamEvent[][] = [];
  let pending: PromiseWithResolvers<void> | undefined;
  return {
    batches,
    store(events: StreamEvent[]) {
      batches.push(events);
      pending = Promise.withResolvers<void>();
      return pending.promise;
    },
    async stored(error?: Error) {
      if (error === undefined) pending?.resolve();
      else pending?.reject(error);
      await new Promise(setImmediate);
    },
  };
}

test("the first event is stored alone and at once, the next as soon as that is committed, 256 at most at a time", async () => {
  const { batches, store, stored } = stepwise();
  const writer = createEventWriter(store);
  const [announced, ...rest] = numbered(602);
  writer.announce(announced as StreamEvent);
  expect(batches).toEqual([]);
  for (const event of rest) writer.push(event);
  expect(batches.map(({ length }) => length)).toEqual([2]);
  await stored();
  await stored();
  expect(batches.map(({ length }) => length)).toEqual([2, 256, 256]);
  const left = writer.rest();
  await stored();
  expect([...batches.flat(), ...(await left)]).toEqual(numbered(602));
  expect(await left).toHaveLength(88);
});

test("what is only announced goes with the next event or with the end of the run, and with no batch under way", async () => {
  const { batches, store, stored } = stepwise();
  const writer = createEventWriter(store);
  const [first, question, second, last] = numbered(4) as [StreamEvent, StreamEvent, StreamEvent, StreamEvent];
  writer.push(first);
  writer.announce(question);
  await stored();
  expect(batches).toEqual([[first]]);
  writer.push(second);
  expect(batches).toEqual([[first], [question, second]]);
  writer.announce(last);
  await stored();
  expect(await writer.rest()).toEqual([last]);
  expect(batches).toHaveLength(2);
});

test("what could not be stored ends the run, and nothing is stored behind it", async () => {
  const { batches, store, stored } = stepwise();
  const writer = createEventWriter(store);
  for (const event of numbered(3)) writer.push(event);
  await stored(new Error("no disk"));
  writer.push({ event: "custom", data: 4 });
  await expect(writer.rest()).rejects.toThrow("no disk");
  expect(batches).toHaveLength(1);
});

/** A run that somebody executes, and how to store its events. */
async function executing() {
  const run = await house.start("steps", { input: {} });
  const claimed = await claimNext(house);
  const store = (events: StreamEvent[]) => appendEvents(house.parts.batcher, leaseOf(claimed), claimed.attempt, events);
  return { run, claimed, store };
}

test("any number of events of any size is stored in rows that are read a few at a time", async () => {
  const { run, store } = await executing();
  const events = [...numbered(600), ...[0, 1, 2].map((data) => ({ event: "values", data: `${data}`.repeat(400_000) }))];
  await store(events);
  await store(numbered(10, 601));
  const text = `select seq_to - seq_from + 1 as events, octet_length(body) as bytes from holdpoint.event
    where run_id = $1 order by seq_from`;
  const { rows } = await house.database.pool.query(text, [run.run_id]);
  expect(rows.map((row) => Number(row.events))).toEqual([256, 256, 88, 1, 1, 1, 10]);
  const stored = await storedEvents(house.database, run);
  expect(stored.map(({ event, data }) => ({ event, data }))).toEqual([...events, ...numbered(10, 601)]);
  expect(stored.map(({ seq }) => seq)).toEqual(stored.map((_, index) => index + 1));
});

test("ids go on over runs and attempts, and none is given twice after a batch was refused", async () => {
  const { run, claimed, store } = await executing();
  await store(numbered(2));
  await house.pass(3600);
  await reapLeases(house.database);
  await expect(store(numbered(1, 3))).rejects.toMatchObject({ code: "lease_lost" });
  let second = await claimNext(house);
  // Bound: the runs whose leases have run out.
  while (second.run_id !== claimed.run_id) second = await claimNext(house);
  await appendEvents(house.parts.batcher, leaseOf(second), second.attempt, numbered(1, 4));
  const stored = await storedEvents(house.database, run);
  expect(stored.map(({ seq, data }) => [seq, data])).toEqual([
    [1, 1],
    [2, 2],
    [3, 4],
  ]);
});

test("a look at the end of a long run does not pass what was shown before", async () => {
  const { run } = await executing();
  const fill = `insert into holdpoint.event (thread_id, seq_from, seq_to, run_id, attempt, body)
    select $1, n, n, $2, 1, '[{"event":"custom","data":1}]' from generate_series(1, 20000) n`;
  await house.database.pool.query(fill, [run.thread_id, run.run_id]);
  await house.database.pool.query("analyze holdpoint.event");
  const keys = {
    tenant_ids: ["default"],
    thread_ids: [run.thread_id],
    run_ids: [run.run_id],
    afters: [19_998],
  };
  const statement = lookAt(keys, { batchEvents: 256, batches: 100, bytes: 250_000 });
  expect((await house.database.many(statement)).map(({ seq_from }) => seq_from)).toEqual([19_999, 20_000]);
  const client = await house.database.pool.connect();
  try {
    await client.query("set plan_cache_mode = force_generic_plan");
    await client.query(`prepare look as ${statement.text}`);
    const values = `array['default'], array['${run.thread_id}'], array['${run.run_id}'::uuid], array[19998], 256, 100, 250000`;
    const { rows } = await client.query(`explain (analyze, buffers, format json) execute look (${values})`);
    const { Plan } = rows[0]["QUERY PLAN"][0];
    expect(Plan["Shared Hit Blocks"] + Plan["Shared Read Blocks"]).toBeLessThan(40);
  } finally {
    client.release(true);
  }
});

test("a wake-up is sent at once, and the next 2 ms after it at the earliest, with all that were asked for until then", async () => {
  let isListening = false;
  const wakeups = openWakeups({ url: house.url, onStateChange: (listening) => (isListening = listening) });
  const listener = new pg.Client({ connectionString: house.url });
  await listener.connect();
  let heard = 0;
  listener.on("notification", () => (heard += 1));
  await listener.query("listen holdpoint_events");
  await until("wake-ups can be sent", () => isListening);
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  try {
    for (let wakes = 0; wakes < 100; wakes += 1) wakeups.wake("events");
    await until("the first is heard", () => heard > 0);
    await turns(listener);
    expect(heard).toBe(1);
    for (let wakes = 0; wakes < 100; wakes += 1) wakeups.wake("events");
    await turns(listener);
    expect(heard).toBe(1);
    vi.advanceTimersByTime(2);
    await until("the second is heard", () => heard > 1);
    vi.advanceTimersByTime(10);
    await turns(listener);
    expect(heard).toBe(2);
  } finally {
    vi.useRealTimers();
    await wakeups.close();
    await listener.end();
  }
});

/** Time enough for what was sent before to arrive, or nearly always. */
async function turns(listener: pg.Client): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await listener.query("select 1");
}
