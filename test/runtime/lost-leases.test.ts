import { expect, test } from "vitest";
import { executeRun } from "../../src/runtime/execute.ts";
import { checkpointOf, METADATA } from "../checkpointer/support.ts";
import { knobs, visitsOf } from "../fixtures/workflows/lib/knobs.ts";
import { claimNext, leaseOf } from "../support/dying-worker.ts";
import { until } from "../support/until.ts";
import { house, leasesRunOut, openLeaseScene } from "./scene.ts";

openLeaseScene();

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
