import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { attemptsOfRun } from "../../src/postgres/attempts.sql.ts";
import { reapLeases } from "../../src/postgres/claim.ts";
import { timeOutRuns } from "../../src/postgres/time-out.ts";
import { executeRun } from "../../src/runtime/execute.ts";
import { knobs, resetKnobs, visitsOf } from "../fixtures/workflows/lib/knobs.ts";
import { claimNext, leaseOf } from "../support/dying-worker.ts";
import { type House, openHouse } from "../support/house.ts";
import { violations } from "../support/invariants.ts";
import { approve, theOpen } from "../support/reviewer.ts";

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
beforeEach(resetKnobs);
afterEach(async () => expect(await violations(house.database)).toEqual([]));
afterAll(() => house.close());

const attempts = (run_id: string) => house.database.many(attemptsOfRun("default", run_id));
const checkpointsOf = async (run_id: string) =>
  (await house.database.pool.query("select checkpoint_id from holdpoint.checkpoint where run_id = $1", [run_id])).rows;

/** Keeps a node at `place` until it is let go, whatever its signal says. */
function hold(place: string): { reached: Promise<void>; release: () => void } {
  const reached = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  knobs.onVisit = async (visited) => {
    if (visited !== place) return;
    reached.resolve();
    await released.promise;
  };
  return { reached: reached.promise, release: released.resolve };
}

test("a run over its time ends timeout with the state it has reached, and its node writes nothing more", async () => {
  const { release } = hold("steps.b");
  const run = await house.start("steps", { input: {}, timeout: 1.5 });
  await house.worker.tick();
  const ended = await house.run(run.run_id);
  expect(ended.status).toBe("timeout");
  expect(JSON.parse(ended.error ?? "")).toEqual({ error: "timeout", message: expect.stringContaining("1.5 s") });
  const thread = await house.thread(run.thread_id);
  expect(thread.status).toBe("error");
  expect(JSON.parse(thread.values ?? "")).toMatchObject({ log: ["a"] });
  expect(await attempts(run.run_id)).toMatchObject([{ outcome: "timeout", error_class: "timeout" }]);
  const before = await checkpointsOf(run.run_id);
  release();
  await house.settle();
  expect(await checkpointsOf(run.run_id)).toEqual(before);
  expect(visitsOf("steps.c")).toBe(0);
});

test("what a run of a graph may take by default is the worker's to say, and the run's own word counts more", async () => {
  const { release } = hold("steps.b");
  const worker = house.newWorker({ timeouts: new Map([["steps", 0.3]]) });
  const limited = await house.start("steps", { input: {} });
  const patient = await house.start("steps", { input: {}, timeout: 3600 });
  const ticked = worker.tick();
  await expect.poll(async () => (await house.run(limited.run_id)).status).toBe("timeout");
  expect((await house.run(patient.run_id)).status).toBe("running");
  release();
  await ticked;
  expect((await house.run(patient.run_id)).status).toBe("success");
});

test("waiting in the queue and for a person takes none of a run's time", async () => {
  const { thread_id } = await house.start("guarded-payment", { input: { amount: 5 }, timeout: 60 });
  await house.pass(3600);
  await house.settle();
  const review = await theOpen(house, thread_id);
  await house.pass(3600);
  const { resume_run } = await approve(house, review);
  expect(resume_run?.timeout_seconds).toBe(60);
  await house.pass(3600);
  await house.settle();
  expect((await house.run(resume_run?.run_id as string)).status).toBe("success");
});

test("a later attempt goes on with the clock of the one before, and the time nobody executed it does not count", async () => {
  const run = await house.start("steps", { input: {}, timeout: 100 });
  const first = await claimNext(house, 20_000);
  expect(first.left_ms).toBeGreaterThan(99_000);
  // Its worker is gone; the lease had 20 s to run, and an hour passes before anybody looks.
  await house.pass(3600);
  expect(await reapLeases(house.database)).toMatchObject([{ result: "lose_lease" }]);
  await house.pass(3600);
  const second = await claimNext(house, 60_000);
  expect(second.left_ms).toBeGreaterThan(75_000);
  expect(second.left_ms).toBeLessThan(85_000);
  await house.pass(3600);
  await reapLeases(house.database);
  // 20 s and 60 s are gone; the third has what is left.
  const third = await claimNext(house, 60_000);
  expect(third.left_ms).toBeLessThan(25_000);
  await house.pass(3600);
  await reapLeases(house.database);
  await house.settle();
  expect((await house.run(run.run_id)).status).toBe("timeout");
  expect(knobs.visits).toEqual([]);
  expect((await attempts(run.run_id)).map(({ outcome }) => outcome)).toEqual([
    "lease_lost",
    "lease_lost",
    "lease_lost",
    "timeout",
  ]);
});

test("a run whose worker cannot stop it is ended by any other, and what its worker does then is refused", async () => {
  const { reached, release } = hold("steps.b");
  const run = await house.start("steps", { input: {} });
  const claimed = await claimNext(house);
  const controller = new AbortController();
  // Its clock does not turn, as in a process whose event loop a node keeps busy.
  const stuck = executeRun(house.parts, { run: { ...claimed, left_ms: null }, lease: leaseOf(claimed), controller });
  await reached;
  await house.database.pool.query(
    "update holdpoint.run set timeout_seconds = 60, deadline = holdpoint.now() + interval '60 s' where run_id = $1",
    [run.run_id],
  );
  expect(await timeOutRuns(house.database)).toEqual([]);
  await house.pass(120);
  expect(await timeOutRuns(house.database)).toEqual([{ thread_id: run.thread_id, run_id: run.run_id }]);
  expect((await house.run(run.run_id)).status).toBe("timeout");
  const thread = await house.thread(run.thread_id);
  expect(thread).toMatchObject({ status: "error", values: null, interrupts: "{}", lease_until: null });
  const said = expect.stringMatching(`run ${run.run_id} has executed .* 60 s .* state is at checkpoint `);
  expect(JSON.parse(thread.error ?? "")).toEqual({ error: "timeout", message: said });
  const before = await checkpointsOf(run.run_id);
  release();
  await stuck;
  expect(controller.signal.reason).toBe("lease_lost");
  expect(await checkpointsOf(run.run_id)).toEqual(before);
  expect((await house.run(run.run_id)).status).toBe("timeout");
});

test("a node that takes longer than nodes may fails, and starts no effect afterwards", async () => {
  const { reached, release } = hold("effect.act");
  const run = await house.start("one-effect", { input: { amount: 1, kind: "idempotent" } });
  const claimed = await claimNext(house);
  const parts = { ...house.parts, nodeTimeoutMs: 300 };
  const ended = executeRun(parts, { run: claimed, lease: leaseOf(claimed), controller: new AbortController() });
  await reached;
  await ended;
  const { status, error } = await house.run(run.run_id);
  expect(status).toBe("error");
  expect(JSON.parse(error ?? "")).toMatchObject({ error: "NodeTimeoutError" });
  release();
  await house.settle();
  expect(knobs.visits).toEqual(["effect.act"]);
});
