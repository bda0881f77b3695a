// What becomes of an effect of which nobody knows if it happened, and of one that is held back.
import { expect, test } from "vitest";
import type { EffectRow } from "../../src/postgres/effects.sql.ts";
import { effectsOfThread } from "../../src/postgres/effects.sql.ts";
import type { Decision } from "../../src/protocol/decision.ts";
import type { Json } from "../../src/protocol/json.ts";
import type { ReviewTask } from "../../src/protocol/review.ts";
import { knobs, resetKnobs } from "../fixtures/workflows/lib/knobs.ts";
import { claimNext, executeAndDie } from "../support/dying-worker.ts";
import { answer, openOf, reviewsOf } from "../support/reviewer.ts";
import { until } from "../support/until.ts";
import { house, leasesRunOut, logOf, openScene } from "./scene.ts";

openScene();

const effectsOf = (thread_id: string): Promise<EffectRow[]> =>
  house.database.many(effectsOfThread("default", thread_id));
const theEffect = async (thread_id: string) => (await effectsOf(thread_id))[0] as EffectRow;
const acted = () => knobs.visits.filter((place) => place.startsWith("acted:")).length;
const RESULT = { effect_id: "said by a person" };
const HAPPENED: Decision = { type: "respond", value: { happened: RESULT } };
const TRY_AGAIN: Decision = { type: "respond", value: { try_again: true } };
const GIVE_UP: Decision = { type: "reject", message: "not wanted any more" };

/** Fails the first calls in a way that says nothing, after everything that could still come of them. */
function failing(times: number): void {
  knobs.onVisit = async (place) => {
    if (!place.startsWith("acted:") || acted() > times) return;
    await house.pass(60);
    throw new Error("socket hang up 4929-1");
  };
}

/** Starts the graph and answers what comes before the effect. */
async function begun(graph_id: string, input = {}): Promise<{ thread_id: string; doubt: ReviewTask }> {
  const { thread_id } = await house.start(graph_id, { input });
  await house.settle();
  const [review] = await openOf(house, thread_id);
  if (review?.title !== "before") return { thread_id, doubt: review as ReviewTask };
  await answer(house, review, [{ type: "approve" }]);
  await house.settle();
  const [doubt] = await openOf(house, thread_id);
  return { thread_id, doubt: doubt as ReviewTask };
}

const say = async (review: ReviewTask, decision: Decision) => {
  await answer(house, review, [decision]);
  await house.settle();
};

test("an effect in doubt is shown with all that is known of it, and with nothing that is kept secret", async () => {
  failing(1);
  const { thread_id, doubt } = await begun("ledger");
  const effect = await theEffect(thread_id);
  expect(doubt).toMatchObject({ title: 'Did "act" happen?' });
  expect(doubt.actions).toMatchObject([
    {
      name: "act",
      risk: "high",
      allowed: ["respond", "reject"],
      args: {
        effect_id: effect.effect_id,
        attempt: 1,
        started_at: effect.started_at,
        started_by_run: effect.run_id,
        error: "socket hang up [redacted]",
        arguments: { amount: 1, card: { number: "[redacted]" } },
      },
    },
  ]);
  expect(doubt.description).toMatch(
    /^"act" was started on [\d-]+ at [\d:]+ UTC, .*: it ended with the error that is shown/,
  );
  const { rows } = await house.database.pool.query(
    `select (select count(*)::int from holdpoint.effect e where e.thread_id = $1 and e::text like '%4929%') as effects,
       (select count(*)::int from holdpoint.review v where v.thread_id = $1 and v::text like '%4929%') as reviews`,
    [thread_id],
  );
  expect(rows).toEqual([{ effects: 0, reviews: 0 }]);
});

test("an effect that happened gets the result that a person gives, if it is one", async () => {
  failing(1);
  const { thread_id, doubt } = await begun("ledger");
  const wrong: Json[] = [{ happened: { effect_id: 7 } }, { happened: RESULT, try_again: true }, {}, true, null, "yes"];
  for (const value of wrong)
    await expect(answer(house, doubt, [{ type: "respond", value }])).rejects.toMatchObject({ code: "invalid" });
  await expect(answer(house, doubt, [{ type: "approve" }])).rejects.toMatchObject({ code: "invalid" });
  await say(doubt, HAPPENED);
  expect(await theEffect(thread_id)).toMatchObject({ status: "receipt", attempt: 1, result: JSON.stringify(RESULT) });
  const [after] = await openOf(house, thread_id);
  expect(after).toMatchObject({ title: "after" });
  await say(after as ReviewTask, { type: "respond", message: "mine" });
  expect(await logOf(thread_id)).toEqual(["approve", "said by a person", "mine"]);
  expect(acted()).toBe(1);
});

test("each attempt that ends in doubt is asked about anew, and no answer starts two", async () => {
  failing(2);
  const { thread_id, doubt } = await begun("ledger");
  await say(doubt, TRY_AGAIN);
  expect(acted()).toBe(2);
  const [second] = await openOf(house, thread_id);
  expect(second?.actions[0]?.args).toMatchObject({ attempt: 2 });
  expect(second?.request_digest).not.toBe(doubt.request_digest);
  await say(second as ReviewTask, TRY_AGAIN);
  expect(acted()).toBe(3);
  const [after] = await openOf(house, thread_id);
  await say(after as ReviewTask, { type: "respond", message: "mine" });
  const effect = await theEffect(thread_id);
  expect(effect).toMatchObject({ status: "receipt", attempt: 3 });
  expect(await logOf(thread_id)).toEqual(["approve", effect.effect_id, "mine"]);
  const kinds =
    "select kind, body from holdpoint.audit where thread_id = $1 and kind like 'effect.%' order by audit_seq";
  const { rows } = await house.database.pool.query(kinds, [thread_id]);
  expect(rows.map(({ kind, body }) => [kind, JSON.parse(body).attempt])).toEqual([
    ["effect.started_again", 1],
    ["effect.started_again", 2],
  ]);
});

test("an effect that is given up is that for good, and the run is told why", async () => {
  failing(1);
  const { thread_id, doubt } = await begun("ledger-refused");
  await say(doubt, GIVE_UP);
  expect(await theEffect(thread_id)).toMatchObject({ status: "failed", settled_because: "not wanted any more" });
  expect(await logOf(thread_id)).toEqual(['effect_given_up: effect "act" was given up: not wanted any more']);
  expect(acted()).toBe(1);
});

test("doubts of effects side by side are asked one after another in the order of their calls", async () => {
  failing(3);
  const { thread_id, doubt } = await begun("ledger-beside");
  expect(doubt.title).toBe('Did "a" happen?');
  await say(doubt, { type: "respond", value: { happened: { effect_id: "A" } } });
  const [b] = await openOf(house, thread_id);
  expect(b?.title).toBe('Did "b" happen?');
  await say(b as ReviewTask, { type: "respond", value: { happened: { effect_id: "B" } } });
  const [c] = await openOf(house, thread_id);
  await say(c as ReviewTask, { type: "respond", value: { happened: { effect_id: "C" } } });
  expect(await logOf(thread_id)).toEqual(["A", "B", "C"]);
  expect(acted()).toBe(3);
});

test("what surely was not done is tried again without asking anybody", async () => {
  const { thread_id } = await begun("ledger-not-done");
  const effect = await theEffect(thread_id);
  expect(effect).toMatchObject({ status: "receipt", attempt: 2, error: null });
  expect(await logOf(thread_id)).toEqual(["the account is closed", effect.effect_id]);
  expect(await reviewsOf(house, thread_id)).toEqual([]);
  expect(acted()).toBe(2);
});

test("other arguments are refused also where they differ in what is kept secret", async () => {
  // The key alone is the same: a card is another card.
  failing(1);
  const { thread_id, doubt } = await begun("ledger");
  const { secret_digest, args } = await theEffect(thread_id);
  expect(secret_digest).toMatch(/^sha256:/);
  expect(JSON.parse(args)).toEqual({ amount: 1, card: { number: "[redacted]" } });
  await house.database.pool.query("update holdpoint.effect set secret_digest = 'sha256:0' where thread_id = $1", [
    thread_id,
  ]);
  await say(doubt, HAPPENED);
  expect((await house.thread(thread_id)).error).toContain("effect_key_reused");
});

const held = async (thread_id: string) =>
  await until("it is held", async () => (await theEffect(thread_id))?.status === "held");

test("what is held back waits for its time, over the death of its process too, and then happens once", async () => {
  const { thread_id } = await house.start("ledger-refused", { input: { hold_back: "10m" } });
  const claimed = await claimNext(house);
  // The process dies while it waits: the next thing it would write is the start.
  const dying = executeAndDie(house, claimed, 1_000);
  await held(thread_id);
  const { held_until } = await theEffect(thread_id);
  expect(acted()).toBe(0);
  await leasesRunOut();
  await dying;
  await house.settle();
  expect(await theEffect(thread_id)).toMatchObject({ status: "receipt", attempt: 1, held_until });
  expect(acted()).toBe(1);
});

interface Walk {
  kind: "read" | "idempotent" | "once";
  when: "before" | "after";
  hold_back?: string;
  /** Those in which the worker dies. */
  executions: number[];
  /** What a person says of a doubt. */
  doubt: Decision;
  /** How often it may happen in all. */
  most: number;
}

// Right after a commit and right before the next one differ where something happens between them.
const WALKS: Walk[] = [
  { kind: "read", when: "before", executions: [0], doubt: GIVE_UP, most: 3 },
  { kind: "idempotent", when: "before", executions: [0], doubt: GIVE_UP, most: 3 },
  { kind: "once", when: "before", executions: [1], doubt: HAPPENED, most: 1 },
  { kind: "once", when: "before", executions: [0, 1], doubt: TRY_AGAIN, most: 2 },
  { kind: "once", when: "after", executions: [0, 1], doubt: TRY_AGAIN, most: 2 },
  { kind: "once", when: "before", executions: [1], doubt: GIVE_UP, most: 1 },
  { kind: "once", when: "after", executions: [0], hold_back: "10m", doubt: TRY_AGAIN, most: 2 },
];
const MOST_COMMITS = 60;

/** Runs the graph to its end; in its n-th execution the worker dies right before or after the step-th commit. */
async function walk({ kind, when, hold_back, doubt }: Walk, dieIn: number, step: number) {
  const { thread_id } = await house.start("ledger", {
    input: { kind, is_short: true, ...(hold_back === undefined ? {} : { hold_back }) },
    durability: when === "after" ? "async" : "sync",
  });
  let died = false;
  let doubts = 0;
  const execute = async (body: () => Promise<unknown>) => {
    const done = body();
    let isOver = false;
    void done.finally(() => (isOver = true)).catch(() => {});
    // What is held has its time passed by.
    while (hold_back !== undefined && !isOver) {
      if ((await theEffect(thread_id))?.status === "held") await house.pass(600);
      await Promise.race([done.catch(() => {}), new Promise((resolve) => setTimeout(resolve, 10))]);
    }
    await done;
  };
  for (let execution = 0; execution < 8; execution += 1) {
    if (execution === dieIn) {
      const run = await claimNext(house);
      await execute(async () => {
        died = await executeAndDie(house, run, step, when);
      });
      await leasesRunOut();
    }
    await execute(() => house.settle());
    const [open] = await openOf(house, thread_id);
    if (open === undefined) break;
    if (open.title.startsWith("Did")) doubts += 1;
    const said: Record<string, Decision> = { before: { type: "approve" }, after: { type: "respond", message: "mine" } };
    await answer(house, open, [said[open.title] ?? doubt]);
  }
  return { thread_id, died, doubts };
}

test.each(WALKS)(
  "a worker that dies right $when any commit of an effect of kind $kind does no more than was said ($hold_back, $doubt.value)",
  async (plan) => {
    let doubted = 0;
    // The first execution acts; the one that carries the answer on a doubt acts again.
    for (const execution of plan.executions) {
      for (let step = 1; step <= MOST_COMMITS; step += 1) {
        resetKnobs();
        if (execution === 1) failing(1);
        const { thread_id, died, doubts } = await walk(plan, execution, step);
        const where = `death ${plan.when} commit ${step} of execution ${execution}`;
        // What only reads does not wait for its checkpoint, and may be another effect after a crash.
        const effect = (await effectsOf(thread_id)).at(-1) as EffectRow;
        if (plan.kind !== "read") expect(await effectsOf(thread_id), where).toHaveLength(1);
        doubted += doubts;
        expect(acted(), where).toBeLessThanOrEqual(plan.most + (execution === 1 ? 1 : 0));
        const isGivenUp = effect.status === "failed";
        expect(effect.status, where).toBeOneOf(plan.doubt === GIVE_UP && doubts > 0 ? ["failed"] : ["receipt"]);
        expect((await house.thread(thread_id)).status, where).toBe(isGivenUp ? "error" : "idle");
        if (!isGivenUp) {
          const { effect_id } = JSON.parse(effect.result as string);
          expect(await logOf(thread_id), where).toEqual(["approve", effect_id, "mine"]);
        }
        // Without a doubt it happened exactly once, with one at most once for each time that a person wanted it.
        if (plan.kind === "once" && doubts === 0) expect(acted(), where).toBe(1);
        if (plan.kind === "once") expect(acted(), where).toBeLessThanOrEqual(plan.doubt === TRY_AGAIN ? 1 + doubts : 1);
        if (!died) break;
      }
    }
    expect(doubted > 0).toBe(plan.kind === "once");
  },
);
