import { expect, test } from "vitest";
import { cancelRun } from "../../src/postgres/cancel.ts";
import { decide } from "../../src/postgres/decide.ts";
import type { ReviewTask } from "../../src/protocol/review.ts";
import { DEFAULT_REVIEW_POLICY } from "../../src/protocol/review-policy.ts";
import { knobs } from "../fixtures/workflows/lib/knobs.ts";
import { approve, person, reviewsOf, theOpen } from "../support/reviewer.ts";
import { house, openScene, started } from "./scene.ts";

openScene();

/** Sends a review back to the graph. */
async function sendBack(review: ReviewTask, question: string) {
  const decisions = [{ type: "reject" as const, message: question }];
  const { resume_run } = await decide(house.database, {
    principal: person("user:ana"),
    channel: "ask",
    thread_id: review.thread_id,
    answers: [
      {
        review_id: review.id,
        request: {
          decisions: { ok: true, value: decisions },
          by_interrupt_id: false,
          seen_digest: review.request_digest,
        },
      },
    ],
    comment: question,
    graphOf: await house.factsOf(review.graph_id),
    elapsedMs: () => 0,
    allowScalarResume: false,
  });
  await house.settle();
  return await house.run(resume_run?.run_id as string);
}

/** How many runs this process says it has ended, by how. */
async function counted(): Promise<Record<string, number>> {
  const text = await house.parts.metrics.render();
  const found = text.matchAll(/^holdpoint_runs_ended_total\{status="(\w+)"\} (\d+)$/gm);
  return Object.fromEntries([...found].map(([, status, times]) => [status, Number(times)]));
}

test("what is sent back to the graph comes as the next revision, and too many end the run", async () => {
  const { thread_id } = await started("asks-until-approved", 1);
  let review = await theOpen(house, thread_id);
  expect(review).toMatchObject({ revision: 1, restarts: 0, revises: null });
  for (const revision of [2, 3]) {
    const before = review;
    expect((await sendBack(review, "which account?")).status).toBe("success");
    review = await theOpen(house, thread_id);
    expect(review).toMatchObject({ revision, restarts: 0, revises: before.id });
    expect(review.id).not.toBe(before.id);
  }
  const before = await counted();
  const last = await sendBack(review, "once more");
  expect(await counted(), "it is counted as what it is").toEqual({ ...before, failed: (before["failed"] ?? 0) + 1 });
  expect([last.status, JSON.parse(last.error ?? "{}").error]).toEqual(["error", "too_many_revisions"]);
  const thread = await house.thread(thread_id);
  expect([thread.status, JSON.parse(thread.error ?? "{}").error]).toEqual(["error", "too_many_revisions"]);
  expect((await reviewsOf(house, thread_id)).map(({ status }) => status)).toEqual(["closed", "closed", "closed"]);
});

test("an answer that is not a question back is not another revision", async () => {
  const { thread_id } = await started("asks-until-approved", 1);
  const first = await theOpen(house, thread_id);
  await sendBack(first, "which account?");
  const second = await theOpen(house, thread_id);
  await approve(house, second);
  await house.settle();
  expect((await reviewsOf(house, thread_id)).map(({ status, outcome }) => [status, outcome])).toEqual([
    ["closed", "rejected"],
    ["closed", "approved"],
  ]);
  expect((await house.thread(thread_id)).status).toBe("idle");
});

test("a question that drifts is asked again as often as its policy allows; then its run ends, and nobody is asked", async () => {
  let shown = 100;
  knobs.shown = () => shown;
  const { thread_id } = await started("drifting");
  let runs = 0;
  for (let restarts = 0; restarts <= DEFAULT_REVIEW_POLICY.max_restarts; restarts += 1) {
    const review = await theOpen(house, thread_id);
    expect(review.restarts).toBe(restarts);
    shown += 1;
    await approve(house, review);
    await house.settle();
    expect((await reviewsOf(house, thread_id, "stale")).map(({ id }) => id)).toEqual([review.id]);
    const before = await counted();
    const again = await house.start("drifting", { input: null }, { thread_id });
    await house.settle();
    runs += 1;
    const ending = restarts < DEFAULT_REVIEW_POLICY.max_restarts ? "paused" : "failed";
    expect(await counted()).toEqual({ ...before, [ending]: (before[ending] ?? 0) + 1 });
    if (ending === "paused") continue;
    const ended = await house.run(again.run_id);
    expect([ended.status, JSON.parse(ended.error ?? "{}").error]).toEqual(["error", "too_many_restarts"]);
  }
  expect(runs).toBe(4);
  expect((await house.thread(thread_id)).status).toBe("error");
  const reviews = await reviewsOf(house, thread_id);
  expect(new Set(reviews.map(({ status }) => status))).toEqual(new Set(["superseded"]));
  expect(reviews.at(-1)?.status_reason).toContain("its policy allows 3");
});

test.each(["interrupt", "rollback"] as const)(
  "a run that would have asked and is cancelled first (%s) is counted as cancelled",
  async (action) => {
    const reached = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    knobs.onVisit = async (place) => {
      if (place !== "drifting.review") return;
      reached.resolve();
      await released.promise;
    };
    const run = await house.start("drifting", { input: {} });
    const ticked = house.worker.tick();
    await reached.promise;
    const { tenant_id, thread_id, run_id } = run;
    await cancelRun(house.database, {
      tenant_id,
      thread_id,
      run_id,
      principal_id: "user:carl",
      action,
      guarded: false,
    });
    const before = await counted();
    released.resolve();
    await ticked;
    expect(await counted()).toEqual({ ...before, cancelled: (before["cancelled"] ?? 0) + 1 });
    expect(await reviewsOf(house, thread_id)).toEqual([]);
  },
);
