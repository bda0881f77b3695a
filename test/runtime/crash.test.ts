import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { reapLeases } from "../../src/postgres/claim.ts";
import type { ReviewTask } from "../../src/protocol/review.ts";
import { knobs, resetKnobs } from "../fixtures/workflows/lib/knobs.ts";
import { claimNext, executeAndDie } from "../support/dying-worker.ts";
import { type House, openHouse } from "../support/house.ts";
import { violations } from "../support/invariants.ts";
import { answer, openOf, reviewsOf } from "../support/reviewer.ts";

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
beforeEach(resetKnobs);
afterAll(() => house.close());

// More commits than any execution here has: the last step that kills nobody ends the loop.
const MOST_COMMITS = 60;

interface Plan {
  graph_id: string;
  /** What a person says to the n-th question. */
  say: (review: ReviewTask) => Parameters<typeof answer>[2];
  /** How many questions are asked in all, in how many pauses, and the log at the end, sorted. */
  questions: number;
  pauses?: number;
  log: string[];
  /** Places that belong to a node of their own: the writes of a node that has ended are kept, so it is not run again. */
  once: string[];
}

const plans: Plan[] = [
  { graph_id: "steps", say: () => [], questions: 0, log: ["a", "b", "c"], once: ["steps.a", "steps.b", "steps.c"] },
  {
    graph_id: "plain-questions",
    say: (review) => [{ type: "respond", value: String(review.value) }],
    questions: 2,
    log: ["ask:one?:two?"],
    once: [],
  },
  {
    graph_id: "parallel-questions",
    say: (review) => [{ type: "respond", value: review.node }],
    questions: 2,
    pauses: 1,
    log: ["join", "left:left", "quiet", "right:right"],
    once: ["parallel.quiet", "parallel.join"],
  },
  {
    graph_id: "nested-questions",
    say: (review) => [{ type: "respond", value: String(review.value) }],
    questions: 2,
    log: ["after", "before", "inner:inner one?:inner two?", "prepare"],
    once: ["nested.before", "inner.prepare", "inner.after"],
  },
  {
    graph_id: "breakpoints",
    say: () => [{ type: "approve" }],
    questions: 2,
    log: ["a", "b", "c"],
    once: ["breakpoints.a", "breakpoints.b", "breakpoints.c"],
  },
  {
    graph_id: "guarded-payment",
    say: () => [{ type: "approve" }],
    questions: 1,
    log: ["approve", "paid 5", "propose"],
    once: ["guarded.propose"],
  },
];

async function another(house: House): Promise<void> {
  await house.pass(3600);
  await reapLeases(house.database);
  await house.settle();
}

/** How far ahead of the disk a graph may run. */
interface Pace {
  durability: "sync" | "async";
}

async function walk(plan: Plan & Pace, dieIn: number, step: number): Promise<{ thread_id: string; died: boolean }> {
  const { durability } = plan;
  const { thread_id } = await house.start(plan.graph_id, { input: { amount: 5 }, durability });
  let died = false;
  // One execution for the input and one for each round of answers.
  for (let execution = 0; execution <= (plan.pauses ?? plan.questions); execution += 1) {
    if (execution === dieIn) {
      died = await executeAndDie(house, await claimNext(house), step);
      await another(house);
    } else await house.settle();
    const open = await openOf(house, thread_id);
    if (open.length === 0) break;
    for (const review of open) await answer(house, review, plan.say(review));
  }
  return { thread_id, died };
}

const paces: Pace[] = [{ durability: "sync" }, { durability: "async" }];
const walks = plans.flatMap((plan) => paces.map((pace) => ({ ...plan, ...pace })));

describe.each(walks)("a worker that dies at any commit of $graph_id, $durability", (plan) => {
  test.each(Array.from({ length: (plan.pauses ?? plan.questions) + 1 }, (_, execution) => execution))(
    "in execution %i",
    async (execution) => {
      let deaths = 0;
      for (let step = 1; step <= MOST_COMMITS; step += 1) {
        resetKnobs();
        const { thread_id, died } = await walk(plan, execution, step);
        const where = `death ${step} in execution ${execution}`;
        const thread = await house.thread(thread_id);
        const reviews = await reviewsOf(house, thread_id);
        expect(thread.status, where).toBe("idle");
        expect(JSON.parse(thread.values ?? "{}").log.toSorted(), where).toEqual(plan.log);
        expect(
          reviews.map(({ status }) => status),
          where,
        ).toEqual(Array(plan.questions).fill("closed"));
        for (const place of plan.once) {
          const visits = knobs.visits.filter((visited) => visited === place).length;
          // A node whose writes were not committed when the worker died is run again; no other is.
          expect(visits, `${where}: ${place}`).toBeLessThanOrEqual(died ? 2 : 1);
        }
        const paid = knobs.visits.filter((visited) => visited.startsWith("paid:"));
        expect(new Set(paid).size, where).toBe(plan.graph_id === "guarded-payment" ? 1 : 0);
        if (!died) break;
        deaths += 1;
      }
      expect(deaths).toBeGreaterThan(1);
      expect(deaths).toBeLessThan(MOST_COMMITS);
      expect(await violations(house.database)).toEqual([]);
    },
  );
});

test("an edit whose worker dies at any commit is made once", async () => {
  for (let step = 1; step <= MOST_COMMITS; step += 1) {
    const { thread_id } = await house.start("parallel-questions", { input: {} });
    await house.settle();
    const edit = { update: { values: { log: ["edited"] }, as_node: "join" } };
    await house.start("parallel-questions", edit, { thread_id, kind: "state_update" });
    const died = await executeAndDie(house, await claimNext(house), step);
    await another(house);
    const thread = await house.thread(thread_id);
    expect(thread.status, `death ${step}`).toBe("idle");
    expect(JSON.parse(thread.values ?? "").log, `death ${step}`).toEqual(["quiet", "edited"]);
    if (!died) return;
  }
  throw new Error("the edit never ended");
});
