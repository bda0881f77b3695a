import { afterAll, beforeAll, expect, test } from "vitest";
import { decide } from "../../src/postgres/decide.ts";
import { readRunEvents } from "../../src/postgres/events.ts";
import { localOwner } from "../../src/postgres/identity.ts";
import { readReviews } from "../../src/postgres/reviews.ts";
import { type House, openHouse } from "../support/house.ts";

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.close());

test("a run without pauses ends success with the last values as its output", async () => {
  const run = await house.start("echo", { input: { amount: 1 } });
  expect(await house.worker.tick()).toBe(1);
  const ended = await house.run(run.run_id);
  expect(ended.status).toBe("success");
  expect(JSON.parse(ended.output ?? "null")).toEqual({ amount: 1, log: ["a", "b"] });
  const events = await readRunEvents(house.database, run, 0);
  expect(events[0]).toMatchObject({ event: "metadata", seq: 1 });
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
});

test("each review pauses the thread once and its answer is applied once", async () => {
  const run = await house.start("two-reviews", { input: { amount: 5 } });
  await house.worker.tick();
  for (const key of ["first", "second"]) {
    const { reviews } = await readReviews(house.database, "default", {
      status: "open",
      graph_id: null,
      thread_id: run.thread_id,
      limit: 10,
      offset: 0,
    });
    expect(reviews.map(({ node }) => node)).toEqual([key]);
    const [review] = reviews;
    const decided = await decide(house.database, {
      principal: localOwner(),
      channel: "api",
      thread_id: run.thread_id,
      answers: [
        {
          review_id: review!.id,
          request: {
            decisions: { ok: true, value: [{ type: "approve" }] },
            by_interrupt_id: false,
            seen_digest: review!.request_digest,
          },
        },
      ],
      graphOf: (graph_id) => ({
        fingerprint: house.graphs.graphs.get(graph_id)!.fingerprint,
        nodes: new Set(["first", "second", "pay"]),
      }),
      elapsedMs: () => 0,
      allowScalarResume: true,
    });
    expect(decided.resume_run?.status).toBe("pending");
    expect(await house.worker.tick()).toBe(1);
    const resumed = await house.run(decided.resume_run!.run_id);
    expect(resumed).toMatchObject({ status: "success", error: null });
  }
  const { reviews } = await readReviews(house.database, "default", {
    status: null,
    graph_id: null,
    thread_id: run.thread_id,
    limit: 10,
    offset: 0,
  });
  expect(reviews.map(({ status, outcome }) => [status, outcome])).toEqual([
    ["closed", "approved"],
    ["closed", "approved"],
  ]);
});
