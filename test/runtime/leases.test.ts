import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { cancelRun } from "../../src/postgres/cancel.ts";
import { claimRuns, claimThread, loseLease, reapLeases, returnLease } from "../../src/postgres/claim.ts";
import { appendEvents, readRunEvents } from "../../src/postgres/events.ts";
import { finishRun } from "../../src/postgres/finish.ts";
import { executeRun } from "../../src/runtime/execute.ts";
import { createWorker } from "../../src/runtime/worker.ts";
import { checkpointOf, METADATA } from "../checkpointer/support.ts";
import { knobs, resetKnobs, visitsOf } from "../fixtures/workflows/lib/knobs.ts";
import { claimNext, leaseOf } from "../support/dying-worker.ts";
import { type House, openHouse } from "../support/house.ts";
import { violations } from "../support/invariants.ts";
import { until } from "../support/until.ts";

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
beforeEach(async () => {
  resetKnobs();
  // Since when a backend is silent is known by the real clock.
  await house.database.pool.query("update holdpoint.clock set shift = '0'");
});
afterEach(async () => expect(await violations(house.database)).toEqual([]));
afterAll(() => house.close());

async function leasesRunOut() {
  await house.pass(3600);
  return await reapLeases(house.database);
}

test("a run that loses its lease five times and stores nothing between is poison, and its thread says so", async () => {
  const run = await house.start("steps", { input: {} });
  for (let lost = 1; lost <= 4; lost += 1) {
    await claimNext(house);
    expect(await leasesRunOut()).toEqual([{ thread_id: run.thread_id, run_id: run.run_id, result: "lose_lease" }]);
    expect(await house.run(run.run_id)).toMatchObject({ status: "pending", lost_leases: lost });
  }
  await claimNext(house);
  expect(await leasesRunOut()).toMatchObject([{ result: "poison" }]);
  const ended = await house.run(run.run_id);
  expect(ended.status).toBe("error");
  const error = { error: "poison", message: expect.stringContaining(`run ${run.run_id} lost its lease 5 times`) };
  expect(JSON.parse(ended.error ?? "")).toEqual(error);
  const thread = await house.thread(run.thread_id);
  expect(thread).toMatchObject({ status: "error", values: null, interrupts: "{}", lease_until: null });
  expect(JSON.parse(thread.error ?? "")).toEqual(error);
  // Nothing was stored, so what the thread shows is what there is.
  expect(thread.error).not.toContain("checkpoint");
  expect(knobs.visits).toEqual([]);
});

/** Starts the next attempt at a run, whose nodes are held where `isHeld` says; gives what lets them go and waits. */
async function attempt(isHeld: (place: string) => boolean, parts = house.parts): Promise<() => Promise<void>> {
  const letGo = Promise.withResolvers<void>();
  knobs.onVisit = async (place) => {
    if (isHeld(place)) await letGo.promise;
  };
  const run = await claimNext(house);
  const ended = executeRun(parts, { run, lease: leaseOf(run), controller: new AbortController() });
  return async () => {
    letGo.resolve();
    await ended;
  };
}

const rowsOf = async (text: string, run_id: string) => (await house.database.pool.query(text, [run_id])).rows;

test("the writes of a task are progress: of a step with many tasks each life may do one", async () => {
  const { run_id } = await house.start("fan", { input: {} });
  const done = "select 1 from holdpoint.checkpoint_write where run_id = $1 and slot = 0 and task_path like '%push%'";
  for (let part = 0; part < 5; part += 1) {
    const finish = await attempt((place) => place.startsWith("fan.each") && place !== `fan.each.${part}`);
    await until("its part is stored", async () => (await rowsOf(done, run_id)).length === part + 1);
    expect(await leasesRunOut()).toMatchObject([{ result: "lose_lease" }]);
    expect((await house.run(run_id)).lost_leases).toBe(1);
    await finish();
  }
  await house.settle();
  expect((await house.run(run_id)).status).toBe("success");
});

test("the receipt of an effect is progress", async () => {
  const { run_id } = await house.start("many-effects", { input: {} });
  for (let done = 1; done <= 6; done += 1) {
    const finish = await attempt((place) => place === `effects.${done}`);
    await until("its effect is done", () => knobs.visits.includes(`effects.${done}`));
    expect(await leasesRunOut()).toMatchObject([{ result: "lose_lease" }]);
    expect((await house.run(run_id)).lost_leases).toBe(1);
    await finish();
  }
  await house.settle();
  expect((await house.run(run_id)).status).toBe("success");
});

test("what a node that fails stores again in each life is no progress, and the thread of the poison says where its state is", async () => {
  const { run_id, thread_id } = await house.start("steps", { input: {} });
  knobs.onVisit = (place) => {
    if (place === "steps.b") throw new Error("no luck");
  };
  const died = new Error("died");
  const database = { ...house.database, transaction: () => Promise.reject(died) };
  for (let lost = 1; lost <= 5; lost += 1) {
    const run = await claimNext(house);
    const execution = { run, lease: leaseOf(run), controller: new AbortController() };
    await expect(executeRun({ ...house.parts, database }, execution)).rejects.toBe(died);
    expect(await leasesRunOut()).toMatchObject([{ result: lost < 5 ? "lose_lease" : "poison" }]);
  }
  expect(visitsOf("steps.b")).toBe(5);
  const [head] = await rowsOf(
    "select checkpoint_id from holdpoint.checkpoint where run_id = $1 order by checkpoint_id desc",
    run_id,
  );
  const thread = await house.thread(thread_id);
  expect(thread.values).toBeNull();
  expect(JSON.parse(thread.error ?? "").message).toMatch(
    new RegExp(`run ${run_id} .*values are those from before it, its state is at checkpoint ${head.checkpoint_id}`),
  );
});

test("a checkpoint between two lost leases starts the count again", async () => {
  const run = await house.start("steps", { input: {} });
  const { thread_id, run_id } = run;
  for (let lost = 1; lost <= 4; lost += 1) {
    await claimNext(house);
    await leasesRunOut();
  }
  const claimed = await claimNext(house);
  const saver = house.parts.saver.withLease(leaseOf(claimed));
  const graph = await house.graphs.graphs.get("steps")!.build({});
  graph.checkpointer = saver;
  await graph.updateState({ configurable: { thread_id } }, { log: [] }, "__start__");
  expect(await leasesRunOut()).toMatchObject([{ result: "lose_lease" }]);
  expect(await house.run(run_id)).toMatchObject({ status: "pending", lost_leases: 1 });
  await house.settle();
});

test("a checkpoint inside a subgraph is progress too", async () => {
  const run = await house.start("steps", { input: {} });
  for (let lost = 1; lost <= 7; lost += 1) {
    const saver = house.parts.saver.withLease(leaseOf(await claimNext(house)));
    const { checkpoint, versions } = checkpointOf({ log: [] });
    const config = { configurable: { thread_id: run.thread_id, checkpoint_ns: `inner:${lost}` } };
    await saver.put(config, checkpoint, METADATA, versions);
    expect(await leasesRunOut()).toMatchObject([{ result: "lose_lease" }]);
  }
  expect((await house.run(run.run_id)).lost_leases).toBe(1);
  await house.settle();
});

test("a lease that is handed back is no lost lease", async () => {
  const run = await house.start("steps", { input: {} });
  for (let times = 0; times < 7; times += 1) await returnLease(house.database, leaseOf(await claimNext(house)));
  expect(await house.run(run.run_id)).toMatchObject({ status: "pending", lost_leases: 0, attempt: 7 });
  await house.settle();
  expect((await house.run(run.run_id)).status).toBe("success");
});

test("handing back or giving up a lease that somebody else has now changes nothing", async () => {
  const run = await house.start("steps", { input: {} });
  const old = leaseOf(await claimNext(house));
  await leasesRunOut();
  const held = await claimNext(house);
  await returnLease(house.database, old);
  await loseLease(house.database, old);
  expect(await house.run(run.run_id)).toMatchObject({ status: "running", lease_epoch: held.lease_epoch });
  await returnLease(house.database, leaseOf(held));
  await house.settle();
});

test("a worker whose lease was taken writes nothing: no event, no checkpoint, no end", async () => {
  const reached = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  let held = false;
  knobs.onVisit = async (place) => {
    if (place !== "steps.b" || held) return;
    held = true;
    reached.resolve();
    await released.promise;
  };
  const run = await house.start("steps", { input: {} });
  const zombie = await claimNext(house);
  const lease = leaseOf(zombie);
  const ended = executeRun(house.parts, { run: zombie, lease, controller: new AbortController() });
  await reached.promise;
  await leasesRunOut();
  await house.settle();
  const after = async () => [
    await house.thread(run.thread_id),
    await house.run(run.run_id),
    await readRunEvents(house.database, run, 0),
    (
      await house.database.pool.query(
        "select * from holdpoint.checkpoint where thread_id = $1 order by checkpoint_id",
        [run.thread_id],
      )
    ).rows,
    (
      await house.database.pool.query(
        "select * from holdpoint.checkpoint_write where thread_id = $1 order by checkpoint_id, task_id, slot",
        [run.thread_id],
      )
    ).rows,
  ];
  const finished = await after();
  expect((await house.run(run.run_id)).status).toBe("success");
  released.resolve();
  await ended.catch((error: unknown) => expect(error).toMatchObject({ code: "lease_lost" }));
  await expect(appendEvents(house.parts.batcher, lease, 1, [{ event: "custom", data: 1 }])).rejects.toMatchObject({
    code: "lease_lost",
  });
  await expect(
    finishRun(
      house.database,
      lease,
      zombie,
      {
        ending: "finished",
        output: "1",
        error: null,
        values: "{}",
        interrupts: "{}",
        questions: [],
        group: null,
        continued: false,
      },
      { graph_fingerprint: "f", guarded: false, checkpoint_id: null, forked_from: null },
      { events: [{ event: "custom", data: 1 }], beside: [] },
    ),
  ).rejects.toMatchObject({ code: "lease_lost" });
  expect(await after()).toEqual(finished);
  expect([visitsOf("steps.a"), visitsOf("steps.b"), visitsOf("steps.c")]).toEqual([1, 2, 1]);
});

test.each(["read", "once"])("the first write that is refused stops the run at once (%s)", async (kind) => {
  const held = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  const stopped = Promise.withResolvers<string>();
  knobs.onVisit = async (place) => {
    if (place.startsWith("stubborn.stopped")) stopped.resolve(place);
    if (place !== "stubborn.held") return;
    reached.resolve();
    await held.promise;
  };
  const run = await house.start("stubborn", { input: { kind }, stream_mode: ["custom"] });
  const zombie = await claimNext(house);
  const lost = async () => (await house.parts.metrics.leases_lost.get()).values[0]?.value ?? 0;
  const before = await lost();
  const controller = new AbortController();
  const ended = executeRun(house.parts, { run: zombie, lease: leaseOf(zombie), controller });
  await reached.promise;
  await leasesRunOut();
  held.resolve();
  // No heartbeat and no checkpoint tells it.
  expect(await stopped.promise).toBe("stubborn.stopped:lease_lost");
  await ended;
  expect(await lost()).toBe(before + 1);
  expect(visitsOf("stubborn.acted")).toBe(0);
  const { rows } = await house.database.pool.query(
    "select outcome from holdpoint.run_attempt where run_id = $1 order by attempt",
    [run.run_id],
  );
  expect(rows).toEqual([{ outcome: "lease_lost" }]);
  await cancelRun(house.database, { ...run, principal_id: "user:carl" });
});

/** What another connection holds while `body` runs. */
async function holding(statement: string, thread_id: string, body: () => Promise<void>): Promise<void> {
  const client = await house.database.pool.connect();
  try {
    await client.query("begin");
    await client.query(statement, [thread_id]);
    await body();
  } finally {
    // Thrown away, with its transaction.
    client.release(true);
  }
}

test("a thread whose lock is taken costs the others of the claim nothing: each is claimed in a transaction of its own", async () => {
  const threads = [];
  for (let n = 0; n < 3; n += 1) threads.push((await house.start("steps", { input: {} })).thread_id);
  const [first, locked, last] = threads as [string, string, string];
  const claimant = { graph_ids: ["steps"], worker_id: randomUUID(), leaseMs: 60_000 };
  const lock = "select pg_advisory_xact_lock_shared(hashtextextended('holdpoint:thread:' || $1, 0))";
  await holding(lock, locked, async () => {
    const claimed = await claimRuns(house.database, claimant, 3);
    expect(claimed.map(({ thread_id }) => thread_id)).toEqual([first, last]);
    for (const run of claimed) await returnLease(house.database, leaseOf(run));
  });
  await house.settle();
});

test("a claim passes whoever only makes sure that the thread stays: a foreign key's check is no reason to skip it", async () => {
  const { thread_id, run_id } = await house.start("steps", { input: {} });
  const claimant = { graph_ids: ["steps"], worker_id: randomUUID(), leaseMs: 60_000 };
  await holding("select 1 from holdpoint.thread where thread_id = $1 for key share", thread_id, async () => {
    const claimed = await claimThread(house.database, claimant, "default", thread_id);
    expect(claimed?.run_id).toBe(run_id);
    await returnLease(house.database, leaseOf(claimed!));
  });
  await house.settle();
});

test("a run of a graph that is loaded nowhere waits in the queue", async () => {
  const run = await house.start("echo", { input: {} });
  const claimant = { graph_ids: ["another"], worker_id: randomUUID(), leaseMs: 60_000 };
  expect(await claimThread(house.database, claimant, "default", run.thread_id)).toBeUndefined();
  expect((await house.run(run.run_id)).status).toBe("pending");
  await house.settle();
});

test("a run whose end cannot be written is given up at once, not held for as long as its worker lives", async () => {
  let fails = true;
  const { database } = house;
  const failing = {
    ...database,
    // Everything is written but the end of the run.
    transaction: (async (body) =>
      await database.transaction(
        async (tx) =>
          await body({
            ...tx,
            finish: async (statements) => {
              if (!fails || !statements.some(({ text }) => text.includes("ended_at =")))
                return await tx.finish(statements);
              fails = false;
              throw new Error("connection reset by peer");
            },
          }),
      )) as typeof database.transaction,
  };
  const { run_id } = await house.start("steps", { input: {} });
  const worker = createWorker(
    { ...house.parts, database: failing },
    { slots: 1, leaseMs: 3_600_000, drainMs: 0, url: house.url, prepare: true, tenant_id: "default" },
  );
  await worker.tick();
  expect(fails).toBe(false);
  expect(await house.run(run_id)).toMatchObject({ status: "pending", lost_leases: 1 });
  await worker.tick();
  expect((await house.run(run_id)).status).toBe("success");
  expect(knobs.visits).toEqual(["steps.a", "steps.b", "steps.c"]);
  await worker.stop();
});
