import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { claimThread, reapLeases } from "../../src/postgres/claim.ts";
import { type EffectRow, effectsOfThread } from "../../src/postgres/effects.sql.ts";
import { type EffectIntent, recordFailure, recordReceipt, writeIntent } from "../../src/postgres/effects.ts";
import { knobs, resetKnobs } from "../fixtures/workflows/lib/knobs.ts";
import { claimNext, executeAndDie, leaseOf } from "../support/dying-worker.ts";
import { type House, openHouse } from "../support/house.ts";
import { violations } from "../support/invariants.ts";
import { theOpen } from "../support/reviewer.ts";

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
beforeEach(resetKnobs);
afterEach(async () => expect(await violations(house.database)).toEqual([]));
afterAll(() => house.close());

type Kind = EffectIntent["kind"];

const effectsOf = (thread_id: string): Promise<EffectRow[]> =>
  house.database.many(effectsOfThread("default", thread_id));
const acted = () => knobs.visits.filter((place) => place.startsWith("acted:"));

async function another(): Promise<void> {
  await house.pass(3600);
  await reapLeases(house.database);
  await house.settle();
}

/** Runs the one-effect graph, kills its worker after the n-th commit for n = 1, 2, …, and lets another one finish. */
async function eachDeath(
  kind: Kind,
  check: (outcome: { thread_id: string; status: string; where: string }) => Promise<void>,
): Promise<number> {
  for (let step = 1; step < 40; step += 1) {
    resetKnobs();
    const { thread_id, run_id } = await house.start("one-effect", { input: { kind } });
    const died = await executeAndDie(house, await claimNext(house), step);
    await another();
    await check({ thread_id, status: (await house.run(run_id)).status, where: `${kind}, death ${step}` });
    if (!died) return step;
  }
  throw new Error("the run never ended");
}

test("an idempotent effect is repeated under one id until its receipt is there, and never after", async () => {
  const steps = await eachDeath("idempotent", async ({ thread_id, status, where }) => {
    expect(status, where).toBe("success");
    const [effect, ...others] = await effectsOf(thread_id);
    expect(others, where).toEqual([]);
    expect(effect, where).toMatchObject({ status: "receipt", kind: "idempotent" });
    expect(new Set(acted()), where).toEqual(new Set([`acted:${effect?.effect_id}`]));
    // An attempt whose worker died between its intent and the call has done nothing.
    expect(acted().length, where).toBeGreaterThanOrEqual(1);
    expect(acted().length, where).toBeLessThanOrEqual(effect?.attempt ?? 0);
  });
  expect(steps).toBeGreaterThan(5);
});

test("an effect that may happen once is never started a second time by itself: in doubt a person is asked", async () => {
  let inDoubt = 0;
  await eachDeath("once", async ({ thread_id, status, where }) => {
    expect(status, where).toBe("success");
    expect(acted().length, where).toBeLessThanOrEqual(1);
    const [effect] = await effectsOf(thread_id);
    if ((await house.thread(thread_id)).status === "idle")
      return expect(effect, where).toMatchObject({ status: "receipt" });
    inDoubt += 1;
    expect(effect, where).toMatchObject({ status: "intent", attempt: 1 });
    expect(await theOpen(house, thread_id), where).toMatchObject({ title: 'Did "act" happen?' });
  });
  expect(inDoubt).toBeGreaterThan(0);
});

test("a node that fails after its effect gets the receipt when it runs again", async () => {
  const { thread_id } = await house.start("one-effect", { input: { kind: "once" } });
  knobs.onVisit = (place) => {
    if (place === "effect.acted") throw new Error("after the effect");
  };
  await house.settle();
  expect((await house.thread(thread_id)).status).toBe("error");
  knobs.onVisit = () => {};
  await house.start("one-effect", { input: null }, { thread_id });
  await house.settle();
  expect((await house.thread(thread_id)).status).toBe("idle");
  expect(acted()).toHaveLength(1);
  expect(JSON.parse((await house.thread(thread_id)).values ?? "").log).toEqual([
    (await effectsOf(thread_id))[0]?.effect_id,
  ]);
});

test("an effect that fails keeps its intent and says why; once, a person is asked at once", async () => {
  for (const kind of ["idempotent", "once"] as const) {
    resetKnobs();
    knobs.onVisit = async (place) => {
      if (!place.startsWith("acted:")) return;
      // Nobody is asked as long as something can come of the attempt.
      await house.pass(3600);
      throw new Error("connection reset");
    };
    const { thread_id } = await house.start("one-effect", { input: { kind } });
    await house.settle();
    expect((await effectsOf(thread_id))[0]).toMatchObject({ status: "intent", error: "connection reset" });
    const { status } = await house.thread(thread_id);
    expect(status).toBe(kind === "once" ? "interrupted" : "error");
    if (kind === "once") continue;
    knobs.onVisit = () => {};
    await house.start("one-effect", { input: null }, { thread_id });
    await house.settle();
    expect((await house.thread(thread_id)).status).toBe("idle");
  }
});

test("other arguments under one key are refused", async () => {
  const { thread_id } = await house.start("one-effect", { input: { kind: "idempotent" } });
  knobs.onVisit = (place) => {
    if (place === "effect.acted") throw new Error("after the effect");
  };
  await house.settle();
  knobs.onVisit = () => {};
  knobs.shown = () => 2;
  await house.start("one-effect", { input: null }, { thread_id });
  await house.settle();
  expect((await house.thread(thread_id)).error).toContain("effect_key_reused");
  expect(acted()).toHaveLength(1);
});

test("a worker that has lost its lease writes neither intent nor receipt nor failure", async () => {
  const { thread_id, run_id } = await house.start("one-effect", { input: { kind: "idempotent" } });
  const lost = leaseOf(await claimNext(house));
  const task = { checkpoint_ns: "", checkpoint_id: "1ef00000-0000-6000-8000-000000000000", task_id: "t" };
  const call = { key: "k", name: "act", kind: "idempotent", args: { amount: 1 }, timeoutMs: 1000 } as const;
  const intent = await writeIntent(house.database, lost, task, call);
  const asTheyAre = async () => (await effectsOf(thread_id)).map(({ left_ms: _passes, ...effect }) => effect);
  const before = await asTheyAre();
  await house.pass(3600);
  await reapLeases(house.database);
  const claimant = { graph_ids: ["one-effect"], worker_id: crypto.randomUUID(), leaseMs: 60_000 };
  await claimThread(house.database, claimant, "default", thread_id);
  expect(intent.execute).toBe(true);
  const made = { effect_id: intent.row.effect_id, attempt: 1 };
  const writes = [
    () => writeIntent(house.database, lost, task, { ...call, key: "other" }),
    () => writeIntent(house.database, lost, task, call),
    () => recordReceipt(house.database, lost, made, "1"),
    () => recordFailure(house.database, lost, made, "no"),
  ];
  for (const write of writes) await expect(write()).rejects.toMatchObject({ code: "lease_lost" });
  expect(await asTheyAre()).toEqual(before);
  await another();
  expect((await house.run(run_id)).status).toBe("success");
});

test("what a run left running can change nothing once the run has ended", async () => {
  const released = Promise.withResolvers<void>();
  const done = Promise.withResolvers<string>();
  knobs.onVisit = async (place) => {
    if (place === "left-behind.late") await released.promise;
    if (place === "left-behind.done" || place.startsWith("left-behind.refused")) done.resolve(place);
  };
  const { run_id, thread_id } = await house.start("left-behind", { input: {} });
  await house.settle();
  expect((await house.run(run_id)).status).toBe("success");
  released.resolve();
  expect(await done.promise).toBe("left-behind.refused:lease_lost");
  expect(await effectsOf(thread_id)).toEqual([]);
});
