import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { cancelRun } from "../../src/postgres/cancel.ts";
import { reapLeases } from "../../src/postgres/claim.ts";
import type { RunRow } from "../../src/postgres/runs.sql.ts";
import { knobs, resetKnobs, visitsOf } from "../fixtures/workflows/lib/knobs.ts";
import { claimNext } from "../support/dying-worker.ts";
import { type House, openHouse } from "../support/house.ts";
import { violations } from "../support/invariants.ts";
import { answer, approve, openOf, respond, reviewsOf, theOpen } from "../support/reviewer.ts";

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
beforeEach(resetKnobs);
afterEach(async () => expect(await violations(house.database)).toEqual([]));
afterAll(() => house.close());

const cancel = ({ tenant_id, thread_id, run_id }: Pick<RunRow, "tenant_id" | "thread_id" | "run_id">) =>
  cancelRun(house.database, { tenant_id, thread_id, run_id, principal_id: "user:carl" });

/** Waits until a node is at `place`; it stays there until what comes back is called. */
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

test("a queued run that is cancelled never runs", async () => {
  const run = await house.start("steps", { input: {} });
  await cancel(run);
  await house.settle();
  expect(await house.run(run.run_id)).toMatchObject({ status: "interrupted", attempt: 0 });
  expect(knobs.visits).toEqual([]);
  expect((await house.thread(run.thread_id)).status).toBe("idle");
});

test("a run that waits for a person takes its question back, and the answer that comes later is told so", async () => {
  const run = await house.start("guarded-payment", { input: { amount: 5 } });
  await house.settle();
  const review = await theOpen(house, run.thread_id);
  await cancel(run);
  expect((await reviewsOf(house, run.thread_id))[0]).toMatchObject({ status: "cancelled" });
  expect((await house.run(run.run_id)).status).toBe("interrupted");
  expect(await house.thread(run.thread_id)).toMatchObject({ status: "idle", interrupts: "{}" });
  await expect(approve(house, review)).rejects.toMatchObject({ code: "cancelled", status: 410 });
  const next = await house.start("guarded-payment", { input: { amount: 6 } }, { thread_id: run.thread_id });
  await house.settle();
  expect((await theOpen(house, run.thread_id)).run_id).toBe(next.run_id);
});

test("a group that is half answered is taken back whole, and the thread can be used again", async () => {
  const run = await house.start("parallel-questions", { input: {} });
  await house.settle();
  const [one] = await openOf(house, run.thread_id);
  await respond(house, one!, "yes");
  await cancel(run);
  expect((await reviewsOf(house, run.thread_id)).map(({ status }) => status)).toEqual(["cancelled", "cancelled"]);
});

test("a queued resume that is cancelled takes its answer with it, and an empty input asks again", async () => {
  const { thread_id } = await house.start("guarded-payment", { input: { amount: 5 } });
  await house.settle();
  const review = await theOpen(house, thread_id);
  const { resume_run } = await approve(house, review);
  await cancel(resume_run!);
  expect((await reviewsOf(house, thread_id))[0]?.status).toBe("cancelled");
  await house.start("guarded-payment", { input: null }, { thread_id });
  await house.settle();
  expect(visitsOf("guarded.pay")).toBe(0);
  const anew = await theOpen(house, thread_id);
  await answer(house, anew, [{ type: "reject" }]);
  await house.settle();
  expect(JSON.parse((await house.thread(thread_id)).values ?? "").log).toEqual(["propose", "reject", "nothing paid"]);
});

test("a running run is stopped by its worker and ends interrupted", async () => {
  const { reached, release } = hold("steps.b");
  const worker = house.newWorker();
  const run = await house.start("steps", { input: {} });
  worker.start();
  await reached;
  await cancel(run);
  await expect.poll(async () => (await house.run(run.run_id)).status).toBe("interrupted");
  release();
  await worker.stop();
  expect(visitsOf("steps.c")).toBe(0);
  expect((await house.thread(run.thread_id)).status).toBe("idle");
});

test("a cancellation that comes while the run reaches its question leaves no question", async () => {
  const { reached, release } = hold("guarded.review");
  const run = await house.start("guarded-payment", { input: { amount: 5 } });
  const ticked = house.worker.tick();
  await reached;
  await cancel(run);
  release();
  await ticked;
  expect((await house.run(run.run_id)).status).toBe("interrupted");
  expect(await openOf(house, run.thread_id)).toEqual([]);
  expect(await house.thread(run.thread_id)).toMatchObject({ status: "idle", interrupts: "{}" });
});

test("a cancelled run whose worker dies is not begun again", async () => {
  const run = await house.start("steps", { input: {} });
  await claimNext(house);
  await cancel(run);
  await house.pass(3600);
  await reapLeases(house.database);
  await house.settle();
  expect(await house.run(run.run_id)).toMatchObject({ status: "interrupted", cancelled_by: "user:carl" });
  expect(knobs.visits).toEqual([]);
  expect((await house.thread(run.thread_id)).status).toBe("idle");
});

test("a run that has ended is left alone, and an unknown one is not found", async () => {
  const run = await house.start("echo", { input: {} });
  await house.settle();
  await cancel(run);
  expect((await house.run(run.run_id)).status).toBe("success");
  await expect(cancel({ ...run, run_id: crypto.randomUUID() })).rejects.toMatchObject({ code: "not_found" });
});
