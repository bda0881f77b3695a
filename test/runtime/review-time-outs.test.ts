import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { attend } from "../../src/postgres/attend.ts";
import type { ReviewTask } from "../../src/protocol/review.ts";
import { sweepReviewTimers } from "../../src/runtime/review-timers.ts";
import { answer, openOf, person, respond, reviewsOf, theOpen } from "../support/reviewer.ts";
import { house, logOf } from "./scene.ts";
import {
  again,
  asked,
  codeOf,
  hours,
  kindsOf,
  metric,
  openTimerScene,
  paid,
  paused,
  settle,
  sweep,
} from "./timer-scene.ts";

openTimerScene();

test("a rejection by time-out is a decision like a person's", async () => {
  const { run, review } = await paused("guarded-payment", { on_timeout: "reject", require_comment: ["reject"] });
  const before = await metric('holdpoint_reviews_timed_out_total{action="reject"}');
  expect(review.deadlines.at(-1)).toMatchObject({ step: "end", action: "reject" });
  await hours(12.1);
  await sweep();
  const decided = await again(review);
  expect(decided).toMatchObject({ status: "decided", outcome: "rejected", next_at: null });
  expect(decided.decision).toMatchObject({ principal_id: "system:timeout", channel: "timeout", binding: "digest" });
  expect(decided.deadlines.at(-1)).toMatchObject({ done: true });
  await settle();
  expect(await logOf(run.thread_id)).toEqual(["propose", "reject", "nothing paid"]);
  expect(await again(review)).toMatchObject({ status: "closed" });
  expect(paid()).toBe(0);
  expect(await metric('holdpoint_reviews_timed_out_total{action="reject"}')).toBe(before + 1);
  expect(await codeOf(answer(house, review, [{ type: "approve" }]))).toBe("already_timed_out");
});

test("an approval by time-out needs the policy's word, and is none on a guarded graph, whatever its policy says", async () => {
  const approve = { on_timeout: "approve", allow_auto_approve: true } as const;
  const { run, review: willing } = await paused("two-reviews", approve);
  const { review: unsaid } = await paused("two-reviews", { ...approve, allow_auto_approve: false });
  const { review: guarded } = await paused("guarded-payment", approve);
  expect([willing, unsaid, guarded].map(({ deadlines }) => deadlines.at(-1))).toMatchObject([
    { action: "approve" },
    { action: "fail" },
    { action: "fail" },
  ]);
  // A graph that was guarded after the question was opened counts as well.
  const { review: since } = await paused("two-reviews", approve);
  await hours(12.1);
  const graph = house.graphs.graphs.get("two-reviews");
  const set = {
    ...house.graphs,
    graphs: new Map([["two-reviews", { ...graph, guarded: true } as NonNullable<typeof graph>]]),
  };
  await house.database.pool.query(
    "update holdpoint.review set next_at = next_at + interval '1 day' where id <> $1 and next_at is not null",
    [since.id],
  );
  await sweepReviewTimers({ ...house.parts, graphs: () => set });
  expect(await again(since)).toMatchObject({ status: "failed", status_reason: expect.stringMatching(/guarded/) });
  await hours(24);
  await sweep();
  expect(await again(willing)).toMatchObject({ outcome: "approved", decision: { channel: "timeout" } });
  expect(await again(unsaid)).toMatchObject({
    status: "failed",
    status_reason: expect.stringMatching(/allow_auto_approve/),
  });
  expect(await again(guarded)).toMatchObject({ status: "failed", status_reason: expect.stringMatching(/guarded/) });
  await settle();
  expect(await logOf(run.thread_id)).toEqual(["first:approve"]);
  expect(paid()).toBe(0);
});

test("a rejection that a question does not offer is a failure with that reason", async () => {
  const { review } = await paused("plain-questions", { on_timeout: "reject" });
  expect(review.deadlines.at(-1)).toMatchObject({ action: "fail" });
  await hours(12.1);
  await sweep();
  expect(await again(review)).toMatchObject({
    status: "failed",
    status_reason: expect.stringMatching(/it was to be rejected, but "reject" is not offered/),
  });
});

test("a rejection that cannot be given is a failure with that reason", async () => {
  const { review: unmade } = await paused("two-reviews", { on_timeout: "reject" });
  await hours(12.1);
  const broken = { ...house.graphs.graphs.get("two-reviews"), build: () => Promise.reject(new Error("no customer")) };
  const brokenSet = { ...house.graphs, graphs: new Map([["two-reviews", broken as never]]) };
  await sweepReviewTimers({ ...house.parts, graphs: () => brokenSet });
  expect(await again(unmade)).toMatchObject({
    status: "failed",
    status_reason: expect.stringMatching(/it was to be rejected, but .*no customer/),
  });
  const { review } = await paused("two-reviews", { on_timeout: "reject" });
  await hours(12.1);
  // The node that asked is gone from the code.
  const graph = house.graphs.graphs.get("echo");
  const set = { ...house.graphs, graphs: new Map([["two-reviews", graph as NonNullable<typeof graph>]]) };
  await sweepReviewTimers({ ...house.parts, graphs: () => set });
  expect(await again(review)).toMatchObject({
    status: "failed",
    status_reason: expect.stringMatching(/it was to be rejected, but .*no longer has the node/),
  });
});

test("with one question of a pause the others are over too, answered or not, each with its reason", async () => {
  const run = await asked("parallel-questions");
  const [first, second] = await openOf(house, run.thread_id);
  await respond(house, first as ReviewTask, "yes");
  await hours(12.1);
  await sweep();
  const after = await reviewsOf(house, run.thread_id);
  expect(after.map(({ id, status }) => [id, status])).toEqual(
    expect.arrayContaining([
      [first?.id, "cancelled"],
      [second?.id, "failed"],
    ]),
  );
  expect(after.find(({ id }) => id === first?.id)?.status_reason).toContain(`review ${second?.id}`);
  expect(await house.thread(run.thread_id)).toMatchObject({ status: "error" });
  expect(await codeOf(respond(house, first as ReviewTask, "late"))).toBe("cancelled");
  expect(await codeOf(respond(house, second as ReviewTask, "late"))).toBe("already_timed_out");
});

test("a run with empty input asks again, and a guarded graph has no other way on", async () => {
  const { run, review } = await paused("guarded-payment");
  await hours(12.1);
  await sweep();
  const { thread_id } = run;
  const doors = {
    goto: { command: { goto: "pay" } },
    update: { command: { update: { amount: 1 } } },
    fork: { input: null, checkpoint: { checkpoint_id: randomUUID() } },
    breakpoint: { input: null, interrupt_before: ["pay"] },
  };
  for (const [door, kwargs] of Object.entries(doors)) {
    expect(await codeOf(house.start("guarded-payment", kwargs, { thread_id })), door).toBe("guarded");
  }
  const edit = house.start(
    "guarded-payment",
    { update: { values: { amount: 1 } } },
    { thread_id, kind: "state_update" },
  );
  expect(await codeOf(edit)).toBe("guarded");
  const copy = house.start("guarded-payment", { copy_to: randomUUID() }, { thread_id, kind: "copy" });
  expect(await codeOf(copy)).toBe("guarded");
  await house.start("guarded-payment", { input: null }, { thread_id });
  await settle();
  const next = await theOpen(house, thread_id);
  expect(next.id).not.toBe(review.id);
  expect(next.value_digest).toBe(review.value_digest);
  expect(await house.thread(thread_id)).toMatchObject({ status: "interrupted", error: null });
  await answer(house, next, [{ type: "approve" }]);
  await settle();
  expect(paid()).toBe(1);
});

test("what is queued behind a question goes on when its time is over", async () => {
  const { run, review } = await paused("two-reviews");
  const queued = await house.start("two-reviews", { input: null }, { thread_id: run.thread_id });
  await hours(12.1);
  await sweep();
  expect(await again(review)).toMatchObject({ status: "failed" });
  expect(await house.thread(run.thread_id)).toMatchObject({ status: "busy" });
  await settle();
  expect(await house.run(queued.run_id)).toMatchObject({ status: "success" });
  expect(await openOf(house, run.thread_id)).toHaveLength(1);
});

test("an answer by time-out waits for the run that comes first", async () => {
  const { run, review } = await paused("two-reviews", { on_timeout: "reject" });
  await house.start("two-reviews", { input: null }, { thread_id: run.thread_id });
  await hours(12.1);
  await sweep();
  expect(await again(review)).toMatchObject({ status: "open" });
  await settle();
  await hours(0.1);
  await sweep();
  expect(await again(review)).toMatchObject({ status: "decided", outcome: "rejected" });
});

test("asking, answering and snoozing move no deadline, and a question about a review does not keep it open", async () => {
  const { review } = await paused("two-reviews");
  const { review: answered } = await paused("two-reviews");
  const later = new Date(Date.parse(review.opened_at) + 90 * 24 * 3_600_000).toISOString();
  const acts = [
    { review_id: review.id, act: { type: "snooze", until: later } },
    { review_id: review.id, act: { type: "ask", question: "Which invoice?", to: null } },
    { review_id: answered.id, act: { type: "ask", question: "Which invoice?", to: null } },
    { review_id: answered.id, act: { type: "answer", text: "The last one." } },
  ] as const;
  for (const act of acts) await attend(house.database, { principal: person("user:ana"), ...act });
  expect(await again(review)).toMatchObject({ status: "info_requested", snoozed_until: later });
  for (const one of [review, answered]) {
    const { next_at, due_at, deadlines } = await again(one);
    expect({ next_at, due_at, deadlines }).toEqual({
      next_at: one.next_at,
      due_at: one.due_at,
      deadlines: one.deadlines,
    });
  }
  await hours(9.1);
  await sweep();
  expect((await kindsOf(review.id)).at(-1)).toBe("reminded");
  expect(await again(review)).toMatchObject({ status: "info_requested" });
  await hours(3);
  await sweep();
  for (const one of [review, answered]) expect(await again(one)).toMatchObject({ status: "failed" });
});

test("a plain question is rejected by time-out with the value that its policy gives for it", async () => {
  const { run, review } = await paused("plain-questions", { on_timeout: "reject", answers: { reject: "no" } });
  expect(review.deadlines.at(-1)).toMatchObject({ action: "reject" });
  await hours(12.1);
  await sweep();
  await settle();
  expect(await again(review)).toMatchObject({ status: "closed", outcome: "rejected" });
  const next = await theOpen(house, run.thread_id);
  await respond(house, next, "yes");
  await settle();
  expect(await logOf(run.thread_id)).toEqual(["ask:no:yes"]);
});
