// What people do at once, or too late, or twice: one decision each time, and everybody else is told whose it was.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import type { Decision } from "../../src/protocol/decision.ts";
import type { ReviewTask } from "../../src/protocol/review.ts";
import { knobs, resetKnobs } from "../fixtures/workflows/lib/knobs.ts";
import { createDice, SCALE } from "../support/dice.ts";
import { type House, openHouse } from "../support/house.ts";
import { violations } from "../support/invariants.ts";
import { answer, approve, openOf, person, respond, resume, reviewsOf, theOpen } from "../support/reviewer.ts";

vi.setConfig({ testTimeout: 120_000 * SCALE });

const ROUNDS = 20 * SCALE;

let house: House;
beforeAll(async () => {
  house = await openHouse();
  house.worker.start();
});
beforeEach(resetKnobs);
afterEach(async () => {
  await atRest();
  expect(await violations(house.database)).toEqual([]);
});
afterAll(() => house.close());

/** Waits until nothing is queued or running. */
async function atRest(): Promise<void> {
  house.wakeups.wake("runs");
  const open = "select 1 from holdpoint.run where status in ('pending', 'running') limit 1";
  await expect.poll(async () => (await house.database.pool.query(open)).rows.length).toBe(0);
}

async function paused(graph_id: string): Promise<ReviewTask[]> {
  const { thread_id } = await house.start(graph_id, { input: { amount: 5 } });
  await atRest();
  return await openOf(house, thread_id);
}

type Settled = PromiseSettledResult<{ replayed: boolean; resume_run: { run_id: string } | null }>;
const codeOf = (result: Settled) =>
  result.status === "rejected" ? (result.reason as { code?: string }).code : result.value.replayed ? "replay" : "taken";
const read = async ({ id, thread_id }: ReviewTask) =>
  (await reviewsOf(house, thread_id)).find((review) => review.id === id) as ReviewTask;
const carriersOf = async (thread_id: string) =>
  (
    await house.database.pool.query("select run_id from holdpoint.run where thread_id = $1 and group_id is not null", [
      thread_id,
    ])
  ).rows as { run_id: string }[];

test("two reviewers at once: the first stands, the other is told who, when and what, also where both say the same", async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const dice = createDice(round);
    const [review] = (await paused("guarded-payment")) as [ReviewTask];
    const said: Decision[] = [{ type: "approve" }, round % 2 === 0 ? { type: "approve" } : { type: "reject" }];
    const results = await Promise.allSettled(
      said.map(async (decision, index) => {
        await dice.hesitate(3);
        return await answer(house, review, [decision], {
          by: person(`user:${index}`),
          seen_digest: review.request_digest,
        });
      }),
    );
    expect(results.map(codeOf).toSorted()).toEqual(["already_decided", "taken"]);
    const won = results.findIndex(({ status }) => status === "fulfilled");
    const { decision } = await read(review);
    expect(results[1 - won]).toMatchObject({
      reason: { facts: { decided_by: `user:${won}`, decided_at: decision?.at, same: round % 2 === 0 } },
    });
  }
});

test("of thirty clicks on the first of two gates one decides; the others name the decider, and the second gate stays shut", async () => {
  for (let round = 0; round < ROUNDS / 4; round += 1) {
    const dice = createDice(round);
    const [first] = (await paused("two-reviews")) as [ReviewTask];
    const results = await Promise.allSettled(
      Array.from({ length: 30 }, async (_, index) => {
        await dice.hesitate(4);
        const decided = await approve(house, first, { by: person(`user:${index}`), seen_digest: first.request_digest });
        house.wakeups.wake("runs");
        return decided;
      }),
    );
    await atRest();
    const won = results.findIndex(({ status }) => status === "fulfilled");
    const refused = results.flatMap((result) => (result.status === "rejected" ? [result.reason as unknown] : []));
    expect(refused).toHaveLength(29);
    for (const reason of refused)
      expect(reason).toMatchObject({ code: "already_decided", facts: { decided_by: `user:${won}` } });
    const second = await theOpen(house, first.thread_id);
    expect([second.title, second.decision]).toEqual(["Second?", null]);
    // What was meant for the first gate opens the second for nobody, however it is sent.
    const late = person("user:late");
    const sent = await Promise.allSettled([
      resume(house, first.thread_id, { [first.interrupt_id as string]: { decisions: [{ type: "reject" }] } }),
      approve(house, first, { by: late }),
      approve(house, second, { by: late, seen_digest: first.request_digest }),
    ]);
    expect(sent.map(codeOf)).toEqual(["already_decided", "already_decided", "digest_mismatch"]);
    expect((await theOpen(house, first.thread_id)).id).toBe(second.id);
    expect(await carriersOf(first.thread_id)).toHaveLength(1);
  }
});

test("one click never answers two parallel questions, whatever it is and however often it comes", async () => {
  for (let round = 0; round < ROUNDS / 2; round += 1) {
    const dice = createDice(round);
    const open = await paused("parallel-questions");
    const [left, right] = open as [ReviewTask, ReviewTask];
    const clicks = (value: unknown) =>
      Promise.allSettled(
        Array.from({ length: 10 }, async () => {
          await dice.hesitate(3);
          return await resume(house, left.thread_id, value, { by: person("user:ana") });
        }),
      );
    expect(new Set((await clicks("yes")).map(codeOf))).toEqual(new Set(["ambiguous_resume"]));
    expect([(await read(left)).decision, (await read(right)).decision]).toEqual([null, null]);
    const codes = (await clicks({ [left.interrupt_id as string]: "yes" })).map(codeOf);
    expect(codes.toSorted()).toEqual([...Array.from({ length: 9 }, () => "replay"), "taken"]);
    expect([(await read(left)).status, (await read(right)).decision]).toEqual(["decided", null]);
    expect(await carriersOf(left.thread_id)).toEqual([]);
  }
});

test("two people who each answer one of two questions at once queue one run, which carries both", async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const dice = createDice(round);
    const questions = await paused("parallel-questions");
    const results = await Promise.allSettled(
      questions.map(async (review, index) => {
        await dice.hesitate(3);
        return await respond(house, review, review.node, {
          by: person(`user:${index}`),
          seen_digest: review.request_digest,
        });
      }),
    );
    await atRest();
    expect(results.map(codeOf)).toEqual(["taken", "taken"]);
    const runs = results.flatMap((result) => (result.status === "fulfilled" ? [result.value.resume_run] : []));
    expect(runs.filter((run) => run !== null)).toHaveLength(1);
    const [{ thread_id }] = questions as [ReviewTask];
    expect(await carriersOf(thread_id)).toEqual([{ run_id: runs.find((run) => run !== null)?.run_id }]);
    const { log } = JSON.parse((await house.thread(thread_id)).values ?? "{}") as { log: string[] };
    expect(log.toSorted()).toEqual(["join", "left:left", "quiet", "right:right"]);
  }
});

test("a resume that is delivered twice is one run, and both are given it", async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const dice = createDice(round);
    const [review] = (await paused("work-on-answer")) as [ReviewTask];
    const sent = { [review.interrupt_id as string]: "42" };
    const results = await Promise.allSettled(
      Array.from({ length: 2 }, async () => {
        await dice.hesitate(3);
        return await resume(house, review.thread_id, sent);
      }),
    );
    await atRest();
    expect(results.map(codeOf).toSorted()).toEqual(["replay", "taken"]);
    const runs = results.flatMap((result) => (result.status === "fulfilled" ? [result.value.resume_run?.run_id] : []));
    expect(new Set(runs).size).toBe(1);
    expect(await carriersOf(review.thread_id)).toEqual([{ run_id: runs[0] }]);
  }
});

test("a fork from before the question against its answer: one is first, and an answer that was taken is applied", async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const dice = createDice(round * 3);
    const [review] = (await paused("two-reviews")) as [ReviewTask];
    const { rows } = await house.database.pool.query(
      "select checkpoint_id::text from holdpoint.checkpoint where thread_id = $1 and checkpoint_ns = '' order by checkpoint_id limit 1",
      [review.thread_id],
    );
    const checkpoint = { checkpoint_id: rows[0].checkpoint_id as string };
    const [decided, forked] = await Promise.allSettled([
      dice.hesitate(3).then(() => approve(house, review)),
      dice
        .hesitate(3)
        .then(() => house.start("two-reviews", { input: null, checkpoint }, { thread_id: review.thread_id })),
    ]);
    await atRest();
    expect(forked.status).toBe("fulfilled");
    expect(["taken", "superseded"]).toContain(codeOf(decided as Settled));
    const after = await read(review);
    expect(after.status).toBe(decided.status === "fulfilled" ? "closed" : "superseded");
    // An answer to what the fork asks is asked for anew: nothing carries over.
    for (const open of await openOf(house, review.thread_id)) expect(open.decision).toBeNull();
  }
});

test("a contrary or late answer is never taken in silence, before and after it was applied", async () => {
  const [review] = (await paused("guarded-payment")) as [ReviewTask];
  const bound = { seen_digest: review.request_digest };
  const [ana, ben] = [person("user:ana"), person("user:ben")];
  await answer(house, review, [{ type: "approve" }], { by: ana, ...bound });
  const contrary = async () => {
    const results = await Promise.allSettled([
      answer(house, review, [{ type: "reject" }], { by: ana, ...bound }),
      answer(house, review, [{ type: "reject" }], { by: ben, ...bound }),
      answer(house, review, [{ type: "approve" }], { by: ben, ...bound }),
      answer(house, review, [{ type: "edit", args: { amount: 6 } }], { by: ana, ...bound }),
    ]);
    expect(results.map(codeOf)).toEqual(Array.from({ length: 4 }, () => "already_decided"));
  };
  await contrary();
  await atRest();
  await contrary();
  expect((await read(review)).outcome).toBe("approved");
});

test("a tab that shows what was asked before is told what has changed, and approves nothing", async () => {
  knobs.shown = () => 100;
  const [before] = (await paused("drifting")) as [ReviewTask];
  knobs.shown = () => 200;
  // Asked again while it was open: the new question has the old one's interrupt id.
  await house.start("drifting", { input: null }, { thread_id: before.thread_id });
  await atRest();
  const open = await openOf(house, before.thread_id);
  const stale = await approve(house, before).catch((error: unknown) => error);
  const known = open.find(({ id }) => id === before.id);
  if (known === undefined) {
    expect(stale).toMatchObject({ code: "superseded", facts: { superseded_by: open[0]?.id } });
    expect((stale as Error).message).toContain("what it shows has changed");
  }
  const [anew] = open as [ReviewTask];
  const sent = await Promise.allSettled([
    approve(house, anew, { seen_digest: before.request_digest }),
    approve(house, anew, { seen_version: anew.version + 1 }),
    resume(house, anew.thread_id, { decisions: [{ type: "approve" }], value_digest: before.value_digest }),
  ]);
  expect(sent.map(codeOf)).toEqual(["digest_mismatch", "precondition_failed", "digest_mismatch"]);
  expect(sent[0]).toMatchObject({ reason: { facts: { request_digest: anew.request_digest, actions: anew.actions } } });
  expect(anew.value_digest).not.toBe(before.value_digest);
  expect((await read(anew)).decision).toBeNull();
});
