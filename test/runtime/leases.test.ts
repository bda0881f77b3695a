import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { cancelRun } from "../../src/postgres/cancel.ts";
import { claimRuns, claimThread, loseLease, returnLease } from "../../src/postgres/claim.ts";
import { appendEvents, readRunEvents } from "../../src/postgres/events.ts";
import { finishRun } from "../../src/postgres/finish.ts";
import { executeRun } from "../../src/runtime/execute.ts";
import { createWorker } from "../../src/runtime/worker.ts";
import { knobs, visitsOf } from "../fixtures/workflows/lib/knobs.ts";
import { claimNext, leaseOf } from "../support/dying-worker.ts";
import { until } from "../support/until.ts";
import { house, leasesRunOut, openLeaseScene } from "./scene.ts";

openLeaseScene();

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

test("a claim that fails takes nothing from the others of its look: what they have claimed is executed", async () => {
  const runs = [];
  for (let n = 0; n < 8; n += 1) runs.push(await house.start("steps", { input: {} }));
  let claims = 0;
  const database = {
    ...house.database,
    transaction: (async (body) => {
      claims += 1;
      if (claims === 3) throw new Error("connection reset by peer");
      return await house.database.transaction(body);
    }) as typeof house.database.transaction,
  };
  const claimant = { graph_ids: ["steps"], worker_id: randomUUID(), leaseMs: 60_000 };
  const claimed = await claimRuns(database, claimant, 8);
  const { rows } = await house.database.pool.query(
    "select thread_id from holdpoint.thread where lease_worker_id = $1 order by thread_id",
    [claimant.worker_id],
  );
  expect(claimed.map(({ thread_id }) => thread_id).toSorted()).toEqual(rows.map(({ thread_id }) => thread_id));
  expect(claimed.length).toBeGreaterThan(1);
  for (const run of claimed) await returnLease(house.database, leaseOf(run));
  await house.settle();
});

test("a claim whose answer is lost is given back by the worker that holds it and knows nothing of it", async () => {
  const { database } = house;
  let lost = 0;
  const deaf = {
    ...database,
    // Committed, and the connection breaks off before anybody is told.
    transaction: (async (body) =>
      await database.transaction(
        async (tx) =>
          await body({
            ...tx,
            finish: async (statements) => {
              const rows = await tx.finish(statements);
              if (lost > 0 || !statements.some(({ text }) => /lease_worker_id = \$\d/.test(text))) return rows;
              lost += 1;
              throw new Error("connection reset by peer");
            },
          }),
      )) as typeof database.transaction,
  };
  const worker = createWorker(
    { ...house.parts, database: deaf },
    { slots: 1, leaseMs: 1_500, drainMs: 0, url: house.url, prepare: true, tenant_id: "default" },
  );
  const { run_id } = await house.start("steps", { input: {} });
  worker.start();
  await until("the run has ended", async () => (await house.run(run_id)).status === "success");
  await worker.stop();
  expect(lost).toBe(1);
  expect((await house.run(run_id)).attempt).toBeGreaterThan(1);
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
