import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { cancelRun } from "../../src/postgres/cancel.ts";
import {
  type Claimant,
  type ClaimedRun,
  claimRuns,
  claimThread,
  loseLease,
  returnLease,
} from "../../src/postgres/claim.ts";
import { createDice, SCALE } from "../support/dice.ts";
import { leaseOf } from "../support/dying-worker.ts";
import { type House, openHouse } from "../support/house.ts";
import { violations } from "../support/invariants.ts";
import { approve, theOpen } from "../support/reviewer.ts";

vi.setConfig({ testTimeout: 120_000 * SCALE });

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
afterEach(async () => {
  await house.settle();
  expect(await violations(house.database)).toEqual([]);
});
afterAll(() => house.close());

const claimant = (limits: [string, number][] = [], graph_ids = ["echo", "steps"]): Claimant => ({
  graph_ids,
  worker_id: randomUUID(),
  leaseMs: 60_000,
  limits: new Map(limits),
});
const claim = (count: number, by = claimant()) => claimRuns(house.database, by, count);
const giveBack = async (runs: readonly ClaimedRun[]) => {
  for (const run of runs) await returnLease(house.database, leaseOf(run));
};
const start = async (priority?: number, options: Parameters<House["start"]>[2] = {}) =>
  (await house.start("echo", { input: {} }, { priority, ...options })).run_id;
const idsOf = (runs: readonly ClaimedRun[]) => runs.map(({ run_id }) => run_id);

/** Claims one by one, as a worker with one slot does. */
async function order(): Promise<string[]> {
  const runs: ClaimedRun[] = [];
  for (;;) {
    const [run] = await claim(1);
    if (run === undefined) break;
    runs.push(run);
  }
  await giveBack(runs);
  return idsOf(runs);
}

test("the more urgent of two runs starts first, and of two that are equal the one that came first", async () => {
  const [low, usual, high, second] = [await start(0), await start(), await start(100), await start()];
  expect(await order()).toEqual([high, usual, second, low]);
  // Several at once are no different.
  const runs = await claim(3);
  expect(idsOf(runs)).toEqual([high, usual, second]);
  await giveBack(runs);
});

test("ten seconds of waiting weigh as much as a point, so nothing waits for ever", async () => {
  const old = await start(0);
  await house.pass(900);
  const urgent = await start(100);
  await house.pass(200);
  const late = await start(100);
  expect(await order()).toEqual([urgent, old, late]);
});

test("inside a thread the order is that of the queue, however urgent the later run is", async () => {
  const run = await house.start("echo", { input: {} }, { priority: 0 });
  const { thread_id } = run;
  const urgent = await start(100, { thread_id });
  expect(await order()).toEqual([run.run_id]);
  await cancelRun(house.database, { tenant_id: "default", thread_id, run_id: run.run_id, principal_id: "user:carl" });
  expect(await order()).toEqual([urgent]);
});

test("a run that lost its lease stands again where it stood", async () => {
  const first = await start();
  await house.pass(1);
  const second = await start();
  const [run] = await claim(1);
  await loseLease(house.database, leaseOf(run as ClaimedRun));
  expect(await order()).toEqual([first, second]);
});

test("a run for later has its priority when its time has come, and holds back its thread until then", async () => {
  const later = await house.start("echo", { input: {} }, { priority: 90, after_seconds: 30 });
  const behind = await start(100, { thread_id: later.thread_id });
  const usual = await start();
  expect(await order()).toEqual([usual]);
  expect(await violations(house.database)).toEqual([]);
  expect(await claimThread(house.database, claimant(), "default", later.thread_id)).toBeUndefined();
  await house.pass(31);
  expect(await order()).toEqual([later.run_id, usual]);
  const end = { tenant_id: "default", thread_id: later.thread_id, principal_id: "user:carl" };
  await cancelRun(house.database, { ...end, run_id: later.run_id });
  expect(await order()).toEqual([behind, usual]);
});

test("a run for later that waits behind another is not due before its time", async () => {
  const first = await house.start("echo", { input: {} });
  const later = await start(100, { thread_id: first.thread_id, after_seconds: 60 });
  await house.settle();
  expect(await order()).toEqual([]);
  await house.pass(61);
  expect(await order()).toEqual([later]);
});

test("the run that carries an answer is as urgent as the run that asked", async () => {
  const { thread_id } = await house.start("guarded-payment", { input: { amount: 5 } }, { priority: 70 });
  await house.settle();
  const { resume_run } = await approve(house, await theOpen(house, thread_id));
  expect(resume_run?.priority).toBe(70);
});

test("a state edit goes before every run, also on a graph that is full", async () => {
  const full = claimant([["echo", 1]]);
  await start(100);
  const [busy] = await claim(1, full);
  const waiting = await start(100);
  const { thread_id } = await house.start("echo", { input: {} }, { priority: 0 });
  await cancelRun(house.database, {
    tenant_id: "default",
    thread_id,
    run_id: (await house.database.pool.query("select run_id from holdpoint.run where thread_id = $1", [thread_id]))
      .rows[0].run_id,
    principal_id: "user:carl",
  });
  const edit = await house.start("echo", { update: { values: { log: ["x"] } } }, { thread_id, kind: "state_update" });
  const got = await claim(5, full);
  expect(idsOf(got)).toEqual([edit.run_id]);
  await giveBack([...got, busy as ClaimedRun]);
  expect((await order())[0]).toBe(edit.run_id);
  expect(await order()).toContain(waiting);
});

test("the runs of a deleted thread are in nobody's way", async () => {
  const { thread_id } = await house.start("echo", { input: {} }, { priority: 100 });
  const usual = await start();
  await house.database.pool.query("update holdpoint.thread set deleted_at = holdpoint.now() where thread_id = $1", [
    thread_id,
  ]);
  expect(await order()).toEqual([usual]);
  const { rows } = await house.database.pool.query("select place from holdpoint.run where thread_id = $1", [thread_id]);
  expect(rows).toEqual([{ place: null }]);
  await house.database.pool.query("update holdpoint.run set status = 'interrupted' where thread_id = $1", [thread_id]);
});

test("a graph at its limit starts nothing more, and keeps no other graph waiting", async () => {
  const by = claimant([["echo", 2]]);
  for (let n = 0; n < 30; n += 1) await start(100);
  const other = (await house.start("steps", { input: {} }, { priority: 0 })).run_id;
  const runs = await claim(10, by);
  expect(runs.map(({ graph_id }) => graph_id).toSorted()).toEqual(["echo", "echo", "steps"]);
  expect(idsOf(runs)).toContain(other);
  // Nor when it is asked for by name.
  const { thread_id } = await house.start("echo", { input: {} });
  expect(await claimThread(house.database, by, "default", thread_id)).toBeUndefined();
  await giveBack(runs);
});

test("every graph that is not named has the limit of the star for itself", async () => {
  const by = claimant([
    ["*", 1],
    ["echo", 2],
  ]);
  for (const graph_id of ["echo", "steps", "echo", "steps", "echo"]) await house.start(graph_id, { input: {} });
  const runs = await claim(10, by);
  expect(runs.map(({ graph_id }) => graph_id).toSorted()).toEqual(["echo", "echo", "steps"]);
  await giveBack(runs);
});

test("eight processes that claim at once never start one run too many", async () => {
  const LIMIT = 3;
  for (let n = 0; n < 40; n += 1) await start(n);
  const dice = createDice(7);
  let most = 0;
  let claims = 0;
  const executing = async () =>
    (await house.database.pool.query("select count(*)::int as n from holdpoint.run where status = 'running'")).rows[0]
      .n;
  const process = async () => {
    const by = claimant([["echo", LIMIT]]);
    for (let turn = 0; turn < 30 * SCALE; turn += 1) {
      const runs = await claim(2, by);
      claims += runs.length;
      most = Math.max(most, await executing());
      await dice.hesitate(3);
      await giveBack(runs);
    }
  };
  await Promise.all(Array.from({ length: 8 }, process));
  expect(most).toBe(LIMIT);
  // It is not kept by starting next to nothing.
  expect(claims).toBeGreaterThan(60 * SCALE);
});

test("a worker starts the next run of a full graph as soon as one has ended, on whatever thread", async () => {
  const worker = house.newWorker({ slots: 4, limits: new Map([["echo", 1]]) });
  const ids: string[] = [];
  // So many that finding each by polling alone would take longer than anybody waits here.
  for (let n = 0; n < 50; n += 1) ids.push(await start(n * 2));
  worker.start();
  const ended = "select run_id from holdpoint.run where run_id = any($1) and status = 'success' order by ended_at";
  await expect.poll(async () => (await house.database.pool.query(ended, [ids])).rows.length).toBe(50);
  const { rows } = await house.database.pool.query(ended, [ids]);
  expect(rows.map(({ run_id }) => run_id)).toEqual(ids.toReversed());
  await worker.stop();
});
