import { afterEach, beforeEach, expect, test } from "vitest";
import { createSaver } from "../../src/postgres/checkpointer/saver.ts";
import { openWakeups } from "../../src/postgres/notify.ts";
import { openPool } from "../../src/postgres/pool.ts";
import { checkpointOf, METADATA } from "../checkpointer/support.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { type HoldingProxy, openProxy } from "../support/proxy.ts";
import { until } from "../support/until.ts";

const SILENT_MS = 100;
/** Long enough for a busy machine to answer a question in. */
const PATIENT_MS = 1_000;
const PUT_LOCK = "select pg_advisory_xact_lock(hashtextextended('holdpoint:thread:t', 0))";

let home: TestDatabase;
let proxy: HoldingProxy;
let closers: (() => Promise<unknown>)[];

beforeEach(async () => {
  home = await createTestDatabase();
  proxy = await openProxy(home.url);
  closers = [() => proxy.close(), () => home.drop()];
});
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A saver by way of the proxy, with a connection that has been used and one that is waiting. */
async function openDistant(silentMs = SILENT_MS) {
  const pool = openPool({ connectionString: proxy.url, max: 2, silentMs });
  closers.unshift(() => pool.end());
  const saver = createSaver({ pool });
  const put = () => {
    const { checkpoint, versions } = checkpointOf({ text: "kept" });
    return saver.put({ configurable: { thread_id: "t" } }, checkpoint, METADATA, versions);
  };
  await Promise.all([put(), saver.getTuple({ configurable: { thread_id: "t" } })]);
  return { pool, put, read: () => saver.getTuple({ configurable: { thread_id: "t" } }) };
}

const isUnreachable = { code: "database_unreachable", retryable: true };

test("a put on a connection that will never be answered is refused, and the same saver goes on over a new one", async () => {
  const { pool, put, read } = await openDistant();
  proxy.hold("open");
  await expect(put()).rejects.toMatchObject(isUnreachable);
  await expect(put().catch(put)).resolves.toBeDefined();
  expect((await read())?.checkpoint.channel_values).toEqual({ text: "kept" });
  expect(pool.totalCount).toBeLessThanOrEqual(2);
});

test("while nothing gets through a put is refused and a new connection is given up; afterwards both work", async () => {
  const { put, read } = await openDistant();
  proxy.hold("all");
  await expect(put()).rejects.toMatchObject(isUnreachable);
  const impatient = openPool({ connectionString: proxy.url, connectionTimeoutMillis: SILENT_MS });
  await expect(impatient.query("select 1")).rejects.toThrow(/timeout/);
  await impatient.end();
  proxy.heal();
  await put().catch(put);
  expect((await read())?.checkpoint.channel_values).toEqual({ text: "kept" });
});

test("a put that waits for a lock is left alone, however often it is asked about", async () => {
  const { put } = await openDistant(PATIENT_MS);
  const direct = openPool({ connectionString: home.url, max: 1 });
  closers.unshift(() => direct.end());
  const holder = await direct.connect();
  await holder.query("begin");
  await holder.query(PUT_LOCK);
  const before = proxy.taken();
  const waiting = put();
  await until("Postgres was asked three times", () => proxy.taken() >= before + 3);
  await holder.query("commit");
  holder.release();
  await expect(waiting).resolves.toBeDefined();
});

test("a process that only listens notices that it hears nothing any more, and listens again", async () => {
  const states: boolean[] = [];
  const listening = openWakeups({
    url: proxy.url,
    tryMs: SILENT_MS,
    silentMs: SILENT_MS,
    onStateChange: (isListening) => states.push(isListening),
  });
  const waking = openWakeups({ url: home.url });
  closers.unshift(() => Promise.all([listening.close(), waking.close()]));
  let heard = 0;
  listening.subscribe("runs", () => (heard += 1));
  const wakeUntilHeard = async () => {
    const before = heard;
    await until("a wake-up arrives", () => {
      waking.wake("runs");
      return heard > before;
    });
  };
  const listens = () => states.filter(Boolean).length;
  await until("it listens", () => listens() > 0);
  await wakeUntilHeard();
  // On a busy machine it may have been in doubt before.
  const before = listens();
  proxy.hold("open");
  await until("it listens again", () => listens() > before);
  expect(states).toEqual(states.map((_, index) => index % 2 === 0));
  await wakeUntilHeard();
});

test("who waits for a connection while all are in use is told so in the end", async () => {
  const pool = openPool({ connectionString: home.url, max: 1, connectionTimeoutMillis: PATIENT_MS });
  closers.unshift(() => pool.end());
  const saver = createSaver({ pool });
  const { checkpoint, versions } = checkpointOf({ text: "late" });
  const held = await pool.connect();
  const put = () => saver.put({ configurable: { thread_id: "t" } }, checkpoint, METADATA, versions);
  await expect(put()).rejects.toMatchObject({ ...isUnreachable, message: expect.stringMatching(/^all 1 connections/) });
  held.release();
  await expect(put()).resolves.toBeDefined();
});
