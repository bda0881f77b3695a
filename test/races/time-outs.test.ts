import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import type { PolicyOf } from "../../src/policy/review/open.ts";
import { reviewAudit } from "../../src/postgres/audit.sql.ts";
import { cancelRun } from "../../src/postgres/cancel.ts";
import { readReview } from "../../src/postgres/reviews.ts";
import type { RunRow } from "../../src/postgres/runs.sql.ts";
import { sweepDeletedThreads } from "../../src/postgres/sweeps.ts";
import type { ReviewTask } from "../../src/protocol/review.ts";
import { DEFAULT_REVIEW_POLICY, type ReviewPolicy } from "../../src/protocol/review-policy.ts";
import { sweepReviewTimers } from "../../src/runtime/review-timers.ts";
import type { Worker } from "../../src/runtime/worker.ts";
import { resetKnobs } from "../fixtures/workflows/lib/knobs.ts";
import { createDice, type Dice, SCALE } from "../support/dice.ts";
import { type House, openHouse } from "../support/house.ts";
import { violations } from "../support/invariants.ts";
import { answer, openOf, theOpen } from "../support/reviewer.ts";
import { runOutOfTime } from "../support/time-outs.ts";
import { until } from "../support/until.ts";

vi.setConfig({ testTimeout: 120_000 * SCALE });

/** How the time of a review ends, and where; told apart by the amount that is asked about. */
const ENDINGS: { graph_id: string; amount: number; policy: Partial<ReviewPolicy> }[] = [
  { graph_id: "guarded-payment", amount: 1, policy: { on_timeout: "fail" } },
  { graph_id: "guarded-payment", amount: 2, policy: { on_timeout: "reject" } },
  { graph_id: "two-reviews", amount: 3, policy: { on_timeout: "approve", allow_auto_approve: true } },
];

const policyOf: PolicyOf = ({ actions }) => {
  const asked = actions.map(({ args }) => (args as { amount: number }).amount);
  return { ...DEFAULT_REVIEW_POLICY, ...ENDINGS.find(({ amount }) => asked.includes(amount))?.policy };
};

let house: House;
let worker: Worker;
beforeAll(async () => {
  house = await openHouse();
  house.parts.policyOf = policyOf;
  worker = house.newWorker();
  worker.start();
});
beforeEach(resetKnobs);
afterEach(async () => expect(await violations(house.database)).toEqual([]));
afterAll(() => house.close());

/** Waits until nothing is queued or running. */
async function atRest(): Promise<void> {
  house.wakeups.wake("runs");
  const open = "select 1 from holdpoint.run where status in ('pending', 'running') limit 1";
  await expect.poll(async () => (await house.database.pool.query(open)).rows.length).toBe(0);
}

/** Waits until nothing is due; what somebody else has locked is passed over, and swept by them. */
async function swept(): Promise<void> {
  const due = `select 1 from holdpoint.thread where deleted_at is not null and next_at is not null
    union all select 1 from holdpoint.review v join holdpoint.thread t using (thread_id)
      where v.next_at <= holdpoint.now() and t.deleted_at is null`;
  await until("nothing is due", async () => {
    await sweepReviewTimers(house.parts);
    await sweepDeletedThreads(house.database);
    return (await house.database.pool.query(due)).rows.length === 0;
  });
}

interface Scene {
  run: RunRow;
  review: ReviewTask;
}

/** As many runs as are wanted, of each ending in turn; each of them asks and is not due yet. */
async function paused(count: number): Promise<Scene[]> {
  const start = (index: number) => {
    const { graph_id, amount } = ENDINGS[index % ENDINGS.length] as (typeof ENDINGS)[number];
    return house.start(graph_id, { input: { amount } });
  };
  const runs = await Promise.all(Array.from({ length: count }, (_, index) => start(index)));
  await atRest();
  return await Promise.all(runs.map(async (run) => ({ run, review: await theOpen(house, run.thread_id) })));
}

const codeOf = (result: PromiseSettledResult<unknown>) =>
  result.status === "rejected" ? String((result.reason as { code?: string }).code ?? result.reason) : "taken";

const rivals: Record<string, (scene: Scene) => Promise<unknown>> = {
  "a decision": ({ review }) => answer(house, review, [{ type: "approve" }], { seen_digest: review.request_digest }),
  "a cancellation": ({ run: { tenant_id, thread_id, run_id } }) =>
    cancelRun(house.database, { tenant_id, thread_id, run_id, principal_id: "user:carl" }),
  "new input": ({ run: { thread_id, graph_id } }) => house.start(graph_id, { input: { amount: 9 } }, { thread_id }),
  "a copy": ({ run: { thread_id, graph_id } }) =>
    house.start(graph_id, { copy_to: randomUUID() }, { thread_id, kind: "copy" }),
  "a deletion": ({ run }) => house.parts.saver.deleteThread(run.thread_id),
};

const TOLD = [
  "taken",
  "cancelled",
  "superseded",
  "already_decided",
  "already_timed_out",
  "guarded",
  "thread_busy",
  "not_found",
];

/** Lets both go: one of them first, or both at once with whatever delays. */
async function compete(dice: Dice, round: number, scene: Scene, rival: (scene: Scene) => Promise<unknown>) {
  const [late, early] = [round % 4 === 0 ? 30 : 4, round % 4 === 1 ? 30 : 4];
  const [timed, other] = await Promise.allSettled([
    dice.hesitate(late).then(() => runOutOfTime(house, scene.review.id)),
    dice.hesitate(early).then(() => rival(scene)),
  ]);
  expect(timed).toMatchObject({ status: "fulfilled" });
  return codeOf(other);
}

// Where a review comes to its end: one of these is in its chain, once.
const ENDS = ["decided", "failed", "cancelled", "superseded"];

test.each(Object.keys(rivals))(
  "%s against a time-out: one of them ends the review, and the thread goes on",
  async (name) => {
    const dice = createDice(name.length);
    const rival = rivals[name] as (scene: Scene) => Promise<unknown>;
    const scenes = await paused(24 * SCALE);
    const told = await Promise.all(scenes.map((scene, round) => compete(dice, round, scene, rival)));
    await atRest();
    // A copy or another run comes before an answer by time-out.
    await house.pass(11);
    await swept();
    await atRest();
    for (const [index, scene] of scenes.entries()) await judge(scene, told[index] as string, name);
  },
);

async function judge({ run, review }: Scene, told: string, rival: string): Promise<void> {
  expect(TOLD).toContain(told);
  const after = (await readReview(house.database, "default", review.id)) as ReviewTask;
  const links = await house.database.many(reviewAudit("default", review.id));
  const ends = links.filter(({ kind }) => ENDS.includes(kind));
  const [end] = ends;
  const isDeleted = rival === "a deletion";
  // What a deleted thread had decided is cancelled behind it.
  expect(
    ends.map(({ kind }) => kind).filter((kind) => !isDeleted || kind !== "cancelled").length,
    `${told}`,
  ).toBeLessThan(2);
  expect(ends.length).toBeGreaterThan(0);
  const byTimeOut = end?.principal_id === "system:timeout";
  const byPerson = end?.kind === "decided" && !byTimeOut;
  if (rival === "a decision") {
    expect(told).toBe(byPerson ? "taken" : "already_timed_out");
    expect(byTimeOut).toBe(!byPerson);
  }
  if (byTimeOut && after.status === "failed") expect(after.decision).toBeNull();
  const open = await openOf(house, run.thread_id);
  if (isDeleted) return expect(open).toEqual([]);
  const thread = await house.thread(run.thread_id);
  expect(thread.status).not.toBe("busy");
  expect(thread.status === "interrupted").toBe(open.length > 0);
  if (after.status === "failed" && rival !== "new input") expect(thread.status).toBe("error");
  const { log } = JSON.parse(thread.values ?? "{}") as { log: string[] };
  if (run.graph_id === "guarded-payment") expect(log.some((line) => line.startsWith("paid "))).toBe(byPerson);
}
