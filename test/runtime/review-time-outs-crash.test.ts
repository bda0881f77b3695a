import { expect, test } from "vitest";
import type { ReviewPolicy } from "../../src/protocol/review-policy.ts";
import { sweepReviewTimers } from "../../src/runtime/review-timers.ts";
import { dyingDatabase } from "../support/dying-database.ts";
import { theOpen } from "../support/reviewer.ts";
import { house, logOf } from "./scene.ts";
import { again, asked, hours, kindsOf, openTimerScene, paid, settle, sweep } from "./timer-scene.ts";

openTimerScene();

/** More than a process sends to end one review. */
const STEPS = 14;

/** One review after another ends, each in a process that dies one step later than the one before; how many died. */
async function dieAtEachStep(
  change: Partial<ReviewPolicy>,
  ended: (review_id: string, thread_id: string) => Promise<void>,
) {
  const runs = await Promise.all(Array.from({ length: STEPS }, () => asked("guarded-payment", change)));
  const reviews = await Promise.all(runs.map(({ thread_id }) => theOpen(house, thread_id)));
  await hours(12.1);
  const later = "update holdpoint.review set next_at = next_at + interval '1 day' where next_at is not null";
  await house.database.pool.query(later);
  const deaths: boolean[] = [];
  for (const [index, review] of reviews.entries()) {
    await house.database.pool.query("update holdpoint.review set next_at = next_at - interval '1 day' where id = $1", [
      review.id,
    ]);
    const { database, hasDied } = dyingDatabase(house.database, index + 1);
    await sweepReviewTimers({ ...house.parts, database }).catch((error: unknown) => {
      if (!hasDied()) throw error;
    });
    deaths.push(hasDied());
    // The next process, of which there may be several.
    await Promise.all([sweep(), sweep()]);
    await sweep();
    await settle();
    await ended(review.id, review.thread_id);
  }
  // It was killed before everything it does, and what it does is all that happens.
  expect(deaths.lastIndexOf(true)).toBeGreaterThan(5);
  expect(deaths.indexOf(false)).toBe(deaths.lastIndexOf(true) + 1);
}

test("a process that dies at any step of a failure is followed by one that fails the review once", async () => {
  await dieAtEachStep({}, async (id, thread_id) => {
    expect(await kindsOf(id)).toEqual(["escalated", "failed"]);
    expect(await house.thread(thread_id)).toMatchObject({ status: "error", interrupts: "{}" });
  });
  expect(paid()).toBe(0);
});

test("a process that dies at any step of a rejection is followed by one that rejects once", async () => {
  await dieAtEachStep({ on_timeout: "reject" }, async (id, thread_id) => {
    expect(await kindsOf(id)).toEqual(["escalated", "decided", "resume_queued", "resuming", "closed"]);
    expect(await again({ id })).toMatchObject({ status: "closed", outcome: "rejected" });
    expect(await logOf(thread_id)).toEqual(["propose", "reject", "nothing paid"]);
  });
  expect(paid()).toBe(0);
});
