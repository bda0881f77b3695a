import { expect, it } from "vitest";
import type { ReviewTask } from "../../src/protocol/review.ts";
import { ask, decide, openReview, sdk } from "../support/client.ts";
import { createDice, SCALE } from "../support/dice.ts";
import { openRefundHouse, type RefundHouse } from "../support/refund-house.ts";
import { type Server, startServer } from "../support/server.ts";
import { until } from "../support/until.ts";

const OURS = "failed for a reason of ours";

async function paused(server: Server): Promise<ReviewTask> {
  const client = sdk(server.url);
  const { thread_id } = await client.threads.create();
  await client.runs.wait(thread_id, "plain-once", { input: { amount: 1 } });
  return await openReview(server.url, thread_id);
}

const manyPaused = (server: Server, count: number) => Promise.all(Array.from({ length: count }, () => paused(server)));

async function decided(house: RefundHouse): Promise<Set<string>> {
  const { rows } = await house.pool.query<{ review_id: string }>(
    `select d.review_id from holdpoint.decision d join holdpoint.review v on v.id = d.review_id
     join holdpoint.run r on r.run_id = v.resume_run_id`,
  );
  return new Set(rows.map(({ review_id }) => review_id));
}

it("a process that stops answers every decision under way, refuses new ones, and keeps what it has answered", async () => {
  const house = await openRefundHouse();
  try {
    const server = await startServer({ databaseUrl: house.url });
    const [held, ...others] = await manyPaused(server, 1 + 40 * SCALE);
    const late = others.splice(0, 10);
    const { thread_id } = held as ReviewTask;
    const lock = await house.holdThread(thread_id);
    const say = (review: ReviewTask, value: string) => decide(server.url, review, { type: "respond", value });
    const onHeld = ["a", "b", "c", "d", "e"].map((value) => say(held as ReviewTask, value));
    await until("they wait for the thread", async () => (await lock.waiting()) >= onHeld.length);
    const dice = createDice(20_261_122);
    const spread = others.map(async (review) => {
      await dice.hesitate(200);
      return { review, answer: await say(review, "yes") };
    });
    await Promise.race(spread);
    const exit = server.stop();
    await until("it takes no more", async () => (await ask(server.url, "/ok")).status === 503);

    for (const { status, code, headers } of await Promise.all(late.map((review) => say(review, "yes")))) {
      expect([status, code]).toEqual([503, "shutting_down"]);
      expect([headers.get("retry-after"), headers.get("connection")]).toEqual(["1", "close"]);
    }
    const answered = await Promise.all(spread);
    for (const { answer } of answered) expect([200, 503]).toContain(answer.status);
    await lock.release();
    const statuses = (await Promise.all(onHeld)).map(({ status }) => status);
    expect(statuses.sort()).toEqual([200, 409, 409, 409, 409]);
    expect(await exit).toEqual({ code: 0, signal: null });

    const accepted = answered.filter(({ answer }) => answer.status === 200).map(({ review }) => review.id);
    expect(accepted.length).toBeGreaterThan(0);
    expect([...(await decided(house))].sort()).toEqual([...accepted, (held as ReviewTask).id].sort());
    expect(server.log()).not.toContain(OURS);
    expect(await house.brokenChains()).toEqual([]);
  } finally {
    await house.close();
  }
}, 120_000);

it("a decision whose client has gone is made to its end before the process lets go of its database", async () => {
  const house = await openRefundHouse();
  try {
    const server = await startServer({ databaseUrl: house.url });
    const review = await paused(server);
    const lock = await house.holdThread(review.thread_id);
    const gone = new AbortController();
    const body = JSON.stringify({ decisions: [{ type: "respond", value: "yes" }], seen_digest: review.request_digest });
    const asked = fetch(`${server.url}/reviews/${review.id}/decision`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
      signal: gone.signal,
    });
    await until("it waits for the thread", async () => (await lock.waiting()) >= 1);
    gone.abort();
    await expect(asked).rejects.toThrow();
    const exit = server.stop();
    await until("it takes no more", async () => (await ask(server.url, "/ok")).status === 503);
    await lock.release();
    expect(await exit).toEqual({ code: 0, signal: null });
    expect(await decided(house)).toEqual(new Set([review.id]));
    expect(server.log()).not.toContain(OURS);
  } finally {
    await house.close();
  }
}, 120_000);
