import { beforeAll } from "vitest";
import { reviewAudit } from "../../src/postgres/audit.sql.ts";
import { readReview } from "../../src/postgres/reviews.ts";
import type { RunRow } from "../../src/postgres/runs.sql.ts";
import type { ReviewTask } from "../../src/protocol/review.ts";
import { DEFAULT_REVIEW_POLICY, type ReviewPolicy } from "../../src/protocol/review-policy.ts";
import { sweepReviewTimers } from "../../src/runtime/review-timers.ts";
import type { Worker } from "../../src/runtime/worker.ts";
import { knobs } from "../fixtures/workflows/lib/knobs.ts";
import { theOpen } from "../support/reviewer.ts";
import { house, openScene } from "./scene.ts";

const HOUR = 3600;

/** Due after ten hours, reminded an hour before, escalated when it is due, over two hours later. */
export const QUICK: ReviewPolicy = {
  ...DEFAULT_REVIEW_POLICY,
  due_after_seconds: 10 * HOUR,
  reminders: [HOUR],
  escalations: [{ after_seconds: 0, to: { users: ["user:boss"], groups: ["board"] } }],
  ends_after_seconds: 2 * HOUR,
};

let policy = QUICK;
let worker: Worker;

/** Opens a house whose questions get the policy that `paused` was given last. */
export function openTimerScene(): void {
  openScene();
  beforeAll(() => {
    policy = QUICK;
    house.parts.policyOf = () => policy;
    worker = house.newWorker();
  });
}

/** Executes until nothing is due any more. */
export async function settle(): Promise<void> {
  // Bound: a thread's queue only gets shorter here.
  while ((await worker.tick()) > 0);
}

/** A run that has gone as far as it goes by itself; its questions have the quick policy but for what is changed. */
export async function asked(graph_id: string, change: Partial<ReviewPolicy> = {}): Promise<RunRow> {
  policy = { ...QUICK, ...change };
  const run = await house.start(graph_id, { input: { amount: 5 } });
  await settle();
  return run;
}

/** The same, of a run that asks one question. */
export async function paused(graph_id: string, change?: Partial<ReviewPolicy>) {
  const run = await asked(graph_id, change);
  return { run, review: await theOpen(house, run.thread_id) };
}

/** Lets hours pass. */
export const hours = (count: number) => house.pass(count * HOUR);

/** Does everything that is due of reviews; with how many something was done. */
export async function sweep(): Promise<number> {
  let swept = 0;
  // Bound: each pass but the last one ends a review or goes on to its next moment.
  for (;;) {
    const done = await sweepReviewTimers(house.parts);
    if (done === 0) return swept;
    swept += done;
  }
}

/** The links of a review's chain, without the opening. */
export async function chainOf(review_id: string) {
  const links = await house.database.many(reviewAudit("default", review_id));
  return links.slice(1).map(({ kind, principal_id, body }) => ({ kind, principal_id, body: JSON.parse(body) }));
}

/** The same, kinds only. */
export const kindsOf = async (review_id: string) => (await chainOf(review_id)).map(({ kind }) => kind);

/** A review as it stands now. */
export const again = async ({ id }: { id: string }) => (await readReview(house.database, "default", id)) as ReviewTask;

/** How often something was paid. */
export const paid = () => knobs.visits.filter((place) => place.startsWith("paid:")).length;

/** The value of a counter, by its name and labels. */
export async function metric(name: string): Promise<number> {
  const line = new RegExp(`^${name.replaceAll(/[{}]/g, "\\$&")} (\\d+)$`, "m");
  return Number(line.exec(await house.parts.metrics.render())?.[1] ?? 0);
}

/** What became of a request: taken, or the code of its refusal. */
export const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "taken",
    (error: { code?: string }) => error.code,
  );
