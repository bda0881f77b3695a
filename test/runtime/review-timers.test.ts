import { expect, test } from "vitest";
import { cancelRun } from "../../src/postgres/cancel.ts";
import { newestRunsOfThread } from "../../src/postgres/run-list.sql.ts";
import { sweepDeletedThreads } from "../../src/postgres/sweeps.ts";
import { sweepReviewTimers } from "../../src/runtime/review-timers.ts";
import { answer, theOpen } from "../support/reviewer.ts";
import { until } from "../support/until.ts";
import { house } from "./scene.ts";
import {
  again,
  asked,
  chainOf,
  codeOf,
  hours,
  kindsOf,
  metric,
  openTimerScene,
  paid,
  paused,
  QUICK,
  sweep,
} from "./timer-scene.ts";

openTimerScene();

test("a review is reminded of, escalated and failed at its moments, each of which was shown from the beginning", async () => {
  const { run, review } = await paused("guarded-payment");
  const at = (hour: number) => new Date(Date.parse(review.opened_at) + hour * 3_600_000).toISOString();
  expect(review.deadlines).toEqual([
    { step: "reminder", at: at(9), done: false },
    { step: "escalation", at: at(10), done: false, level: 1, to: { users: ["user:boss"], groups: ["board"] } },
    { step: "end", at: at(12), done: false, action: "fail" },
  ]);
  const near = (moment: string | null) => Math.abs(Date.parse(moment as string) - Date.parse(at(0))) / 3_600_000;
  expect([near(review.next_at), near(review.due_at)].map(Math.round)).toEqual([9, 10]);
  expect(await sweep()).toBe(0);
  const before = [
    await metric('holdpoint_review_steps_total{step="reminded"}'),
    await metric('holdpoint_reviews_timed_out_total{action="fail"}'),
  ] as const;
  await hours(9.1);
  expect([await sweep(), await sweep()]).toEqual([1, 0]);
  expect(await kindsOf(review.id)).toEqual(["reminded"]);
  expect(near((await again(review)).next_at)).toBeCloseTo(10, 3);
  await hours(1);
  await sweep();
  expect(await kindsOf(review.id)).toEqual(["reminded", "escalated"]);
  // Nothing that a decision is bound to has changed.
  expect(await again(review)).toMatchObject({
    status: "open",
    version: review.version,
    request_digest: review.request_digest,
  });
  await hours(2);
  await sweep();
  const reason = `nobody decided it by ${at(12)}`;
  expect(await again(review)).toMatchObject({ status: "failed", status_reason: reason, next_at: null, decision: null });
  expect((await again(review)).deadlines.map(({ done }) => done)).toEqual([true, true, true]);
  expect((await chainOf(review.id)).at(-1)).toEqual({
    kind: "failed",
    principal_id: "system:timeout",
    body: { reason },
  });
  expect((await house.run(run.run_id)).status).toBe("success");
  const thread = await house.thread(run.thread_id);
  expect(thread).toMatchObject({ status: "error", interrupts: "{}" });
  expect(JSON.parse(thread.error as string)).toEqual({
    error: "review_timed_out",
    message: expect.stringContaining(`review ${review.id} ("${review.title}") timed out: ${reason}`),
  });
  const filter = { graph_id: null, thread_id: run.thread_id, status: null, seconds_ago: null, at: null, limit: 5 };
  const [listed] = await house.database.many(newestRunsOfThread("default", filter));
  expect(listed).toMatchObject({ status: "success", review_id: null });
  expect(JSON.parse(listed?.error as string)).toEqual({
    error: "review_timed_out",
    message: `review ${review.id} timed out: ${reason}`,
  });
  expect(await metric('holdpoint_review_steps_total{step="reminded"}')).toBe(before[0] + 1);
  expect(await metric('holdpoint_reviews_timed_out_total{action="fail"}')).toBe(before[1] + 1);
  expect(paid()).toBe(0);
});

test("an escalation asks others as well; where everybody is asked it stays with everybody", async () => {
  const candidates = { users: ["user:ana"], groups: ["clerks"] };
  const { review: listed } = await paused("two-reviews", { candidates });
  const { review: open } = await paused("two-reviews");
  const to = { users: [], groups: [] };
  const { review: silent } = await paused("two-reviews", { candidates, escalations: [{ after_seconds: 0, to }] });
  await hours(10.1);
  await sweep();
  expect((await again(listed)).candidates).toEqual({ users: ["user:ana", "user:boss"], groups: ["clerks", "board"] });
  expect((await again(open)).candidates).toEqual({ users: [], groups: [] });
  expect((await again(silent)).candidates).toEqual(candidates);
  const [, told] = [await chainOf(listed.id), (await chainOf(open.id)).at(-1)] as const;
  expect(told).toMatchObject({
    kind: "escalated",
    body: { level: 1, to: { users: ["user:boss"], groups: ["board"] } },
  });
  expect((await chainOf(silent.id)).at(-1)).toMatchObject({ kind: "escalated", body: { to } });
});

test("whatever was missed while nobody was there is done in order, and nobody is reminded of what is over", async () => {
  const escalations = [0, 3600].map((after_seconds) => ({ after_seconds, to: { users: [], groups: ["board"] } }));
  const { review } = await paused("guarded-payment", { escalations, reminders: [3600, 7200] });
  const { review: early } = await paused("guarded-payment", { reminders: [3600, 7200] });
  await hours(9.5);
  // One of its two reminders is enough.
  await sweep();
  expect(await kindsOf(early.id)).toEqual(["reminded"]);
  await house.database.pool.query("update holdpoint.review set timer_step = 0 where id = $1", [review.id]);
  await hours(200);
  await sweep();
  expect((await kindsOf(review.id)).slice(1)).toEqual(["escalated", "escalated", "failed"]);
  expect(await kindsOf(early.id)).toEqual(["reminded", "escalated", "failed"]);
});

test("any number of workers do each step once", async () => {
  const runs = await Promise.all(Array.from({ length: 8 }, () => asked("two-reviews")));
  const reviews = await Promise.all(runs.map(({ thread_id }) => theOpen(house, thread_id)));
  for (const passed of [9.1, 1, 2]) {
    await hours(passed);
    await Promise.all([sweep(), sweep(), sweep(), sweep()]);
    // What one has just locked the others pass over.
    await sweep();
  }
  for (const { id } of reviews) expect(await kindsOf(id)).toEqual(["reminded", "escalated", "failed"]);
});

test("a worker sweeps", async () => {
  const { review } = await paused("two-reviews");
  await hours(12.1);
  const worker = house.newWorker();
  worker.start();
  await until("the review has timed out", async () => (await again(review)).status === "failed");
  await worker.stop();
});

test("what stays open for ever is reminded of and escalated, and has nothing left then", async () => {
  const { review } = await paused("two-reviews", { on_timeout: "keep" });
  await hours(100);
  await sweep();
  expect(await again(review)).toMatchObject({ status: "open", next_at: null });
  expect(await kindsOf(review.id)).toEqual(["escalated"]);
  expect(await codeOf(answer(house, review, [{ type: "approve" }]))).toBe("taken");
});

test("who has loaded a graph does what is due of its reviews; where nobody has, its answers wait and the rest is done", async () => {
  const { review: failing } = await paused("two-reviews");
  const { review: answering } = await paused("two-reviews", { on_timeout: "reject" });
  await hours(12.1);
  const empty = { ...house.parts, graphs: () => ({ ...house.graphs, graphs: new Map() }) };
  const other = house.newWorker();
  other.start();
  const loaded = "select 1 from holdpoint.worker where 'two-reviews' = any(graph_ids) and stopped_at is null";
  await house.database.pool.query(
    "update holdpoint.review set next_at = next_at + interval '1 day' where next_at is not null",
  );
  await until("it says what it has loaded", async () => (await house.database.pool.query(loaded)).rows.length > 0);
  await other.stop();
  await house.database.pool.query(
    "update holdpoint.review set next_at = next_at - interval '1 day' where next_at is not null",
  );
  // As it was while it lived.
  await house.database.pool.query(
    "update holdpoint.worker set stopped_at = null, heartbeat_at = holdpoint.now(), lease_ms = 3600000",
  );
  await sweepReviewTimers(empty);
  expect((await again(failing)).status).toBe("open");
  await house.database.pool.query("update holdpoint.worker set stopped_at = holdpoint.now()");
  await sweepReviewTimers(empty);
  expect(await sweepReviewTimers(empty)).toBe(0);
  expect(await again(failing)).toMatchObject({ status: "failed" });
  expect(await again(answering)).toMatchObject({ status: "open" });
  await hours(0.2);
  await sweep();
  expect(await again(answering)).toMatchObject({ status: "decided" });
});

test("one review that cannot be read keeps no other waiting, and is looked at again", async () => {
  const { review: broken } = await paused("two-reviews");
  const { review } = await paused("two-reviews");
  const set = "update holdpoint.review set policy = $2 where id = $1";
  await house.database.pool.query(set, [broken.id, "{"]);
  await hours(12.1);
  await sweep();
  expect(await again(review)).toMatchObject({ status: "failed" });
  await house.database.pool.query(set, [broken.id, JSON.stringify(QUICK)]);
  await hours(0.1);
  await sweep();
  expect(await again(broken)).toMatchObject({ status: "failed" });
});

test("a cancelled run and a deleted thread leave nothing to time out", async () => {
  const { run, review: cancelled } = await paused("two-reviews");
  const { review: deleted } = await paused("two-reviews");
  await cancelRun(house.database, {
    tenant_id: "default",
    thread_id: run.thread_id,
    run_id: run.run_id,
    principal_id: "user:carl",
  });
  await house.parts.saver.deleteThread(deleted.thread_id);
  await hours(12.1);
  await sweep();
  expect((await again(deleted)).status).toBe("open");
  await sweepDeletedThreads(house.database);
  const ends = [await again(cancelled), await again(deleted)];
  expect(ends.map(({ status, next_at }) => [status, next_at])).toEqual(Array(2).fill(["cancelled", null]));
  for (const { id } of ends) expect(await kindsOf(id)).toEqual(["cancelled"]);
  expect(ends[1]?.status_reason).toBe(`thread ${deleted.thread_id} was deleted`);
});
