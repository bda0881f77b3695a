// Whatever a graph asks and whatever it is answered: a refused answer leaves everything as it was, and a good one that comes
// after it still reaches the graph.
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { answerForGraph } from "../../src/policy/review/normalise.ts";
import { isHoldpointError } from "../../src/protocol/errors.ts";
import type { ReviewAction } from "../../src/protocol/interrupt.ts";
import type { Json } from "../../src/protocol/json.ts";
import type { ReviewTask } from "../../src/protocol/review.ts";
import { knobs, resetKnobs } from "../fixtures/workflows/lib/knobs.ts";
import { answersTo, values } from "../policy/arbitrary-pauses.ts";
import { type House, openHouse } from "../support/house.ts";
import { violations } from "../support/invariants.ts";
import { fc } from "../support/properties.ts";
import { answer, resume, reviewsOf, theOpen } from "../support/reviewer.ts";

const SCALE = Number(process.env["HOLDPOINT_TEST_SCALE"] ?? 1);

let house: House;
beforeAll(async () => {
  house = await openHouse(fileURLToPath(new URL("../fixtures/flavours", import.meta.url)));
});
beforeEach(resetKnobs);
afterAll(() => house.close());

async function waiting(graph_id: string, input: Json): Promise<ReviewTask> {
  const { thread_id } = await house.start(graph_id, { input });
  await house.settle();
  return await theOpen(house, thread_id);
}

const everything = async ({ thread_id }: ReviewTask) => [
  await house.thread(thread_id),
  await reviewsOf(house, thread_id),
];

/** Sends each answer until one is taken; true when one was. Those that are refused change nothing. */
async function isTaken(review: ReviewTask, resumes: readonly unknown[]): Promise<boolean> {
  const before = await everything(review);
  for (const sent of resumes) {
    const refusal = await resume(house, review.thread_id, sent).catch((error: unknown) => error);
    if (!(refusal instanceof Error)) return true;
    if (!isHoldpointError(refusal)) throw refusal;
    expect(["invalid", "mixed_batch"]).toContain(refusal.code);
    const faults = refusal.facts["faults"] as { pointer: string }[];
    expect(faults.length).toBeGreaterThan(0);
    for (const { pointer } of faults) expect(pointer).toMatch(/^\/command\/resume/);
    expect(await everything(review)).toEqual(before);
  }
  return false;
}

/** An answer that the review offers. Half a character cannot be sent back. */
const offered = ({ actions }: ReviewTask) =>
  actions.map(({ index, allowed, args }: ReviewAction) => {
    const type = (["approve", "edit", "respond", "reject"] as const).find((word) => allowed.includes(word)) ?? "reject";
    const whole = JSON.stringify(args).replace(/\\ud[89a-f]../gi, "?");
    if (type === "edit") return { action: index, type, args: JSON.parse(whole) as Json };
    return type === "respond" ? { action: index, type, value: "so" } : { action: index, type };
  });

test("by a plain interrupt(): what the graph is given is what was decided, in its own words", {
  timeout: 60_000,
}, async () => {
  const cases = values.filter((value) => value !== undefined);
  await fc.assert(
    fc.asyncProperty(cases, fc.infiniteStream(fc.integer()), async (asks, seeds) => {
      const review = await waiting("plain", { asks: asks as Json });
      const resumes = fc.sample(answersTo(review), { seed: seeds.next().value as number, numRuns: 3 });
      if (!(await isTaken(review, resumes))) await answer(house, review, offered(review));
      await house.settle();
      const [closed] = await reviewsOf(house, review.thread_id);
      expect(closed).toMatchObject({ status: "closed" });
      const { status, values: kept } = await house.thread(review.thread_id);
      expect(status).toBe("idle");
      const given = answerForGraph({ ...review, answers: null }, (closed?.decision?.decisions ?? []) as never);
      expect(JSON.parse(kept ?? "").answer).toEqual(given);
    }),
    { numRuns: 15 * SCALE },
  );
  expect(await violations(house.database)).toEqual([]);
});

test("by LangChain's middleware: its tool runs once, with what was approved or edited, or not at all", {
  timeout: 60_000,
}, async () => {
  const calls = [{ name: "pay", args: { amount: 10, to: "ACME" } }];
  await fc.assert(
    fc.asyncProperty(fc.integer(), async (seed) => {
      knobs.visits.length = 0;
      const review = await waiting("agent", { messages: [{ role: "user", content: JSON.stringify(calls) }] });
      const resumes = fc.sample(answersTo(review), { seed, numRuns: 4 });
      if (!(await isTaken(review, resumes))) await answer(house, review, offered(review));
      await house.settle();
      const [closed] = await reviewsOf(house, review.thread_id);
      expect(closed).toMatchObject({ status: "closed" });
      expect((await house.thread(review.thread_id)).status).toBe("idle");
      const [decision] = (closed?.decision?.decisions ?? []) as {
        type: string;
        args?: { amount: number; to: string };
      }[];
      const { amount, to } = decision?.args ?? { amount: 10, to: "ACME" };
      expect(knobs.visits).toEqual(decision?.type === "reject" ? [] : [`pay ${amount} to ${to}`]);
    }),
    { numRuns: 6 * SCALE },
  );
  expect(await violations(house.database)).toEqual([]);
});
