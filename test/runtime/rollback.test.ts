import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { attemptsOfRun } from "../../src/postgres/attempts.sql.ts";
import { type CancelAction, cancelRun } from "../../src/postgres/cancel.ts";
import { reapLeases } from "../../src/postgres/claim.ts";
import { type RunRow, selectRunById } from "../../src/postgres/runs.sql.ts";
import { executeRun } from "../../src/runtime/execute.ts";
import { knobs, resetKnobs, visitsOf } from "../fixtures/workflows/lib/knobs.ts";
import { claimNext, executeAndDie, leaseOf } from "../support/dying-worker.ts";
import { type House, openHouse } from "../support/house.ts";
import { violations } from "../support/invariants.ts";
import { openOf, respond, reviewsOf, theOpen } from "../support/reviewer.ts";

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
beforeEach(resetKnobs);
afterEach(async () => expect(await violations(house.database)).toEqual([]));
afterAll(() => house.close());

const stop = ({ tenant_id, thread_id, run_id }: RunRow, action: CancelAction, guarded = false) =>
  cancelRun(house.database, { tenant_id, thread_id, run_id, principal_id: "user:carl", action, guarded });
const find = (run: RunRow) => house.database.maybeOne(selectRunById("default", run.run_id));

/** What of a thread a rollback has to bring back: its row, its checkpoints and their writes. */
async function picture(thread_id: string) {
  const rows = async (text: string) => (await house.database.pool.query(text, [thread_id])).rows;
  const { status, values, interrupts, error } = await house.thread(thread_id);
  return {
    thread: { status, values, interrupts, error },
    checkpoints: await rows("select * from holdpoint.checkpoint where thread_id = $1 order by checkpoint_id"),
    writes: await rows(
      "select * from holdpoint.checkpoint_write where thread_id = $1 order by checkpoint_id, task_id, slot",
    ),
  };
}

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

/** A thread on which one run has come to its end. */
async function usedThread(): Promise<string> {
  const { thread_id } = await house.start("steps", { input: { log: ["before"] } });
  await house.settle();
  return thread_id;
}

test("a running run that is rolled back leaves its thread as it was, and itself nowhere", async () => {
  const thread_id = await usedThread();
  const before = await picture(thread_id);
  const { reached, release } = hold("steps.b");
  const worker = house.newWorker();
  const run = await house.start("steps", { input: { log: ["more"] } }, { thread_id });
  worker.start();
  await reached;
  await stop(run, "rollback");
  await expect.poll(() => find(run)).toBeUndefined();
  expect(await picture(thread_id)).toEqual(before);
  release();
  await worker.stop();
  expect(await picture(thread_id), "its node writes nothing afterwards").toEqual(before);
  expect(await house.database.many(attemptsOfRun("default", run.run_id))).toEqual([]);
  resetKnobs();
  await house.start("steps", { input: { log: ["again"] } }, { thread_id });
  await house.settle();
  const { log } = JSON.parse((await house.thread(thread_id)).values ?? "");
  expect(log).toEqual(["before", "a", "b", "c", "again", "a", "b", "c"]);
});

test("a run that comes to its end before it hears of the rollback is taken back all the same", async () => {
  const thread_id = await usedThread();
  const before = await picture(thread_id);
  const { reached, release } = hold("steps.c");
  const run = await house.start("steps", { input: {} }, { thread_id });
  const ticked = house.worker.tick();
  await reached;
  await stop(run, "rollback");
  release();
  await ticked;
  expect(await find(run)).toBeUndefined();
  expect(await picture(thread_id)).toEqual(before);
});

test("wherever its worker dies, a run that is to be rolled back goes, and nothing of it stays", async () => {
  for (let step = 1; ; step += 1) {
    const thread_id = await usedThread();
    const before = await picture(thread_id);
    const run = await house.start("steps", { input: {} }, { thread_id });
    const claimed = await claimNext(house);
    knobs.onVisit = async (place) => {
      if (place === "steps.b") await stop(run, "rollback");
    };
    const died = await executeAndDie(house, claimed, step);
    knobs.onVisit = () => {};
    // It may have died before anybody wanted it stopped, or after all was done.
    if ((await find(run)) !== undefined) await stop(run, "rollback");
    await house.pass(3600);
    await reapLeases(house.database);
    expect(await find(run), `step ${step}`).toBeUndefined();
    expect(await picture(thread_id), `step ${step}`).toEqual(before);
    expect(await violations(house.database), `step ${step}`).toEqual([]);
    if (!died) break;
  }
});

test("a queued run that is rolled back is gone at once, and its thread is untouched while another runs", async () => {
  const { reached, release } = hold("steps.b");
  const first = await house.start("steps", { input: {} });
  const second = await house.start("steps", { input: {} }, { thread_id: first.thread_id });
  const ticked = house.worker.tick();
  await reached;
  await stop(second, "rollback");
  expect(await find(second)).toBeUndefined();
  expect((await house.thread(first.thread_id)).status).toBe("busy");
  release();
  await ticked;
  expect((await house.run(first.run_id)).status).toBe("success");
  expect(visitsOf("steps.c")).toBe(1);
});

test("a question that the run's input had left behind is asked again", async () => {
  const { thread_id } = await house.start("plain-questions", { input: {} });
  await house.settle();
  const asked = await openOf(house, thread_id);
  const before = await picture(thread_id);
  const run = await house.start("plain-questions", { input: {} }, { thread_id });
  expect(await openOf(house, thread_id)).toEqual([]);
  await stop(run, "rollback");
  expect(await picture(thread_id)).toEqual(before);
  const again = await openOf(house, thread_id);
  expect(again.map(({ interrupt_id }) => interrupt_id)).toEqual(asked.map(({ interrupt_id }) => interrupt_id));
  expect(again.map(({ id }) => id)).not.toEqual(asked.map(({ id }) => id));
  const left = (await reviewsOf(house, thread_id)).filter(({ status }) => status === "superseded");
  expect(left.map(({ superseded_by }) => superseded_by)).toEqual(again.map(({ id }) => id));
  for (const review of again) await respond(house, review, "yes");
  await house.settle();
  expect((await reviewsOf(house, thread_id)).map(({ status }) => status)).toContain("closed");
});

test("what a person decided or what changed the world is not rolled back, and the run goes on", async () => {
  const guarded = await house.start("steps", { input: {} });
  await expect(stop(guarded, "rollback", true)).rejects.toMatchObject({ code: "guarded", status: 409 });
  await house.settle();
  expect((await house.run(guarded.run_id)).status).toBe("success");

  const { thread_id } = await house.start("work-on-answer", { input: {} });
  await house.settle();
  const { resume_run } = await respond(house, await theOpen(house, thread_id), "yes");
  await expect(stop(resume_run!, "rollback")).rejects.toMatchObject({ code: "superseded", status: 409 });
  await house.settle();
  expect((await house.run(resume_run!.run_id)).status).toBe("success");

  const { reached, release } = hold("effect.acted");
  const acting = await house.start("one-effect", { input: { amount: 1, kind: "once" } });
  const ticked = house.worker.tick();
  await reached;
  await expect(stop(acting, "rollback")).rejects.toMatchObject({ code: "superseded", status: 409 });
  release();
  await ticked;
  expect((await house.run(acting.run_id)).status).toBe("success");
});

test("an effect that begins after the rollback was asked for keeps what led to it: the run comes to its own end", async () => {
  const run = await house.start("one-effect", { input: { amount: 1, kind: "idempotent" } });
  const claimed = await claimNext(house);
  let isAsked = false;
  knobs.onVisit = async (place) => {
    if (place === "effect.act" && !isAsked) {
      isAsked = true;
      await stop(run, "rollback");
    }
  };
  // Its worker has not heard of it yet.
  await executeRun(house.parts, { run: claimed, lease: leaseOf(claimed), controller: new AbortController() });
  expect(await house.run(run.run_id)).toMatchObject({ status: "success", cancel_action: "rollback" });
  const { rows } = await house.database.pool.query(
    "select kind from holdpoint.audit where run_id = $1 and kind like 'run.rollback%'",
    [run.run_id],
  );
  expect(rows).toEqual([{ kind: "run.rollback_refused" }]);
});

test.each(["interrupt", "rollback"] as const)(
  "a new run with the strategy %s takes the place of those before it",
  async (strategy) => {
    const thread_id = await usedThread();
    const before = await picture(thread_id);
    const { reached, release } = hold("steps.b");
    const worker = house.newWorker();
    const running = await house.start("steps", { input: { log: ["running"] } }, { thread_id });
    worker.start();
    await reached;
    // Who comes after is not held.
    knobs.onVisit = () => {};
    const queued = await house.start("steps", { input: { log: ["queued"] } }, { thread_id });
    const next = await house.start("steps", { input: { log: ["next"] } }, { thread_id, multitask_strategy: strategy });
    await expect.poll(async () => (await house.run(next.run_id)).status).toBe("success");
    release();
    await worker.stop();
    if (strategy === "interrupt") {
      expect((await house.run(running.run_id)).status).toBe("interrupted");
      expect(await house.run(queued.run_id)).toMatchObject({ status: "interrupted", attempt: 0 });
    } else {
      expect([await find(running), await find(queued)]).toEqual([undefined, undefined]);
      expect((await picture(thread_id)).checkpoints).toEqual(expect.arrayContaining(before.checkpoints));
    }
    const said = JSON.parse((await house.thread(thread_id)).values ?? "").log.filter((word: string) => word.length > 1);
    expect(said).toEqual(strategy === "interrupt" ? ["before", "running", "next"] : ["before", "next"]);
  },
);

test("a run with such a strategy is refused on a guarded graph, and where an answer is on its way", async () => {
  const paying = await house.start("guarded-payment", { input: { amount: 5 } });
  const again = { thread_id: paying.thread_id, multitask_strategy: "interrupt" } as const;
  await expect(house.start("guarded-payment", { input: { amount: 6 } }, again)).rejects.toMatchObject({
    code: "guarded",
  });
  const { thread_id } = await house.start("work-on-answer", { input: {} });
  await house.settle();
  await respond(house, await theOpen(house, thread_id), "yes");
  const rude = { thread_id, multitask_strategy: "rollback" } as const;
  await expect(house.start("work-on-answer", { input: {} }, rude)).rejects.toMatchObject({ code: "thread_busy" });
  await house.settle();
});
