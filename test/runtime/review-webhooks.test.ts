import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { keepReviewWebhooks } from "../../src/postgres/audit.sql.ts";
import { auditReview } from "../../src/postgres/audit.ts";
import { cancelRun } from "../../src/postgres/cancel.ts";
import { reviewForUpdate } from "../../src/postgres/reviews.sql.ts";
import type { ReviewTask } from "../../src/protocol/review.ts";
import { approve, reviewsOf } from "../support/reviewer.ts";
import { until } from "../support/until.ts";
import {
  deliver,
  house,
  link,
  noticesOf,
  opened,
  openNoticeScene,
  PUBLIC_URL,
  receiver,
  send,
  settle,
  tell,
  theNotice,
} from "./notice-scene.ts";

openNoticeScene();

const bodies = (path: string) =>
  receiver.at(path).map(({ body }) => body as { type: string; data: Record<string, unknown> });

test("a review is told from its opening to its decision, in few words and with a link", async () => {
  tell({ webhooks: [receiver.url("/told")] }, { risk: "high" });
  const review = await opened();
  await send(review);
  await approve(house, review);
  await settle();
  await send(review);
  expect(bodies("/told").map(({ type, data }) => [type, data["status"], data["outcome"], data["seq"]])).toEqual([
    ["review.opened", "open", null, 1],
    ["review.decided", "decided", "approved", 2],
  ]);
  const [first] = bodies("/told");
  expect(first).toEqual({
    type: "review.opened",
    timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
    data: {
      review_id: review.id,
      group_id: review.group_id,
      thread_id: review.thread_id,
      run_id: review.run_id,
      graph_id: "guarded-payment",
      node: review.node,
      title: review.title,
      status: "open",
      outcome: null,
      risk: "high",
      priority: 50,
      revision: 1,
      due_at: review.due_at,
      assignee: null,
      requested_by: review.requested_by,
      by: review.requested_by,
      seq: 1,
      url: `${PUBLIC_URL}/reviews/${review.id}`,
    },
  });
  for (const notice of await noticesOf(review)) {
    expect(notice).toMatchObject({
      status: "delivered",
      review_id: review.id,
      run_id: review.run_id,
      channel: "webhook",
    });
  }
});

test("each kind of link that somebody waits for is told once, and no other", async () => {
  tell({ webhooks: [receiver.url("/kinds")] });
  const review = await opened();
  const kinds = ["viewed", "claimed", "released", "assigned", "snoozed", "commented", "info_given"];
  for (const kind of [...kinds, "reminded", "escalated", "bypassed", "resume_queued"]) await link(review, kind);
  expect((await noticesOf(review)).map(({ event }) => event).sort()).toEqual(
    ["review.opened", "review.assigned", "review.due_soon", "review.escalated", "review.bypassed"].sort(),
  );
});

test("what ends a review without a decision is told too", async () => {
  tell({ webhooks: [receiver.url("/ends")] });
  const cancelled = await opened();
  const { thread_id, run_id } = cancelled;
  await cancelRun(house.database, { tenant_id: "default", thread_id, run_id, principal_id: "user:carl" });
  const superseded = await opened("breakpoints", {});
  await house.start("breakpoints", { input: {} }, { thread_id: superseded.thread_id });
  const events = async (review: ReviewTask) => (await noticesOf(review)).map(({ event }) => event);
  expect(await events(cancelled)).toEqual(["review.opened", "review.cancelled"]);
  expect(await events(superseded)).toEqual(["review.opened", "review.superseded"]);
  await settle();
});

test("a link that is not committed is told to nobody", async () => {
  tell({ webhooks: [receiver.url("/rolled-back")] });
  const review = await opened();
  const failing = house.database.transaction(async (tx) => {
    const row = await tx.one(reviewForUpdate("default", review.id));
    await auditReview(tx, row, { kind: "escalated", principal_id: "user:ana", at: new Date().toISOString() });
    throw new Error("the power is gone");
  });
  await expect(failing).rejects.toThrow("the power is gone");
  expect((await noticesOf(review)).map(({ event }) => event)).toEqual(["review.opened"]);
});

test("webhooks of the whole server are told beside those of the policy, each once, until the server says otherwise", async () => {
  const [own, both, all] = [receiver.url("/own"), receiver.url("/both"), receiver.url("/all")];
  tell({ webhooks: [own, both] });
  await house.database.run(keepReviewWebhooks([both, all]));
  const urls = async () => (await noticesOf(await opened())).map(({ url }) => url).sort();
  expect(await urls()).toEqual([own, both, all].sort());
  await house.database.run(keepReviewWebhooks([all]));
  expect(await urls()).toEqual([own, both, all].sort());
  tell({});
  expect(await urls()).toEqual([all]);
  await house.database.run(keepReviewWebhooks([]));
  expect(await urls()).toEqual([]);
});

test("a title that is long, hostile or half a character neither harms the review nor leaves what is told unreadable", async () => {
  tell({ webhooks: [receiver.url("/hostile"), "https://\0.example.com/"] });
  const review = await opened();
  const title = `\u202e\u0007${"\ud83d\ude00".repeat(100_000)}`;
  await house.database.pool.query("update holdpoint.review set title = $1 where id = $2", [title, review.id]);
  await link({ ...review }, "escalated", { reason: `\0${"x".repeat(9_000)}` });
  await send(review);
  expect(receiver.at("/hostile")).toHaveLength(2);
  for (const { text } of receiver.at("/hostile")) expect(text.length).toBeLessThan(2_000);
  expect(String(bodies("/hostile").at(-1)?.data["title"])).toMatch(/^\u202e\u0007(\ud83d\ude00)+\ufffd?…$/u);
  const bad = (await noticesOf(review)).filter(({ url }) => !url.startsWith("http://127"));
  expect(bad).toMatchObject([
    { status: "pending", answer_status: null, error: expect.stringContaining("must be a URL") },
    {},
  ]);
});

test("a decision is told to nobody twice, however many make it", async () => {
  tell({ webhooks: [receiver.url("/crowd")] });
  const review = await opened();
  const made = await Promise.allSettled(
    Array.from({ length: 10 }, (_empty, at) =>
      approve(house, review, { idempotency_key: `k${at}-${randomUUID()}`, seen_digest: review.request_digest }),
    ),
  );
  expect(made.some(({ status }) => status === "fulfilled")).toBe(true);
  expect((await noticesOf(review)).map(({ event }) => event)).toEqual(["review.opened", "review.decided"]);
  await settle();
  expect((await reviewsOf(house, review.thread_id)).map(({ status }) => status)).toEqual(["closed"]);
});

test("what nobody wanted to hear is kept from nobody: a target that is not on the internet is refused when it is called", async () => {
  tell({ webhooks: ["http://169.254.169.254/latest"] });
  const review = await opened();
  await send(review);
  expect(await theNotice(review)).toMatchObject({
    status: "pending",
    error: expect.stringContaining("HOLDPOINT_WEBHOOK_ALLOW"),
  });
});

test("a process that dies between the answer and its note tells it again: the same bytes under the same id", async () => {
  tell({ webhooks: [receiver.url("/died")] });
  const review = await opened();
  const { delivery_id } = await theNotice(review);
  const { promise: never, resolve: letGo } = Promise.withResolvers<void>();
  receiver.answer("/died", async (response) => {
    await never;
    response.writeHead(200).end();
  });
  const dying = deliver(delivery_id);
  await until("it is told", () => receiver.at("/died").length === 1);
  receiver.answer("/died", (response) => response.writeHead(200).end());
  await deliver(delivery_id);
  expect(receiver.at("/died")).toHaveLength(1);
  await house.pass(60);
  await deliver(delivery_id);
  const [first, second] = receiver.at("/died");
  expect([second?.text, second?.headers["webhook-id"]]).toEqual([first?.text, delivery_id]);
  letGo();
  await dying;
  expect(await theNotice(review)).toMatchObject({ status: "delivered", attempts: 2 });
});
