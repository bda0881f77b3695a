import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { knobs, resetKnobs, visitsOf } from "../fixtures/workflows/lib/knobs.ts";
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

test("runs of a thread go in the order in which they were queued", async () => {
  const first = await house.start("echo", { input: { log: ["1"] } });
  const { thread_id } = first;
  await house.start("echo", { input: { log: ["2"] } }, { thread_id });
  await house.start("echo", { input: { log: ["3"] } }, { thread_id });
  await house.settle();
  expect(JSON.parse((await house.thread(thread_id)).values ?? "").log).toEqual(["3", "a", "b"]);
});

test("a run for later holds back what was queued behind it", async () => {
  const first = await house.start("steps", { input: {} }, { after_seconds: 60 });
  await house.start("steps", { input: {} }, { thread_id: first.thread_id });
  expect(await house.worker.tick()).toBe(0);
  await house.pass(61);
  await house.settle();
  expect(visitsOf("steps.a")).toBe(2);
});

test("queued input does not pass a guarded question that was asked meanwhile", async () => {
  const first = await house.start("guarded-payment", { input: { amount: 5 } });
  const { thread_id } = first;
  const second = await house.start("guarded-payment", { input: { amount: 999 } }, { thread_id });
  await house.worker.tick();
  const review = await theOpen(house, thread_id);
  await expect(approve(house, review)).rejects.toMatchObject({ code: "superseded" });
  await house.settle();
  const refused = await house.run(second.run_id);
  expect(refused.status).toBe("error");
  expect(JSON.parse(refused.error ?? "")).toMatchObject({ error: "guarded" });
  expect((await house.thread(thread_id)).status).toBe("interrupted");
  expect(JSON.parse((await house.thread(thread_id)).interrupts)).toHaveProperty(review.task_id);
  await approve(house, review);
  await house.settle();
  expect(JSON.parse((await house.thread(thread_id)).values ?? "").log).toContain("paid 5");
});

test.each([
  ["input", { input: { amount: 7 } }],
  ["a jump", { input: null, command: { goto: "ask" } }],
  ["an update", { input: null, command: { update: { amount: 7 } } }],
])("elsewhere a question that was asked meanwhile is superseded by queued %s", async (_what, kwargs) => {
  const first = await house.start("plain-questions", { input: { amount: 5 } });
  const { thread_id } = first;
  await house.start("plain-questions", kwargs, { thread_id });
  await house.worker.tick();
  const asked = await theOpen(house, thread_id);
  await house.settle();
  const anew = await theOpen(house, thread_id);
  expect((await reviewsOf(house, thread_id)).find(({ id }) => id === asked.id)).toMatchObject({
    status: "superseded",
    superseded_by: anew.id,
  });
  expect(anew.id).not.toBe(asked.id);
});

test("what new input left behind names the question of the same node that is asked in its place", async () => {
  const { thread_id } = await house.start("parallel-questions", { input: {} });
  await house.settle();
  const asked = await openOf(house, thread_id);
  await house.start("parallel-questions", { input: {} }, { thread_id });
  const links = async () => {
    const reviews = await reviewsOf(house, thread_id);
    const nodeOf = new Map(reviews.map(({ id, node, status }) => [id, `${node} ${status}`]));
    return asked.map(({ id, node }) => [node, nodeOf.get(reviews.find((one) => one.id === id)?.superseded_by ?? "")]);
  };
  expect(await links(), "nothing is asked yet").toEqual(asked.map(({ node }) => [node, undefined]));
  await house.settle();
  expect(await links()).toEqual(asked.map(({ node }) => [node, `${node} open`]));
  const [old] = await reviewsOf(house, thread_id, "superseded");
  const late = await respond(house, old!, "late").catch((error: unknown) => error);
  expect(late).toMatchObject({ code: "superseded", facts: { superseded_by: old!.superseded_by } });
});

test("a question that nothing is asked in the place of names none, whatever the thread asks later", async () => {
  const { thread_id } = await house.start("plain-questions", { input: {} });
  await house.settle();
  const asked = await theOpen(house, thread_id);
  await house.start("plain-questions", { input: null, command: { goto: "__end__" } }, { thread_id });
  await house.settle();
  await house.start("plain-questions", { input: {} }, { thread_id });
  await house.settle();
  expect((await theOpen(house, thread_id)).id).not.toBe(asked.id);
  expect((await reviewsOf(house, thread_id))[0]).toMatchObject({
    id: asked.id,
    status: "superseded",
    superseded_by: null,
  });
});

test("new input supersedes a question that waits, also one whose group is half answered", async () => {
  const { thread_id } = await house.start("parallel-questions", { input: {} });
  await house.settle();
  const [one] = await openOf(house, thread_id);
  await respond(house, one!, "yes");
  await house.start("parallel-questions", { input: { amount: 2 } }, { thread_id });
  expect((await reviewsOf(house, thread_id)).map(({ status }) => status)).toEqual(["superseded", "superseded"]);
  await house.settle();
  expect(await openOf(house, thread_id)).toHaveLength(2);
});

test("queued input supersedes a group that is half answered when its turn comes", async () => {
  const { thread_id } = await house.start("parallel-questions", { input: {} });
  await house.settle();
  const [one] = await openOf(house, thread_id);
  await respond(house, one!, "yes");
  await house.start("parallel-questions", { input: null }, { thread_id });
  await house.start("parallel-questions", { input: { amount: 2 } }, { thread_id });
  await house.settle();
  expect(await openOf(house, thread_id)).toHaveLength(2);
});

test("new input while an answer is queued waits behind it", async () => {
  const { thread_id } = await house.start("plain-questions", { input: {} });
  await house.settle();
  await respond(house, await theOpen(house, thread_id), "one");
  await house.settle();
  const { resume_run } = await respond(house, await theOpen(house, thread_id), "two");
  await house.start("plain-questions", { input: { log: ["late"] } }, { thread_id });
  await house.settle();
  expect(JSON.parse((await house.run(resume_run!.run_id)).output ?? "").log).toEqual(["ask:one:two"]);
  expect(JSON.parse((await house.thread(thread_id)).values ?? "").log).toEqual(["late"]);
});

test("a state edit supersedes the question, and its thread goes on from the edited state", async () => {
  const { thread_id } = await house.start("plain-questions", { input: {} });
  await house.settle();
  const edit = await house.start(
    "plain-questions",
    { update: { values: { log: ["edited"] }, as_node: "ask" } },
    { thread_id, kind: "state_update" },
  );
  expect((await reviewsOf(house, thread_id)).map(({ status }) => status)).toEqual(["superseded"]);
  await house.settle();
  expect((await house.run(edit.run_id)).status).toBe("success");
  expect(await house.thread(thread_id)).toMatchObject({ status: "idle", interrupts: "{}" });
  expect(JSON.parse((await house.thread(thread_id)).values ?? "").log).toEqual(["edited"]);
});

test("a question that a state edit left behind names what the next run asks, and not what a later one does", async () => {
  const { thread_id } = await house.start("plain-questions", { input: {} });
  await house.settle();
  const asked = await theOpen(house, thread_id);
  const update = { values: { log: ["edited"] } };
  await house.start("plain-questions", { update }, { thread_id, kind: "state_update" });
  await house.settle();
  await house.start("plain-questions", { input: null }, { thread_id });
  await house.settle();
  const next = await theOpen(house, thread_id);
  const linked = async () => (await reviewsOf(house, thread_id)).find(({ id }) => id === asked.id)?.superseded_by;
  expect(await linked()).toBe(next.id);
  await house.start("plain-questions", { input: {} }, { thread_id });
  await house.settle();
  expect((await reviewsOf(house, thread_id)).find(({ id }) => id === next.id)?.superseded_by).not.toBeNull();
  expect(await linked()).toBe(next.id);
});

test("every road past a guarded question is refused and the thread stays as it was", async () => {
  const { thread_id } = await house.start("guarded-payment", { input: { amount: 5 } });
  await house.settle();
  const before = [await house.thread(thread_id), await reviewsOf(house, thread_id)];
  const roads: [Parameters<House["start"]>[1], Partial<Parameters<House["start"]>[2]>][] = [
    [{ input: { amount: 1 } }, {}],
    [{ input: null }, {}],
    [{ input: null, command: { goto: "pay" } }, {}],
    [{ input: null, command: { update: { amount: 1 } } }, {}],
    [{ input: null, interrupt_before: [] }, {}],
    [{ input: null, checkpoint: { checkpoint_id: randomUUID() } }, {}],
    [{ update: { values: { amount: 1 }, as_node: "review" } }, { kind: "state_update" }],
  ];
  for (const [kwargs, options] of roads) {
    await expect(
      house.start("guarded-payment", kwargs, { thread_id, ...options }),
      JSON.stringify(kwargs),
    ).rejects.toMatchObject({ code: "guarded" });
  }
  await expect(house.start("echo", { input: {} }, { thread_id, isGuarded: () => true })).rejects.toMatchObject({
    code: "guarded",
  });
  expect([await house.thread(thread_id), await reviewsOf(house, thread_id)]).toEqual(before);
  expect(knobs.visits).toEqual(["guarded.propose", "guarded.review"]);
});

test("an old checkpoint with an approval behind it is not run again on a guarded graph", async () => {
  const { thread_id } = await house.start("guarded-payment", { input: { amount: 5 } });
  await house.settle();
  const review = await theOpen(house, thread_id);
  await approve(house, review);
  await house.settle();
  const fork = house.start(
    "guarded-payment",
    { input: null, checkpoint: { checkpoint_id: review.checkpoint_id } },
    { thread_id },
  );
  await expect(fork).rejects.toMatchObject({ code: "guarded" });
  expect(knobs.visits.filter((place) => place.startsWith("paid:"))).toHaveLength(1);
});

test("elsewhere a fork from an old checkpoint asks anew, and the earlier answer is not taken for it", async () => {
  const { thread_id } = await house.start("two-reviews", { input: { amount: 5 } });
  await house.settle();
  const first = await theOpen(house, thread_id);
  await approve(house, first);
  await house.settle();
  await house.start("two-reviews", { input: null, checkpoint: { checkpoint_id: first.checkpoint_id } }, { thread_id });
  await house.settle();
  const asked = await theOpen(house, thread_id);
  expect(asked.node).toBe("first");
  expect(asked.id).not.toBe(first.id);
});
