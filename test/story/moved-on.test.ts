import { describe, expect, it } from "vitest";
import type { ReviewTask } from "../../src/protocol/review.ts";
import { type Answer, ask, decide, openReview, reviewsOf } from "../support/client.ts";
import { until } from "../support/until.ts";
import {
  approval,
  client,
  house,
  openScene,
  resume,
  run,
  said,
  server,
  settled,
  startWaiting,
  type Waiting,
} from "./scene.ts";

openScene();

describe("an unguarded graph that waits for a person", () => {
  const paid = async () => (await house.payments()).length;

  it("takes a bare value for its only question, and the record says that nothing bound it", async () => {
    const { thread_id, review } = await startWaiting("plain-once");
    const before = await paid();
    expect((await resume("plain-once", thread_id, "yes")).status).toBe(200);
    await settled(thread_id);
    expect((await client().threads.getState<{ log: string[] }>(thread_id)).values.log).toEqual([
      'said "yes"',
      "paid 5",
    ]);
    expect((await ask(server.url, `/reviews/${review.id}`)).body.decision).toMatchObject({ binding: "unbound" });
    expect(await paid()).toBe(before + 1);
  });

  it("refuses an answer at an old checkpoint and one under an unknown id", async () => {
    const { thread_id, older } = await startWaiting("plain-once");
    const before = await house.rowCounts(thread_id);
    const answers = [
      await resume("plain-once", thread_id, "yes", { checkpoint: { checkpoint_id: older } }),
      await resume("plain-once", thread_id, { ["b".repeat(32)]: "yes" }),
    ];
    expect(answers.map(said)).toEqual(["409 use_fork", "409 unknown_interrupt"]);
    expect(await house.rowCounts(thread_id)).toEqual(before);
  });

  it("never gives the answer of one question to the next one of the node", async () => {
    const { thread_id, review } = await startWaiting("plain-twice");
    const id = review.interrupt_id as string;
    const first = await resume("plain-twice", thread_id, { [id]: "yes" });
    await settled(thread_id);
    const second = await openReview(server.url, thread_id);
    expect(second.interrupt_id).not.toBe(id);
    const before = await house.rowCounts(thread_id);
    expect((await resume("plain-twice", thread_id, { [id]: "yes" })).body.run_id).toBe(first.body.run_id);
    expect(said(await resume("plain-twice", thread_id, { [id]: "no" }))).toBe("409 already_decided");
    expect(await house.rowCounts(thread_id)).toEqual(before);
    await resume("plain-twice", thread_id, { [second.interrupt_id as string]: "no" });
    await settled(thread_id);
    const { values } = await client().threads.getState<{ log: string[] }>(thread_id);
    expect(values.log[0]).toBe('said ["yes","no"]');
  });

  it.each<[string, (waiting: Waiting) => Promise<Answer>]>([
    ["new input", ({ thread_id }) => run("open-twice", thread_id, { input: { amount: 7 } })],
    ["a jump", ({ thread_id }) => run("open-twice", thread_id, { command: { goto: "second" } })],
    [
      "a state edit",
      ({ thread_id }) => ask(server.url, `/threads/${thread_id}/state`, { body: { values: { amount: 7 } } }),
    ],
    [
      "a fork",
      ({ thread_id, older }) => run("open-twice", thread_id, { input: null, checkpoint: { checkpoint_id: older } }),
    ],
  ])("takes back its question for %s; the old answer is then refused", async (_road, take) => {
    const waiting = await startWaiting("open-twice");
    const before = await paid();
    expect((await take(waiting)).status).toBe(200);
    await settled(waiting.thread_id);
    const { body: old } = await ask(server.url, `/reviews/${waiting.review.id}`);
    expect(old).toMatchObject({ status: "superseded", decision: null });
    expect(said(await decide(server.url, waiting.review, { type: "approve" }))).toBe("409 superseded");
    expect(await paid()).toBe(before);
  });
});

describe("a thread that is copied", () => {
  it("takes its open question along as one of its own", async () => {
    const { thread_id, review } = await startWaiting("guarded-twice");
    const copy = await client().threads.copy(thread_id);
    const copied = await openReview(server.url, copy.thread_id);
    expect(copied.id).not.toBe(review.id);
    expect(copied.interrupt_id).toBe(review.interrupt_id);
    const { run_id } = (await decide(server.url, review, { type: "approve" })).body;
    await client().runs.join(thread_id, run_id);
    expect(await openReview(server.url, copy.thread_id)).toEqual(copied);
    expect(await client().threads.get(copy.thread_id)).toMatchObject({ status: "interrupted" });
  });

  it("asks everything itself when half of it was answered: the answer stays with the original", async () => {
    const { thread_id } = await client().threads.create();
    await client().runs.wait(thread_id, "guarded-pair", { input: { amount: 5 } });
    const [left, right] = (await reviewsOf(server.url, thread_id, "open")) as [ReviewTask, ReviewTask];
    const before = await house.payments();
    const half = await decide(server.url, left, { type: "approve" });
    expect(half).toMatchObject({ status: 200, body: { run_id: null, review: { status: "decided" } } });
    const copy = await client().threads.copy(thread_id);
    expect(await reviewsOf(server.url, copy.thread_id, "open")).toHaveLength(2);
    expect(said(await resume("guarded-pair", thread_id, approval))).toBe("428 precondition_required");
    const whole = await decide(server.url, right, { type: "approve" });
    await client().runs.join(thread_id, whole.body.run_id);
    expect(await reviewsOf(server.url, copy.thread_id, "open")).toHaveLength(2);
    expect(await house.payments()).toHaveLength(before.length + 1);
  });

  it("is refused while an answer is being applied, so that one approval pays once", async () => {
    const { thread_id, review } = await startWaiting("held-after-review");
    const before = await house.payments();
    const { run_id } = (await decide(server.url, review, { type: "approve" })).body;
    await until("the step after the approval is under way", async () => (await house.visits(thread_id))["hold"] === 1);
    const threads = (await house.rowCounts(thread_id))["threads"];
    expect(said(await ask(server.url, `/threads/${thread_id}/copy`, { method: "POST" }))).toBe("409 thread_busy");
    expect((await house.rowCounts(thread_id))["threads"]).toBe(threads);
    await house.letGo(thread_id);
    await client().runs.join(thread_id, run_id);
    expect(await house.payments()).toHaveLength(before.length + 1);
    const copy = await client().threads.copy(thread_id);
    expect(await reviewsOf(server.url, copy.thread_id)).toEqual([]);
    expect(said(await run("held-after-review", copy.thread_id, { input: null }))).not.toMatch(/^5/);
    await settled(copy.thread_id);
    expect(await house.payments()).toHaveLength(before.length + 1);
  });
});

it("leaves every chain whole", async () => {
  expect(await house.brokenChains()).toEqual([]);
});
