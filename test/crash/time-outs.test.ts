import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ask, openReview, reviewsOf, sdk } from "../support/client.ts";
import { openRefundHouse, type RefundHouse } from "../support/refund-house.ts";
import { refundExample } from "../support/refund-shop.ts";
import { startServer } from "../support/server.ts";
import { until } from "../support/until.ts";

let house: RefundHouse;
const folder = mkdtempSync(join(tmpdir(), "hp-policy-"));
const policy = join(folder, "policy.yaml");
beforeAll(async () => {
  writeFileSync(policy, "defaults:\n  on_timeout: reject\n");
  house = await openRefundHouse();
});
afterAll(async () => {
  await house.close();
  rmSync(folder, { recursive: true });
});

const FAILED = { review: "failed", outcome: null, thread: "error", kinds: ["opened", "escalated", "failed"] };
const REJECTED = {
  review: "closed",
  outcome: "rejected",
  thread: "idle",
  kinds: ["opened", "escalated", "decided", "resume_queued", "resuming", "closed"],
};

it.each([
  { on_timeout: "fail", at: "review_timer.recorded", end: FAILED },
  { on_timeout: "reject", at: "review_timer.committed", end: REJECTED },
])(
  "kill -9 at $at, while a review ends with $on_timeout: the next process ends it, once",
  async ({ on_timeout, at, end }) => {
    const env: Record<string, string> = on_timeout === "reject" ? { HOLDPOINT_POLICY_FILE: policy } : {};
    const first = await startServer({ databaseUrl: house.url, failpoint: at, env });
    const { thread_id } = await sdk(first.url).threads.create();
    await sdk(first.url).runs.wait(thread_id, "counted-refund", { input: await refundExample("large") });
    const review = await openReview(first.url, thread_id);
    expect(review.deadlines.at(-1)).toMatchObject({ step: "end", action: on_timeout });
    await house.pool.query("update holdpoint.clock set shift = shift + interval '30 days'");
    expect(await first.exited).toEqual({ code: null, signal: "SIGKILL" });
    expect(first.marker()).toBe(at);
    const second = await startServer({ databaseUrl: house.url, after: first, env });
    await until("the review has ended", async () => (await reviewsOf(second.url, thread_id))[0]?.status === end.review);
    expect(await reviewsOf(second.url, thread_id)).toMatchObject([{ outcome: end.outcome, next_at: null }]);
    const { body: links } = await ask(second.url, `/reviews/${review.id}/audit`);
    expect(links.map(({ kind }: { kind: string }) => kind)).toEqual(end.kinds);
    expect(await sdk(second.url).threads.get(thread_id)).toMatchObject({ status: end.thread, interrupts: {} });
    expect(await house.refunds()).toEqual([]);
    await second.kill9();
  },
  120_000,
);
