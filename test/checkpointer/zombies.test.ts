import { randomUUID } from "node:crypto";
import type pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createWriteBatcher, type WriteBatcher } from "../../src/postgres/batch.ts";
import { createSaver, type HoldpointSaver } from "../../src/postgres/checkpointer/saver.ts";
import { type Database, openDatabase } from "../../src/postgres/database.ts";
import { fencedExclusive, fencedWrite, verifyLease } from "../../src/postgres/fence.ts";
import { sql } from "../../src/postgres/sql.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { until } from "../support/until.ts";
import { type CountedSaver, checkpointOf, createThread, METADATA, openCounted } from "./support.ts";

// Nothing here is left to luck: who comes when is decided by locks that the test holds and lets go.

const RUN = "7f2c1b1e-6f0e-4a49-9c1e-0d6c6f3f4a11";

let testDatabase: TestDatabase;
let counted: CountedSaver;
let database: Database;
let batcher: WriteBatcher;
let saver: HoldpointSaver;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  counted = openCounted(testDatabase.url);
  database = openDatabase({ url: testDatabase.url, max: 6 });
  batcher = createWriteBatcher(database.pool);
  saver = createSaver({ pool: database.pool, batcher });
  await counted.rows("create table public.note (id integer primary key)");
});
afterAll(async () => {
  await counted.end();
  await database.close();
  await testDatabase.drop();
});

const lease = (thread_id: string) => ({ tenant_id: "default", thread_id, lease_epoch: 1, run_id: RUN });
const note = (id: number) => sql`insert into public.note (id) values (${id}::integer)`;
const list = Array.from({ length: 200 }, (_, index) => `element ${index}`);

/** All that a saver stores: a checkpoint with a chain, the writes of a task, and one special write. */
function writeAll(thread_id: string, onLost?: () => void): Promise<unknown>[] {
  const leased = saver.withLease({ ...lease(thread_id), ...(onLost === undefined ? {} : { onLost }) });
  const { checkpoint, versions } = checkpointOf({ x: 1, list });
  const stored = { configurable: { thread_id, checkpoint_id: checkpoint.id } };
  return [
    leased.put({ configurable: { thread_id } }, checkpoint, METADATA, versions),
    leased.putWrites(stored, [["x", 2]], "task"),
    leased.putWrites(stored, [["__interrupt__", 3]], "task"),
  ];
}

const rowsByTable = async (thread_id: string) => {
  const count = async (table: string) =>
    (await counted.rows(`select 1 from holdpoint.${table} where thread_id = $1`, [thread_id])).length;
  return {
    checkpoints: await count("checkpoint"),
    chunks: await count("checkpoint_chunk"),
    writes: await count("checkpoint_write"),
  };
};
const NOTHING = { checkpoints: 0, chunks: 0, writes: 0 };

const codesOf = async (writes: readonly Promise<unknown>[]) =>
  (await Promise.allSettled(writes)).map((write) => (write.status === "fulfilled" ? "stored" : write.reason.code));

/** Another connection in a transaction, let go at the end of the test. */
async function other<Result>(body: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
  const client = await counted.pool.connect();
  try {
    await client.query("begin");
    return await body(client);
  } finally {
    // Thrown away, with its transaction.
    client.release(true);
  }
}

const KEY = "hashtextextended('holdpoint:thread:' || $1, 0)";

/** A claim, as far as it has its lock; `finish` raises the fence and commits. */
async function beginClaim(client: pg.PoolClient, thread_id: string) {
  await client.query(`select pg_advisory_xact_lock(${KEY})`, [thread_id]);
  return async () => {
    await client.query("update holdpoint.thread set lease_epoch = lease_epoch + 1 where thread_id = $1", [thread_id]);
    await client.query("commit");
  };
}

/** Until as many backends wait for an advisory lock, or what should wait for it has gone past it. */
async function untilWaiting(backends: number, writes: readonly Promise<unknown>[]): Promise<void> {
  let isSettled = false;
  void Promise.race(writes.map((write) => write.catch(() => undefined))).then(() => {
    isSettled = true;
  });
  await until(`${backends} wait for the lock`, async () => {
    const waiting = await counted.rows(
      `select 1 from pg_locks where locktype = 'advisory' and not granted
         and database = (select oid from pg_database where datname = current_database())`,
    );
    return isSettled || waiting.length === backends;
  });
}

test("a batch that waited for a claim finds, when it gets its lock, that the lease is lost", async () => {
  const thread_id = randomUUID();
  await createThread(counted, thread_id);
  let lost = 0;
  const writes = await other(async (client) => {
    const finishClaim = await beginClaim(client, thread_id);
    const sent = writeAll(thread_id, () => {
      lost += 1;
    });
    await untilWaiting(1, sent);
    await finishClaim();
    return sent;
  });
  expect(await codesOf(writes)).toEqual(["lease_lost", "lease_lost", "lease_lost"]);
  expect(await rowsByTable(thread_id)).toEqual(NOTHING);
  expect(lost).toBe(1);
});

test.each([
  ["a fenced transaction", fencedWrite],
  ["a fenced transaction that has the lock alone", fencedExclusive],
])("%s that waited for a claim finds that the lease is lost, and writes nothing", async (_, fenced) => {
  const thread_id = randomUUID();
  await createThread(counted, thread_id);
  await counted.rows("delete from public.note");
  const writes = await other(async (client) => {
    const finishClaim = await beginClaim(client, thread_id);
    const sent = [
      fenced(database, lease(thread_id), (tx) => tx.run(note(1))),
      fenced(database, lease(thread_id), (tx) => tx.run(note(2))),
    ];
    await untilWaiting(2, sent);
    await finishClaim();
    return sent;
  });
  expect(await codesOf(writes)).toEqual(["lease_lost", "lease_lost"]);
  expect(await counted.rows("select 1 from public.note")).toEqual([]);
  await expect(verifyLease(database, lease(thread_id))).rejects.toMatchObject({ code: "lease_lost" });
});

test("no claim comes between the verdict of a batch and its commit", async () => {
  const thread_id = randomUUID();
  await createThread(counted, thread_id);
  await counted.rows("delete from public.note");
  const writes = await other(async (client) => {
    await client.query("insert into public.note (id) values (7)");
    // The verdict and the inserts are behind it when it comes to the note that somebody else is about to write.
    const sent = [
      ...writeAll(thread_id),
      batcher.submit({ thread_id: randomUUID(), statements: [note(7)] }).then(() => "stored"),
    ];
    await until("the batch waits for the note", async () => {
      const waiting = await counted.rows(
        `select 1 from pg_stat_activity where wait_event = 'transactionid' and datname = current_database()
           and query like '%public.note%'`,
      );
      return waiting.length === 1;
    });
    const claim = await counted.rows<{ claimed: boolean }>(`select pg_try_advisory_xact_lock(${KEY}) as claimed`, [
      thread_id,
    ]);
    expect(claim).toEqual([{ claimed: false }]);
    expect(await rowsByTable(thread_id)).toEqual(NOTHING);
    return sent;
  });
  expect(await codesOf(writes)).toEqual(["stored", "stored", "stored", "stored"]);
  expect(await rowsByTable(thread_id)).toEqual({ checkpoints: 1, chunks: 1, writes: 2 });
});

test("whatever a lost lease tries to store beside an honest write, no table keeps a row of it", async () => {
  const [zombie, honest] = [randomUUID(), randomUUID()];
  await createThread(counted, zombie, 2);
  await createThread(counted, honest);
  const [lost, kept] = [writeAll(zombie), writeAll(honest)];
  expect(await codesOf(lost)).toEqual(["lease_lost", "lease_lost", "lease_lost"]);
  expect(await codesOf(kept)).toEqual(["stored", "stored", "stored"]);
  expect(await rowsByTable(zombie)).toEqual(NOTHING);
  expect(await rowsByTable(honest)).toEqual({ checkpoints: 1, chunks: 1, writes: 2 });
});

test("a write that changes nothing is no lost lease, and one that changes something is none of a lost one", async () => {
  const [held, gone] = [randomUUID(), randomUUID()];
  await createThread(counted, held);
  await createThread(counted, gone, 2);
  const statements = (row: string) => [
    sql`insert into public.note (id) select ${row === "none" ? 1 : 100}::integer where ${row}::text <> 'none'`,
  ];
  await counted.rows("delete from public.note");
  const writes = [
    batcher.submit({ thread_id: held, lease: lease(held), statements: statements("none") }),
    batcher.submit({ thread_id: gone, lease: lease(gone), statements: statements("one") }),
  ];
  expect(await codesOf(writes)).toEqual(["stored", "lease_lost"]);
});
