import pg from "pg";
import { expect, test, vi } from "vitest";
import { cancelRun } from "../../src/postgres/cancel.ts";
import { claimThread, returnLease } from "../../src/postgres/claim.ts";
import { createThread } from "../../src/postgres/create-run.ts";
import { finishRun } from "../../src/postgres/finish.ts";
import type { Finish } from "../../src/postgres/last-writes.ts";
import { executeRun } from "../../src/runtime/execute.ts";
import { knobs } from "../fixtures/workflows/lib/knobs.ts";
import { claimNext, leaseOf } from "../support/dying-worker.ts";
import { until } from "../support/until.ts";
import { house, openScene } from "./scene.ts";

openScene();

/** How often a connection was given something to send while `body` ran; wake-ups, which nobody waits for, left out. */
async function tripsOf(body: () => Promise<unknown>): Promise<number> {
  const queries = vi.spyOn(pg.Client.prototype, "query");
  try {
    await body();
    return queries.mock.calls.filter(([query]) => !String(query).startsWith("notify")).length;
  } finally {
    queries.mockRestore();
  }
}

const FINISHED: Finish = {
  ending: "finished",
  output: "1",
  error: null,
  values: "{}",
  interrupts: "{}",
  questions: [],
  group: null,
  continued: false,
};
const CONTEXT = { graph_fingerprint: "f", guarded: false, checkpoint_id: null, forked_from: null };
const LAST = { events: [{ event: "custom", data: 1 }], beside: [] };

test("a run that nothing stands in the way of is claimed in one trip, and ends in one where it asks nobody", async () => {
  const queued = await house.start("steps", { input: {} });
  const worker = { worker_id: crypto.randomUUID(), graph_ids: ["steps"], leaseMs: 10_000 };
  const claim = () => claimThread(house.database, worker, "default", queued.thread_id);
  let run: Awaited<ReturnType<typeof claim>>;
  expect(await tripsOf(async () => (run = await claim()))).toBe(1);
  const lease = leaseOf(run!);
  expect(run).toMatchObject({ run_id: queued.run_id, status: "running", attempt: 1, left_ms: null });
  expect(await tripsOf(() => finishRun(house.database, lease, run!, FINISHED, CONTEXT, LAST))).toBe(1);
  expect(await house.run(queued.run_id)).toMatchObject({ status: "success", output: "1" });
  expect(await house.thread(queued.thread_id)).toMatchObject({ status: "idle", lease_until: null });
});

test("a thread is made in one trip, and one that is there is neither made again nor changed", async () => {
  const thread_id = crypto.randomUUID();
  const make = (if_exists: "raise" | "do_nothing", metadata: Record<string, unknown>) =>
    createThread(house.database, { tenant_id: "default", thread_id, metadata, if_exists });
  let made: Awaited<ReturnType<typeof make>>;
  expect(await tripsOf(async () => (made = await make("raise", { first: true })))).toBe(1);
  expect(made!).toMatchObject({ thread_id, metadata: { first: true } });
  await expect(make("raise", {})).rejects.toMatchObject({ code: "thread_exists" });
  expect(await make("do_nothing", { second: true })).toMatchObject({ thread_id, metadata: { first: true } });
  expect(await house.thread(thread_id)).toMatchObject({ metadata: { first: true } });
});

test("a thread whose next run is for later, or that executes one, gives nothing to who claims it", async () => {
  const worker = { worker_id: crypto.randomUUID(), graph_ids: ["steps"], leaseMs: 10_000 };
  const claim = (thread_id: string) => claimThread(house.database, worker, "default", thread_id);
  const later = await house.start("steps", { input: {} }, { after_seconds: 3600 });
  expect(await claim(later.thread_id)).toBeUndefined();
  await cancelRun(house.database, { ...later, principal_id: "user:carl" });
  const first = await house.start("steps", { input: {} });
  await house.start("steps", { input: {} }, { thread_id: first.thread_id });
  const run = await claim(first.thread_id);
  expect(run?.run_id).toBe(first.run_id);
  expect(await tripsOf(async () => expect(await claim(first.thread_id)).toBeUndefined())).toBe(2);
  await returnLease(house.database, leaseOf(run!));
  await house.settle();
});

test("a run that ends while another of its thread waits leaves the thread busy", async () => {
  const first = await house.start("steps", { input: {} });
  await house.start("steps", { input: {} }, { thread_id: first.thread_id });
  const run = await claimNext(house);
  await finishRun(house.database, leaseOf(run), run, FINISHED, CONTEXT, LAST);
  expect(await house.thread(first.thread_id)).toMatchObject({ status: "busy" });
  await house.settle();
  expect(await house.thread(first.thread_id)).toMatchObject({ status: "idle" });
});

test("the first node does not wait for the commit of the input, which is stored with the run; the second waits for the first", async () => {
  const queued = await house.start("steps", { input: {} });
  const run = await claimNext(house);
  const holder = await house.database.pool.connect();
  try {
    await holder.query("select pg_advisory_lock(hashtextextended('holdpoint:thread:' || $1, 0))", [run.thread_id]);
    const ended = executeRun(house.parts, { run, lease: leaseOf(run), controller: new AbortController() });
    await until("the first node has run", () => knobs.visits.includes("steps.a"));
    await until("its commit waits for the lock", async () => {
      const { rows } = await house.database.pool.query(
        `select 1 from pg_locks where locktype = 'advisory' and not granted
           and database = (select oid from pg_database where datname = current_database())`,
      );
      return rows.length > 0;
    });
    // Whoever does not wait for the commit has had its turn.
    for (let turn = 0; turn < 50; turn += 1) await house.database.pool.query("select 1");
    expect(knobs.visits).toEqual(["steps.a"]);
    const { rows } = await house.database.pool.query("select 1 from holdpoint.checkpoint where thread_id = $1", [
      run.thread_id,
    ]);
    expect(rows).toEqual([]);
    await holder.query("select pg_advisory_unlock_all()");
    await ended;
  } finally {
    await holder.query("select pg_advisory_unlock_all()");
    holder.release();
  }
  expect(await house.run(queued.run_id)).toMatchObject({ status: "success" });
  expect(knobs.visits).toEqual(["steps.a", "steps.b", "steps.c"]);
});
