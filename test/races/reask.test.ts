// Two operators beside an answer whose run has failed: one carries it on, the other has it asked again.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import type { ReviewTask } from "../../src/protocol/review.ts";
import { knobs, resetKnobs } from "../fixtures/workflows/lib/knobs.ts";
import { openServer, type TestServer } from "../http/server.ts";
import { createDice, SCALE } from "../support/dice.ts";
import { violations } from "../support/invariants.ts";
import { answer, theOpen } from "../support/reviewer.ts";
import { until } from "../support/until.ts";

vi.setConfig({ testTimeout: 120_000 * SCALE });

const ROUNDS = 20 * SCALE;
// While the retry is under way, what it has begun outside may be told before that it is under way.
const TOLD = ["taken", "thread_busy", "superseded", "not_failed", "effect_begun"];

let server: TestServer;
beforeAll(async () => {
  server = await openServer();
});
beforeEach(resetKnobs);
afterEach(async () => expect(await violations(server.house.database)).toEqual([]));
afterAll(() => server.close());

const now = async ({ id }: ReviewTask) => (await (await server.ask(`/reviews/${id}`)).json()) as ReviewTask;
const post = async ({ id }: ReviewTask, what: "retry" | "reask") => {
  const response = await server.ask(`/reviews/${id}/${what}`, { method: "POST", body: {} });
  return response.status === 200 ? "taken" : (response.headers.get("x-holdpoint-error") ?? String(response.status));
};
const atRest = (thread_id: string) =>
  until("the thread rests", async () => (await server.house.thread(thread_id)).status !== "busy");
const effectsOf = async (thread_id: string) => {
  const text = "select count(*)::int as begun from holdpoint.effect where thread_id = $1";
  return (await server.house.database.pool.query(text, [thread_id])).rows[0].begun as number;
};

/** An approved payment whose run has failed before it paid. */
async function failed(): Promise<ReviewTask> {
  knobs.onVisit = (place) => {
    if (place === "guarded.pay") throw new Error("no luck");
  };
  const { thread_id } = await server.house.start("guarded-payment", { input: { amount: 5 } });
  server.house.wakeups.wake("runs");
  const review = await until("it asks", () => theOpen(server.house, thread_id).catch(() => undefined));
  await answer(server.house, review, [{ type: "approve" }]);
  server.house.wakeups.wake("runs");
  await until("it has failed", async () => (await now(review)).status === "resume_failed");
  knobs.onVisit = () => {};
  return review;
}

test.each([
  ["at the same moment", false],
  ["one after the other", true],
])(
  "%s: one of them is taken, the other is told, and there is one payment or one new question",
  async (_how, inTurn) => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const dice = createDice(round);
      const review = await failed();
      const order = round % 2 === 0 ? (["retry", "reask"] as const) : (["reask", "retry"] as const);
      const send = async (what: "retry" | "reask", place: number) => {
        if (!inTurn) await dice.hesitate(3 * place);
        return [what, await post(review, what)] as const;
      };
      const told = inTurn
        ? [await send(order[0], 0), await send(order[1], 1)]
        : await Promise.all(order.map((what, place) => send(what, place)));
      await atRest(review.thread_id);
      const taken = told.filter(([, code]) => code === "taken").map(([what]) => what);
      expect(taken).toHaveLength(1);
      if (inTurn) expect(taken).toEqual([order[0]]);
      for (const [, code] of told) expect(TOLD).toContain(code);
      const after = await now(review);
      if (taken[0] === "retry") {
        expect([after.status, after.superseded_by, await effectsOf(review.thread_id)]).toEqual(["closed", null, 1]);
      } else {
        const anew = await theOpen(server.house, review.thread_id);
        expect([after.status, after.superseded_by]).toEqual(["superseded", anew.id]);
        expect([anew.decision, await effectsOf(review.thread_id)]).toEqual([null, 0]);
      }
    }
  },
);
