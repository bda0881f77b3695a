import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { cancelRun } from "../../src/postgres/cancel.ts";
import { reapLeases } from "../../src/postgres/claim.ts";
import { resetKnobs, visitsOf } from "../fixtures/workflows/lib/knobs.ts";
import { claimNext, executeAndDie } from "../support/dying-worker.ts";
import { type House, openHouse } from "../support/house.ts";
import { violations } from "../support/invariants.ts";
import { approve, openOf, respond, reviewsOf, theOpen } from "../support/reviewer.ts";

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
beforeEach(resetKnobs);
afterEach(async () => expect(await violations(house.database)).toEqual([]));
afterAll(() => house.close());

async function copyOf(graph_id: string, thread_id: string): Promise<string> {
  const copy_to = randomUUID();
  const run = await house.start(graph_id, { copy_to }, { thread_id, kind: "copy" });
  await house.settle();
  expect(await house.run(run.run_id)).toMatchObject({ status: "success", error: null });
  return copy_to;
}

const logOf = async (thread_id: string) => JSON.parse((await house.thread(thread_id)).values ?? "{}").log;

test("a copy of a paused thread asks its own question, and approving one leaves the other open", async () => {
  const { thread_id } = await house.start("guarded-payment", { input: { amount: 5 } });
  await house.settle();
  const original = await theOpen(house, thread_id);
  const before = await house.thread(thread_id);
  const copy = await copyOf("guarded-payment", thread_id);
  const own = await theOpen(house, copy);
  expect(own.forked_from).toBe(thread_id);
  expect(own).toMatchObject({
    interrupt_id: original.interrupt_id,
    value_digest: original.value_digest,
    status: "open",
  });
  expect(own.id).not.toBe(original.id);
  const after = await house.thread(thread_id);
  expect([after.status, after.interrupts, after.values]).toEqual([before.status, before.interrupts, before.values]);
  expect((await house.thread(copy)).status).toBe("interrupted");
  await approve(house, original);
  await house.settle();
  expect(await logOf(thread_id)).toContain("paid 5");
  expect((await theOpen(house, copy)).id).toBe(own.id);
  await approve(house, own);
  await house.settle();
  expect(await logOf(copy)).toContain("paid 5");
  expect(visitsOf("guarded.propose")).toBe(1);
});

test("a thread whose answer is being applied is not copied", async () => {
  const { thread_id } = await house.start("plain-questions", { input: {} });
  await house.settle();
  await respond(house, await theOpen(house, thread_id), "one");
  const copy = house.start("plain-questions", { copy_to: randomUUID() }, { thread_id, kind: "copy" });
  await expect(copy).rejects.toMatchObject({ code: "thread_busy" });
});

test.each(["plain-questions", "nested-questions"])(
  "an answer that was read does not go along with a copy of %s, which asks it again",
  async (graph_id) => {
    const { thread_id } = await house.start(graph_id, { input: {} });
    await house.settle();
    const first = await theOpen(house, thread_id);
    await respond(house, first, "mine");
    await house.settle();
    const copy = await copyOf(graph_id, thread_id);
    const again = await theOpen(house, copy);
    expect(again.value).toBe(first.value);
    await respond(house, again, "the copy's");
    await house.settle();
    await respond(house, await theOpen(house, copy), "two");
    await house.settle();
    expect(JSON.stringify(await logOf(copy))).toContain(":the copy's:two");
    expect(await openOf(house, thread_id)).toHaveLength(1);
  },
);

test("a thread that ended or failed keeps its status when it is copied", async () => {
  const idle = await house.start("echo", { input: {} });
  await house.settle();
  await copyOf("echo", idle.thread_id);
  expect((await house.thread(idle.thread_id)).status).toBe("idle");
  const failed = await house.start("guarded-plain", { input: {} });
  await house.settle();
  expect((await house.thread(failed.thread_id)).status).toBe("error");
  const copy = house.start("guarded-plain", { copy_to: randomUUID() }, { thread_id: failed.thread_id, kind: "copy" });
  await expect(copy).rejects.toMatchObject({ code: "guarded" });
});

test("a copy that stands at no breakpoint opens no question", async () => {
  const run = await house.start("steps", { input: {} });
  const { thread_id } = run;
  await executeAndDie(house, await claimNext(house), 4);
  await cancelRun(house.database, { tenant_id: "default", thread_id, run_id: run.run_id, principal_id: "user:carl" });
  await house.pass(3600);
  await reapLeases(house.database);
  await house.settle();
  const copy = await copyOf("steps", thread_id);
  expect(await openOf(house, copy)).toEqual([]);
});

test("the question of a copy keeps the settings of the run that asked, and can be cancelled", async () => {
  const { thread_id } = await house.start("plain-questions", {
    input: {},
    config: { tags: ["kept"] },
    context: { region: "eu" },
  });
  await house.settle();
  const copy = await copyOf("plain-questions", thread_id);
  const own = await theOpen(house, copy);
  const asked = await house.run(own.run_id);
  expect(asked.thread_id).toBe(copy);
  expect(JSON.parse(asked.kwargs)).toMatchObject({ config: { tags: ["kept"] }, context: { region: "eu" } });
  await cancelRun(house.database, {
    tenant_id: "default",
    thread_id: copy,
    run_id: own.run_id,
    principal_id: "user:carl",
  });
  expect((await reviewsOf(house, copy)).map(({ status }) => status)).toEqual(["cancelled"]);
  expect(await openOf(house, thread_id)).toHaveLength(1);
});

test("a worker that dies while it copies leaves one copy with one question", async () => {
  for (let step = 1; step < 30; step += 1) {
    const { thread_id } = await house.start("plain-questions", { input: {} });
    await house.settle();
    const copy_to = randomUUID();
    await house.start("plain-questions", { copy_to }, { thread_id, kind: "copy" });
    const died = await executeAndDie(house, await claimNext(house), step);
    await house.pass(3600);
    await reapLeases(house.database);
    await house.settle();
    expect(await openOf(house, copy_to), `death ${step}`).toHaveLength(1);
    expect(await openOf(house, thread_id), `death ${step}`).toHaveLength(1);
    if (!died) return;
  }
  throw new Error("the copy never ended");
});
