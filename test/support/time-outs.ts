import { readReview } from "../../src/postgres/reviews.ts";
import { sweepReviewTimers } from "../../src/runtime/review-timers.ts";
import type { House } from "./house.ts";

/** Puts a review, and no other, so far back that its time is over, and does what is due then. False while it still waits. */
export async function runOutOfTime(house: House, review_id: string): Promise<boolean> {
  const back = `update holdpoint.review
    set opened_at = opened_at - interval '30 days', due_at = due_at - interval '30 days', next_at = next_at - interval '30 days'
    where id = $1 and next_at is not null`;
  await house.database.pool.query(back, [review_id]);
  await sweepReviewTimers(house.parts);
  return (await readReview(house.database, "default", review_id))?.next_at === null;
}
