import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { createInterface } from "node:readline";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { claimThread, type Reaped, reapLeases } from "../../src/postgres/claim.ts";
import { leaseHeld } from "../../src/postgres/fence.sql.ts";
import type { Statement } from "../../src/postgres/sql.ts";
import { lockThreadShared } from "../../src/postgres/threads.sql.ts";
import { resetKnobs } from "../fixtures/workflows/lib/knobs.ts";
import { claimNext, leaseOf } from "../support/dying-worker.ts";
import { type House, openHouse } from "../support/house.ts";
import { violations } from "../support/invariants.ts";
import { until } from "../support/until.ts";

let house: House;
const clients: pg.Client[] = [];
const children: ChildProcess[] = [];
beforeAll(async () => {
  house = await openHouse();
});
beforeEach(async () => {
  resetKnobs();
  // Since when a backend is silent is known by the real clock.
  await house.database.pool.query("update holdpoint.clock set shift = '0'");
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await Promise.all(clients.splice(0).map((client) => client.end()));
  await house.settle();
  expect(await violations(house.database)).toEqual([]);
});
afterAll(() => house.close());

/** A connection of a worker, and the error that it ends with. */
async function connect(url = house.url): Promise<{ client: pg.Client; pid: number; lost: Promise<Error> }> {
  const client = new pg.Client({ connectionString: url });
  const lost = new Promise<Error>((resolve) => client.on("error", resolve));
  await client.connect();
  clients.push(client);
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  return { client, pid: rows[0]!.pid, lost };
}

interface Wire {
  parse(message: { text: string }): void;
  bind(message: { values: readonly unknown[] }): void;
  execute(message: object): void;
}

/** What is left of a batch whose process was stopped: all of it but the Sync. */
function sendHalf(client: pg.Client, statements: readonly Statement[]): Promise<Error> {
  const ignore = () => {};
  return new Promise((resolve) => {
    const half = {
      submit({ parse, bind, execute }: Wire) {
        const wire = (client as unknown as { connection: Wire }).connection;
        for (const { text, values } of statements) {
          parse.call(wire, { text });
          bind.call(wire, { values: values.map(String) });
          execute.call(wire, {});
        }
        return null;
      },
      handleError: resolve,
      handleDataRow: ignore,
      handleCommandComplete: ignore,
      handleReadyForQuery: ignore,
    };
    client.query(half as unknown as pg.Submittable);
  });
}

const rowsOf = async <Row extends pg.QueryResultRow>(text: string, values: unknown[] = []) =>
  (await house.database.pool.query<Row>(text, values)).rows;

/** The backends that have any thread's lock. */
const holders = async () =>
  (
    await rowsOf<{ pid: number }>(
      `select distinct l.pid from pg_locks l where l.locktype = 'advisory' and l.granted
         and l.database = (select oid from pg_database where datname = current_database())`,
    )
  ).map(({ pid }) => pid);
const holds = (pid: number) => until(`${pid} holds the lock`, async () => (await holders()).includes(pid));
const isWaiting = (pid: number, type: string) =>
  until(`${pid} waits for ${type}`, async () => {
    const waits = await rowsOf("select 1 from pg_stat_activity where pid = $1 and wait_event_type = $2", [pid, type]);
    return waits.length === 1;
  });
/** The lease of one thread runs out, and no time passes for anybody else. */
const runOut = (thread_id: string) =>
  rowsOf("update holdpoint.thread set lease_until = holdpoint.now() - interval '1 second' where thread_id = $1", [
    thread_id,
  ]);
const stillHeld = (thread_id: string) =>
  rowsOf("update holdpoint.thread set lease_until = holdpoint.now() + interval '1 minute' where thread_id = $1", [
    thread_id,
  ]);
const claim = (thread_id: string) =>
  claimThread(house.database, { graph_ids: ["steps"], worker_id: randomUUID(), leaseMs: 60_000 }, "default", thread_id);

/** Reaps until a lease is taken back; what it waits for is the end of the backend that was told to end. */
async function reaped(): Promise<Reaped[]> {
  return await until("a lease is taken back", async () => {
    const taken = await reapLeases(house.database);
    return taken.length > 0 && taken;
  });
}

async function claimedThread() {
  const { thread_id } = await house.start("steps", { input: {} });
  return { thread_id, run: await claimNext(house) };
}

const halfOfABatch = (thread_id: string, lease_epoch: number) => [
  lockThreadShared(thread_id),
  leaseHeld("default", thread_id, lease_epoch),
];

test("a batch that was sent half is ended when its lease is over, and not before; the run goes on elsewhere", async () => {
  const { thread_id, run } = await claimedThread();
  const { client, pid } = await connect();
  const ended = sendHalf(client, halfOfABatch(thread_id, run.lease_epoch));
  await holds(pid);
  // Longer than anybody is stuck by accident, shorter than the lease.
  await house.pass(30);
  expect(await reapLeases(house.database)).toEqual([]);
  expect(await claim(thread_id)).toBeUndefined();
  expect(await holders()).toContain(pid);
  await house.pass(60);
  expect(await reaped()).toEqual([{ thread_id, run_id: run.run_id, result: "lose_lease" }]);
  expect(await ended).toMatchObject({ code: "57P01" });
  await house.settle();
  expect((await house.run(run.run_id)).status).toBe("success");
});

test("half a batch that comes after its lease was taken back is ended by whoever wants to claim the thread", async () => {
  const { thread_id, run } = await claimedThread();
  await runOut(thread_id);
  await reaped();
  const { client, pid } = await connect();
  const ended = sendHalf(client, halfOfABatch(thread_id, run.lease_epoch));
  await holds(pid);
  expect(await claim(thread_id)).toBeUndefined();
  expect(await holders()).toContain(pid);
  await house.pass(60);
  const claimed = await until("the thread is claimed", () => claim(thread_id));
  expect(await ended).toMatchObject({ code: "57P01" });
  expect(claimed.run_id).toBe(run.run_id);
  await house.pass(3600);
  await reaped();
});

test("whoever is between two statements is left alone: a pooled connection is not stuck for having the lock now", async () => {
  const { thread_id } = await claimedThread();
  const { client, pid } = await connect();
  await client.query("begin");
  const { text, values } = lockThreadShared(thread_id);
  await client.query(text, values);
  await runOut(thread_id);
  expect(await reapLeases(house.database)).toEqual([]);
  expect(await holders()).toContain(pid);
  await client.query("commit");
  expect(await reaped()).toMatchObject([{ thread_id, result: "lose_lease" }]);
});

test("whoever is at work is left alone, however long it takes: only a client that is silent is stopped", async () => {
  const { thread_id } = await claimedThread();
  const [working, blocking] = [await connect(), await connect()];
  await blocking.client.query("begin; select pg_advisory_xact_lock(1)");
  const half = sendHalf(working.client, [
    lockThreadShared(thread_id),
    { name: "", text: "select pg_advisory_xact_lock_shared(1)", values: [] },
  ]);
  await isWaiting(working.pid, "Lock");
  await house.pass(3600);
  expect(await reapLeases(house.database)).toEqual([]);
  expect(await holders()).toContain(working.pid);
  // Now it is its client that it waits for.
  await blocking.client.query("commit");
  await isWaiting(working.pid, "Client");
  expect(await reaped()).toMatchObject([{ thread_id }]);
  expect(await half).toMatchObject({ code: "57P01" });
});

test("a backend of another role is not ended, and does not keep the reaper from other threads", async () => {
  const role = `hp_${randomUUID().slice(0, 8)}`;
  await rowsOf(`create role ${role} login password 'secret'`);
  const [{ thread_id: locked }, { thread_id: free }] = [await claimedThread(), await claimedThread()];
  const url = new URL(house.url);
  url.username = role;
  url.password = "secret";
  const { client, pid } = await connect(url.href);
  await client.query("begin");
  const { text, values } = lockThreadShared(locked);
  await client.query(text, values);
  await house.pass(3600);
  expect(await reaped()).toMatchObject([{ thread_id: free }]);
  expect(await holders()).toContain(pid);
  await client.query("rollback");
  expect(await reaped()).toMatchObject([{ thread_id: locked }]);
  await client.end();
  await rowsOf(`drop role ${role}`);
});

test("a process stopped in the middle of a batch of several threads: the innocent see a retryable error, and nothing is half written", async () => {
  const [lost, kept] = [await claimedThread(), await claimedThread()];
  const innocent = randomUUID();
  const child = spawn(
    process.execPath,
    [
      join(import.meta.dirname, "..", "support", "half-sender.ts"),
      house.url,
      JSON.stringify([leaseOf(lost.run), leaseOf(kept.run), innocent]),
    ],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  children.push(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const said = async () => JSON.parse((await lines.next()).value ?? "null");
  expect(await said()).toEqual({ event: "warm", results: ["stored", "stored", "stored"] });
  const threads = [lost.thread_id, kept.thread_id, innocent];
  const counts = async () =>
    await Promise.all(
      threads.map(async (id) => (await rowsOf("select 1 from holdpoint.checkpoint where thread_id = $1", [id])).length),
    );
  child.stdin.write("send half\n");
  const [pid] = await until("its batch is sent half", async () => {
    const stuck = await rowsOf<{ pid: number }>(
      `select distinct a.pid from pg_stat_activity a join pg_locks l using (pid)
       where l.locktype = 'advisory' and l.granted and a.datname = current_database()
         and a.query like '%into holdpoint.checkpoint as c%' and a.wait_event = 'ClientRead'`,
    );
    return stuck.length === 1 && stuck.map(({ pid }) => pid);
  });
  await house.pass(30);
  expect(await reapLeases(house.database)).toEqual([]);
  expect(await holders()).toContain(pid);
  await house.pass(3600);
  await stillHeld(kept.thread_id);
  expect(await reaped()).toMatchObject([{ thread_id: lost.thread_id }]);
  expect(await counts()).toEqual([1, 1, 1]);

  child.kill("SIGCONT");
  const unreachable = { code: "database_unreachable", retryable: true };
  expect(await said()).toEqual({ event: "send half", results: [unreachable, unreachable, unreachable] });
  expect(await counts()).toEqual([1, 1, 1]);
  child.stdin.write("again\n");
  const fenced = { code: "lease_lost", retryable: false };
  expect(await said()).toEqual({ event: "again", results: [fenced, "stored", "stored"] });
  expect(await counts()).toEqual([1, 2, 2]);
  await house.pass(3600);
  await reaped();
});
