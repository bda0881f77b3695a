import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { cancelRun } from "../../src/postgres/cancel.ts";
import type { RunRow } from "../../src/postgres/runs.sql.ts";
import type { Decision } from "../../src/protocol/decision.ts";
import type { ReviewTask } from "../../src/protocol/review.ts";
import type { Worker } from "../../src/runtime/worker.ts";
import { knobs, resetKnobs } from "../fixtures/workflows/lib/knobs.ts";
import { createDice, SCALE } from "../support/dice.ts";
import { type House, openHouse } from "../support/house.ts";
import { violations } from "../support/invariants.ts";
import { answer, openOf, person, resume, reviewsOf, theOpen } from "../support/reviewer.ts";

vi.setConfig({ testTimeout: 120_000 * SCALE });

let house: House;
let worker: Worker;
beforeAll(async () => {
  house = await openHouse();
  worker = house.newWorker();
  worker.start();
});
beforeEach(resetKnobs);
afterEach(async () => {
  await atRest();
  expect(await violations(house.database)).toEqual([]);
});
afterAll(() => house.close());

/** Waits until nothing is queued or running. */
async function atRest(): Promise<void> {
  const open = "select 1 from holdpoint.run where status in ('pending', 'running') limit 1";
  await expect.poll(async () => (await house.database.pool.query(open)).rows.length).toBe(0);
}

async function paused(graph_id: string): Promise<{ run: RunRow; review: ReviewTask }> {
  const run = await house.start(graph_id, { input: { amount: 5 } });
  house.wakeups.wake("runs");
  await atRest();
  return { run, review: await theOpen(house, run.thread_id) };
}

const paid = () => knobs.visits.filter((place) => place.startsWith("paid:")).length;
const codeOf = (result: PromiseSettledResult<unknown>) =>
  result.status === "rejected" ? (result.reason as { code?: string }).code : "fulfilled";

test("of fifty people who decide at once one wins, and everybody else is told who", async () => {
  const said: Decision[] = [
    { type: "approve" },
    { type: "reject", message: "no" },
    { type: "edit", args: { amount: 7 } },
  ];
  for (let round = 0; round < 2 * SCALE; round += 1) {
    resetKnobs();
    const { run, review } = await paused("guarded-payment");
    const answers = Array.from({ length: 50 }, (_, index) => ({
      by: person(`user:${index}`),
      decision: said[index % 3] as Decision,
    }));
    const results = await Promise.allSettled(
      answers.map(({ by, decision }) => answer(house, review, [decision], { by, seen_digest: review.request_digest })),
    );
    house.wakeups.wake("runs");
    await atRest();
    const won = results.findIndex(({ status }) => status === "fulfilled");
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const result of results) {
      if (result.status === "rejected") {
        expect(result.reason).toMatchObject({ code: "already_decided", facts: { decided_by: `user:${won}` } });
      }
    }
    const rows = await house.database.pool.query("select principal_id from holdpoint.decision where review_id = $1", [
      review.id,
    ]);
    expect(rows.rows).toEqual([{ principal_id: `user:${won}` }]);
    const resumes = await house.database.pool.query("select status from holdpoint.run where group_id = $1", [
      review.group_id,
    ]);
    expect(resumes.rows).toEqual([{ status: "success" }]);
    expect(paid()).toBe(answers[won]?.decision.type === "reject" ? 0 : 1);
    expect((await reviewsOf(house, run.thread_id)).map(({ status }) => status)).toEqual(["closed"]);
  }
});

test("the same person's answer, sent thirty times at once, is one decision and one run", async () => {
  const { review } = await paused("guarded-payment");
  const sent = await Promise.all(
    Array.from({ length: 30 }, () =>
      answer(house, review, [{ type: "approve" }], { seen_digest: review.request_digest }),
    ),
  );
  house.wakeups.wake("runs");
  expect(sent.filter(({ replayed }) => !replayed)).toHaveLength(1);
  expect(new Set(sent.map(({ resume_run }) => resume_run?.run_id)).size).toBe(1);
  await atRest();
  expect(paid()).toBe(1);
});

test("of thirty unbound answers one is taken for the first question, and none for the second", async () => {
  for (let round = 0; round < 5 * SCALE; round += 1) {
    const dice = createDice(round);
    const { run, review } = await paused("plain-questions");
    const results = await Promise.allSettled(
      Array.from({ length: 30 }, async (_, index) => {
        await dice.hesitate(2);
        const arrivedAt = performance.now();
        const decided = resume(house, run.thread_id, `answer ${index}`, {
          by: person(`user:${index}`),
          elapsedMs: () => performance.now() - arrivedAt,
        });
        house.wakeups.wake("runs");
        return await decided;
      }),
    );
    house.wakeups.wake("runs");
    await atRest();
    const second = await theOpen(house, run.thread_id);
    expect(second.value).toBe("two?");
    expect(second.decision).toBeNull();
    expect(results.map(codeOf).filter((code) => code === "fulfilled")).toHaveLength(1);
    expect(new Set(results.map(codeOf))).toEqual(new Set(["fulfilled", "already_decided"]));
    expect((await reviewsOf(house, run.thread_id)).find(({ id }) => id === review.id)?.status).toBe("closed");
  }
});

const rivals = {
  cancel: async ({ tenant_id, thread_id, run_id }: RunRow) =>
    await cancelRun(house.database, { tenant_id, thread_id, run_id, principal_id: "user:carl" }),
  input: async ({ thread_id, graph_id }: RunRow) =>
    await house.start(graph_id, { input: { amount: 9 } }, { thread_id }),
  "empty input": async ({ thread_id, graph_id }: RunRow) => await house.start(graph_id, { input: null }, { thread_id }),
  edit: async ({ thread_id, graph_id }: RunRow) =>
    await house.start(graph_id, { update: { values: { amount: 9 } } }, { thread_id, kind: "state_update" }),
  copy: async ({ thread_id, graph_id }: RunRow) =>
    await house.start(graph_id, { copy_to: randomUUID() }, { thread_id, kind: "copy" }),
};

// What a decision, and what its rival, may be told; anything else is a fault.
const TOLD = ["fulfilled", "cancelled", "superseded", "already_decided", "guarded", "thread_busy", "stale"];

describe.each(Object.keys(rivals) as (keyof typeof rivals)[])("a decision against %s", (rival) => {
  test.each(["guarded-payment", "two-reviews"])(
    "on %s: one of them is told, and nothing is done that nobody approved",
    async (graph_id) => {
      for (let round = 0; round < 20 * SCALE; round += 1) {
        resetKnobs();
        const dice = createDice(round * 7 + rival.length);
        const { run, review } = await paused(graph_id);
        const [decided, other] = await Promise.allSettled([
          dice
            .hesitate(4)
            .then(() => answer(house, review, [{ type: "approve" }], { seen_digest: review.request_digest })),
          dice.hesitate(4).then(() => rivals[rival](run)),
        ]);
        house.wakeups.wake("runs");
        await atRest();
        const told = [codeOf(decided), codeOf(other)];
        for (const code of told) expect(TOLD, `${told}`).toContain(code);
        const after = (await reviewsOf(house, run.thread_id)).find(({ id }) => id === review.id);
        // Whoever was told that the answer is taken sees it applied; whoever was not sees that it was not.
        expect(after?.decision === null, `${told} ${after?.status}`).toBe(told[0] !== "fulfilled");
        if (graph_id === "guarded-payment") expect(paid(), `${told}`).toBe(told[0] === "fulfilled" ? 1 : 0);
        if (told[0] === "fulfilled") expect(after?.status).toBe("closed");
        else expect(["open", "cancelled", "superseded"]).toContain(after?.status);
        if (after?.status === "open") expect(await openOf(house, run.thread_id)).toHaveLength(1);
      }
    },
  );
});
