import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { cancelRun } from "../../src/postgres/cancel.ts";
import { reapLeases } from "../../src/postgres/claim.ts";
import { reask } from "../../src/postgres/reask.ts";
import { retryRun } from "../../src/postgres/retry-run.ts";
import type { RunRow } from "../../src/postgres/runs.sql.ts";
import type { ReviewTask } from "../../src/protocol/review.ts";
import { DEFAULT_REVIEW_POLICY } from "../../src/protocol/review-policy.ts";
import type { RunKwargs } from "../../src/protocol/run.ts";
import { knobs, resetKnobs, visitsOf } from "../fixtures/workflows/lib/knobs.ts";
import { claimNext, executeAndDie } from "../support/dying-worker.ts";
import { type House, openHouse } from "../support/house.ts";
import { violations } from "../support/invariants.ts";
import { answer, openOf, respond, reviewsOf, theOpen } from "../support/reviewer.ts";

let house: House;
beforeAll(async () => {
  house = await openHouse("test/fixtures/reask");
});
beforeEach(resetKnobs);
afterEach(async () => {
  house.policy.of = () => DEFAULT_REVIEW_POLICY;
  expect(await violations(house.database)).toEqual([]);
});
afterAll(() => house.close());

const failAt = (place: string) => {
  knobs.onVisit = (visited) => {
    if (visited.startsWith(place)) throw new Error("no luck");
  };
};
const guardOf = (graph_id: string) => {
  const guarded = house.graphs.graphs.get(graph_id)?.guarded ?? false;
  return { guarded, isGuarded: () => guarded, principal_id: "user:olga" };
};
const askAgain = ({ id: review_id, thread_id, graph_id }: ReviewTask) =>
  reask(house.database, { tenant_id: "default", thread_id, review_id, ...guardOf(graph_id) });
const retry = (run: RunRow) => retryRun(house.database, { run, ...guardOf(run.graph_id) });
const read = async ({ id, thread_id }: ReviewTask) =>
  (await reviewsOf(house, thread_id)).find((review) => review.id === id) as ReviewTask;
const logOf = async ({ thread_id }: { thread_id: string }) =>
  JSON.parse((await house.thread(thread_id)).values ?? "{}").log as string[];
async function recover() {
  await house.pass(3600);
  await reapLeases(house.database);
  await house.settle();
}
const timesGoneBack = async ({ thread_id }: ReviewTask) => {
  const text = "select 1 from holdpoint.checkpoint where thread_id = $1 and metadata::jsonb ->> 'source' = 'update'";
  return (await house.database.pool.query(text, [thread_id])).rows.length;
};
const resumeOf = async (review: ReviewTask) => house.run((await read(review)).resume_run_id as string);

/** A question of this graph whose answer's run has failed at this place. */
async function failed(graph_id: string, place: string, kwargs: RunKwargs = {}): Promise<ReviewTask> {
  const { thread_id } = await house.start(graph_id, { input: { amount: 5 }, ...kwargs });
  await house.settle();
  const review = await theOpen(house, thread_id);
  failAt(place);
  const offered = review.actions[0]?.allowed ?? [];
  if (offered.includes("approve")) await answer(house, review, [{ type: "approve" }]);
  else await respond(house, review, "first");
  await house.settle();
  expect(await read(review)).toMatchObject({ status: "resume_failed" });
  knobs.onVisit = () => {};
  return review;
}

const ASKED: [string, string, "sync" | "async" | "exit", string[]][] = [
  ["work-on-answer", "work.answered", "sync", ["second", "end"]],
  ["work-on-answer", "work.answered", "async", ["second", "end"]],
  ["work-on-answer", "work.end", "async", ["second", "end"]],
  ["reask-plain", "work", "sync", ["second", "worked"]],
  ["reask-plain", "work", "exit", ["second", "worked"]],
];
test.each(ASKED)("asks %s, which failed at %s, as a new review with its own answer (%s)", async (...row) => {
  const [graph_id, place, durability, log] = row;
  const review = await failed(graph_id, place, { durability });
  const run = await askAgain(review);
  expect(run).toMatchObject({ principal_id: "user:olga", kind: "run", status: "pending" });
  await house.settle();
  const anew = await theOpen(house, review.thread_id);
  expect(anew).toMatchObject({ title: review.title, revises: review.id, restarts: 1, revision: 1, decision: null });
  expect(anew.interrupt_id).not.toBe(review.interrupt_id);
  const before = await read(review);
  expect(before).toMatchObject({
    status: "superseded",
    superseded_by: anew.id,
    decision: { principal_id: "user:ana" },
  });
  expect(before.status_reason).toContain("user:olga has it asked again");
  await respond(house, anew, "second");
  await house.settle();
  expect(await logOf(review)).toEqual(log);
});

test("what was approved on a guarded graph and failed before the effect is asked again, and may be rejected", async () => {
  const review = await failed("guarded-payment", "guarded.pay");
  await askAgain(review);
  await house.settle();
  await answer(house, await theOpen(house, review.thread_id), [{ type: "reject" }]);
  await house.settle();
  expect(await logOf(review)).toEqual(["propose", "reject", "nothing paid"]);
  expect(visitsOf("guarded.propose")).toBe(1);
  expect(knobs.visits.filter((place) => place.startsWith("paid:"))).toEqual([]);
});

test("is refused where an effect was begun, which it names; the recorded answer can be carried on", async () => {
  const review = await failed("guarded-payment", "paid:");
  const { rows } = await house.database.pool.query("select effect_id from holdpoint.effect where thread_id = $1", [
    review.thread_id,
  ]);
  const { run_id } = await resumeOf(review);
  const refused = { code: "effect_begun", facts: { review_id: review.id, name: "pay", status: "intent", run_id } };
  await expect(askAgain(review)).rejects.toMatchObject({ ...refused, message: expect.stringContaining('"pay"') });
  await expect(askAgain(review)).rejects.toMatchObject({ facts: rows[0] });
  expect(await read(review)).toMatchObject({ status: "resume_failed", superseded_by: null });
  await retry(await resumeOf(review));
  await house.settle();
  expect(await read(review)).toMatchObject({ status: "closed" });
  expect(await logOf(review)).toEqual(["propose", "approve", "paid 5"]);
});

test("is refused too when only a retry of the answer has begun the effect", async () => {
  const review = await failed("guarded-payment", "guarded.pay");
  failAt("paid:");
  const again = await retry(await resumeOf(review));
  await house.settle();
  expect(await read(review)).toMatchObject({ status: "resume_failed" });
  const facts = { name: "pay", run_id: again.run_id };
  await expect(askAgain(review)).rejects.toMatchObject({ code: "effect_begun", facts });
});

test.each([
  ["reask-acts-first", "deposit"],
  ["reask-nested", "reserve"],
  ["reask-beside", "notify"],
])("is refused where the step of %s would begin %s again", async (graph_id, name) => {
  const review = await failed(graph_id, "answered");
  await expect(askAgain(review)).rejects.toMatchObject({ code: "effect_begun", facts: { name, status: "receipt" } });
  expect(await openOf(house, review.thread_id)).toEqual([]);
  expect(visitsOf(`${name}.acted`)).toBe(1);
});

test("effects of earlier steps, also of subgraphs, stand in nobody's way and are not done again", async () => {
  const review = await failed("reask-early", "answered");
  await askAgain(review);
  await house.settle();
  await respond(house, await theOpen(house, review.thread_id), "second");
  await house.settle();
  expect((await logOf(review)).filter((said) => said !== "looked")).toEqual(["weighed", "second"]);
  expect([visitsOf("look.acted"), visitsOf("weigh.acted")]).toEqual([1, 1]);
});

test("a breakpoint that was let go in vain stands again before its node", async () => {
  const before = await failed("breakpoints", "breakpoints.b");
  await askAgain(before);
  await house.settle();
  const again = await theOpen(house, before.thread_id);
  expect(again).toMatchObject({ flavour: "breakpoint", node: "b", revises: before.id, restarts: 1 });
  expect(visitsOf("breakpoints.b")).toBe(1);
  await answer(house, again, [{ type: "approve" }]);
  await house.settle();
  expect([(await theOpen(house, before.thread_id)).node, visitsOf("breakpoints.b")]).toEqual(["c", 2]);
});

test.each(["sync", "async"] as const)("and behind its node, wherever the worker dies (%s)", async (durability) => {
  for (let step = 1, died = true; died; step += 1) {
    expect(step).toBeLessThan(30);
    const { thread_id } = await house.start("breakpoints", { input: {}, durability });
    await house.settle();
    await answer(house, await theOpen(house, thread_id), [{ type: "approve" }]);
    await house.settle();
    const after = await theOpen(house, thread_id);
    failAt("breakpoints.c");
    await answer(house, after, [{ type: "approve" }]);
    await house.settle();
    resetKnobs();
    await askAgain(after);
    died = await executeAndDie(house, await claimNext(house), step);
    await recover();
    const last = await theOpen(house, thread_id);
    expect([last.node, last.revises, visitsOf("breakpoints.c")]).toEqual(["c", after.id, 0]);
    await answer(house, last, [{ type: "approve" }]);
    await house.settle();
    expect(await logOf(after)).toEqual(["a", "b", "c"]);
  }
});

test("a new answer that fails in its turn is retried where it stands, and asked again as the policy allows", async () => {
  house.policy.of = () => ({ ...DEFAULT_REVIEW_POLICY, max_restarts: 1 });
  const review = await failed("work-on-answer", "work.answered");
  await askAgain(review);
  await house.settle();
  const second = await theOpen(house, review.thread_id);
  failAt("work.answered");
  await respond(house, second, "second");
  await house.settle();
  knobs.onVisit = () => {};
  await expect(askAgain(second)).rejects.toMatchObject({ code: "too_many_restarts", facts: { review_id: second.id } });
  await retry(await resumeOf(second));
  await house.settle();
  expect(await read(second)).toMatchObject({ status: "closed" });
  expect(await logOf(review)).toEqual(["second", "end"]);
});

test("a run that fails before it has asked again goes on when it is retried, and asks then", async () => {
  const review = await failed("reask-early", "answered");
  const run = await askAgain(review);
  failAt("ask");
  await house.settle();
  expect(await house.run(run.run_id)).toMatchObject({ status: "error" });
  knobs.onVisit = () => {};
  await retry(await house.run(run.run_id));
  await house.settle();
  const anew = await theOpen(house, review.thread_id);
  expect(anew).toMatchObject({ revises: review.id, restarts: 1 });
  expect(await read(review)).toMatchObject({ status: "superseded", superseded_by: anew.id });
  await respond(house, anew, "second");
  await house.settle();
  expect([(await logOf(review)).at(-1), await timesGoneBack(review)]).toEqual(["second", 1]);
});

test("a run that is taken back again leaves the question unasked: its answer has reached the graph", async () => {
  const review = await failed("work-on-answer", "work.answered");
  const { tenant_id, thread_id, run_id } = await askAgain(review);
  const who = { tenant_id, thread_id, run_id, principal_id: "user:carl" };
  await cancelRun(house.database, { ...who, action: "rollback", guarded: false });
  expect(await openOf(house, thread_id)).toEqual([]);
  expect((await house.thread(thread_id)).status).not.toBe("interrupted");
});

test.each(["sync", "async"] as const)("asks once, wherever its worker dies (%s)", async (durability) => {
  for (let step = 1, died = true; died; step += 1) {
    expect(step).toBeLessThan(30);
    const review = await failed("guarded-payment", "guarded.pay", { durability });
    await askAgain(review);
    died = await executeAndDie(house, await claimNext(house), step);
    await recover();
    const anew = await theOpen(house, review.thread_id);
    expect([anew.revises, anew.restarts, anew.decision]).toEqual([review.id, 1, null]);
    await answer(house, anew, [{ type: "approve" }]);
    await house.settle();
    expect(await logOf(review)).toEqual(["propose", "approve", "paid 5"]);
  }
});

test.each([
  ["is open", async (_review: ReviewTask) => {}],
  ["is closed", async (review: ReviewTask) => void (await respond(house, review, "yes"))],
])("is refused for a review that %s", async (_what, prepare) => {
  const { thread_id } = await house.start("work-on-answer", { input: {} });
  await house.settle();
  const review = await theOpen(house, thread_id);
  await prepare(review);
  await house.settle();
  await expect(askAgain(review)).rejects.toMatchObject({ code: "not_failed" });
});

test("a run that cannot go back says so and asks nothing", async () => {
  const review = await failed("reask-plain", "work");
  const run = await askAgain(review);
  await house.database.pool.query("delete from holdpoint.checkpoint where thread_id = $1 and checkpoint_id = $2", [
    review.thread_id,
    review.checkpoint_id,
  ]);
  await house.settle();
  const { status, error } = await house.run(run.run_id);
  expect([status, error]).toEqual(["error", expect.stringContaining(`checkpoint ${review.checkpoint_id}`)]);
  expect(await openOf(house, review.thread_id)).toEqual([]);
});
