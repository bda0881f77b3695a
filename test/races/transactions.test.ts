import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { attend } from "../../src/postgres/attend.ts";
import { cancelRun } from "../../src/postgres/cancel.ts";
import { claimThread, loseLease, reapLeases, returnLease } from "../../src/postgres/claim.ts";
import { createCron } from "../../src/postgres/crons.ts";
import { deleteRun } from "../../src/postgres/delete-run.ts";
import { deleteThread } from "../../src/postgres/delete-thread.ts";
import { dueDeliveries, takeDelivery } from "../../src/postgres/deliveries.sql.ts";
import { readDeliveries, replay, settleAttempt } from "../../src/postgres/deliveries.ts";
import { fireCron } from "../../src/postgres/fire-cron.ts";
import { sweepIdempotencyKeys } from "../../src/postgres/idempotency.ts";
import { insertPrincipal } from "../../src/postgres/identity.sql.ts";
import { selectHeadWithout } from "../../src/postgres/rollback.sql.ts";
import { listRuns } from "../../src/postgres/runs.sql.ts";
import { sweepDeletedThreads } from "../../src/postgres/sweeps.ts";
import { setTtl } from "../../src/postgres/thread-ttl.sql.ts";
import { timeOutRuns } from "../../src/postgres/time-out.ts";
import { HoldpointError } from "../../src/protocol/errors.ts";
import { DEFAULT_REVIEW_POLICY } from "../../src/protocol/review-policy.ts";
import { sweepThreadTtl } from "../../src/runtime/thread-ttl.ts";
import { resetKnobs } from "../fixtures/workflows/lib/knobs.ts";
import { deadlocksIn } from "../support/deadlocks.ts";
import { createDice, type Dice, SCALE } from "../support/dice.ts";
import { leaseOf } from "../support/dying-worker.ts";
import { type House, openHouse } from "../support/house.ts";
import { violations } from "../support/invariants.ts";
import { answer, attendances, openOf, person, reviewsOf } from "../support/reviewer.ts";
import { runOutOfTime } from "../support/time-outs.ts";

vi.setConfig({ testTimeout: 180_000 * SCALE });

let house: House;
beforeAll(async () => {
  resetKnobs();
  house = await openHouse(undefined, { deadlock_timeout: "50ms" });
  // What cannot be rejected fails.
  house.parts.policyOf = () => ({ ...DEFAULT_REVIEW_POLICY, on_timeout: "reject" });
  await house.database.run(insertPrincipal("default", "user:2", "user", "user:2"));
});
afterAll(() => house.close());

const GRAPHS = ["two-reviews", "parallel-questions", "guarded-payment", "steps"];

interface Place {
  graph_id: string;
  thread_id: string;
}

// Of some of the graphs, so that claims of many threads wait for one lock.
const limits = new Map([
  ["steps", 3],
  ["guarded-payment", 3],
]);
const REMOVAL = { tenant_id: "default", principal_id: "user:carl", isGuarded: () => false };
const crons: string[] = [];
const places: Place[] = [];
let cleared = 0;

/** A thread that was not busy a moment ago: on a busy one an edit, a copy and a rollback are only refused. */
async function restingPlace(dice: Dice, graphs = GRAPHS): Promise<Place> {
  const { rows } = await house.database.pool.query<Place>(
    "select graph_id, thread_id from holdpoint.thread where status <> 'busy' and thread_id = any($1) and graph_id = any($2)",
    [places.map(({ thread_id }) => thread_id), graphs],
  );
  return dice.pick(rows.length === 0 ? places : rows);
}

type Act = (dice: Dice, place: Place) => Promise<unknown>;

// One of each transaction that is begun from outside; the workers do those that a run needs.
const acts: Record<string, Act> = {
  input: (dice, { graph_id, thread_id }) =>
    house.start(graph_id, { input: { amount: dice.roll(9) + 1 } }, { thread_id }),
  "empty input": (_dice, { graph_id, thread_id }) => house.start(graph_id, { input: null }, { thread_id }),
  async edit(dice) {
    const unguarded = GRAPHS.filter((graph_id) => house.graphs.graphs.get(graph_id)?.guarded === false);
    const { graph_id, thread_id } = await restingPlace(dice, unguarded);
    await house.start(graph_id, { update: { values: { amount: 2 } } }, { thread_id, kind: "state_update" });
  },
  async copy(dice) {
    const { graph_id, thread_id } = await restingPlace(dice);
    await house.start(graph_id, { copy_to: randomUUID() }, { thread_id, kind: "copy" });
  },
  async "input with a key"(dice, { graph_id, thread_id }) {
    // Few keys for many threads: who has the key's lock waits for a thread's.
    const owner = { tenant_id: "default", principal_id: "test:ana", idempotency_key: `key-${dice.roll(200)}` };
    const idempotency = { ...owner, request_digest: "same" };
    await house.start(
      graph_id,
      { input: { amount: 3 }, webhook: "https://shop.example/hook" },
      { thread_id, idempotency },
    );
  },
  sweep: () => sweepIdempotencyKeys(house.database),
  prune: (dice, { thread_id }) => house.parts.saver.prune({ thread_ids: [thread_id], keepLast: 1 + dice.roll(3) }),
  async "roll back"(dice) {
    const { thread_id } = await restingPlace(dice);
    const [last] = await house.database.many(listRuns("default", thread_id, { status: null, limit: 1, offset: 0 }));
    if (last !== undefined) await house.parts.saver.deleteForRuns([last.run_id]);
  },
  async "copy and delete"(_dice, { thread_id }) {
    const target = randomUUID();
    await house.parts.saver.copyThread(thread_id, target);
    await house.parts.saver.deleteThread(target);
  },
  async "delete a thread and clear it"(dice, { graph_id }) {
    const { thread_id } = await house.start(graph_id, { input: { amount: 6 } });
    await dice.hesitate(20);
    // A worker may execute the run, ask under it or finish it meanwhile, and somebody may add another.
    await Promise.allSettled([
      house.start(graph_id, { input: { amount: 7 } }, { thread_id }),
      dice.roll(2) === 0
        ? house.parts.saver.deleteThread(thread_id)
        : deleteThread(house.database, { ...REMOVAL, thread_id }),
    ]);
    cleared += await sweepDeletedThreads(house.database);
  },
  async "end what is over"(_dice, { thread_id }) {
    await house.database.run(setTtl("default", thread_id, 0.000_1, "keep_latest"));
    await sweepThreadTtl(house.parts);
  },
  async deliver(dice) {
    const due = await house.database.many(dueDeliveries("webhook", 3));
    if (due.length === 0) return;
    const { tenant_id, id } = dice.pick(due);
    const taken = await house.database.maybeOne(takeDelivery(tenant_id, id, { webhook: 60_000, mail: 60_000 }));
    if (taken === undefined) return;
    const answered = { status: 200, body: null, error: null, duration_ms: 1 };
    await settleAttempt(house.database, taken, answered, { status: "delivered", waitMs: null, failures: 0 });
  },
  async "deliver again"(dice, { thread_id }) {
    const filter = { status: null, thread_id, run_id: null, review_id: null, limit: 5, offset: 0 };
    const { deliveries } = await readDeliveries(house.database, "default", filter);
    if (deliveries.length === 0) return;
    const { delivery_id } = dice.pick(deliveries);
    await replay(house.database, { tenant_id: "default", delivery_id, principal_id: "user:dora" });
  },
  async "fire a cron"(dice, { graph_id, thread_id }) {
    const cron_id = dice.pick(crons);
    await house.database.pool.query("update holdpoint.cron set next_run_at = holdpoint.now() where cron_id = $1", [
      cron_id,
    ]);
    await fireCron(house.database, { tenant_id: "default", cron_id }, async (_tx, { run_id }) => ({
      tenant_id: "default",
      thread_id,
      run_id,
      principal_id: "test:ana",
      kind: "run",
      graph_id,
      guarded: house.graphs.graphs.get(graph_id)?.guarded ?? false,
      assistant_id: null,
      kwargs: { input: { amount: 4 } },
      metadata: {},
      multitask_strategy: "enqueue",
      after_seconds: 0,
      if_not_exists: "reject",
    }));
  },
  async decide(dice, { thread_id }) {
    const open = await openOf(house, thread_id);
    if (open.length === 0) return;
    const review = dice.pick(open);
    const type = dice.pick((review.actions[0]?.allowed ?? []).filter((allowed) => allowed !== "edit"));
    await answer(house, review, [{ type }], { by: person(`user:${dice.roll(3)}`), seen_digest: review.request_digest });
  },
  async "run out of time"(_dice) {
    const waiting = "select id from holdpoint.review where next_at is not null order by random() limit 1";
    const [review] = (await house.database.pool.query<{ id: string }>(waiting)).rows;
    if (review !== undefined && (await runOutOfTime(house, review.id))) return;
    throw new HoldpointError("not_found", "there was none, or it has to wait");
  },
  async attend(dice, { thread_id }) {
    const asked = await reviewsOf(house, thread_id);
    if (asked.length === 0) return;
    const act = dice.pick(attendances("user:2"));
    const review = dice.pick(asked.slice(-2));
    await attend(house.database, { principal: person(`user:${dice.roll(3)}`), review_id: review.id, act });
  },
  async cancel(dice, { thread_id }) {
    const runs = await house.database.many(listRuns("default", thread_id, { status: null, limit: 3, offset: 0 }));
    if (runs.length === 0) return;
    const { tenant_id, run_id } = dice.pick(runs);
    await cancelRun(house.database, { tenant_id, thread_id, run_id, principal_id: "user:carl" });
  },
  async "cancel and roll back"(dice, { thread_id }) {
    const runs = await house.database.many(listRuns("default", thread_id, { status: null, limit: 3, offset: 0 }));
    if (runs.length === 0) return;
    const { tenant_id, run_id } = dice.pick(runs);
    const action = "rollback" as const;
    await cancelRun(house.database, {
      tenant_id,
      thread_id,
      run_id,
      principal_id: "user:carl",
      action,
      guarded: false,
    });
  },
  async "take the place"(dice, { graph_id, thread_id }) {
    const multitask_strategy = dice.pick(["interrupt", "rollback"] as const);
    await house.start(graph_id, { input: { amount: 5 }, timeout: 60 }, { thread_id, multitask_strategy });
  },
  async "delete a run"(dice) {
    const { thread_id } = await restingPlace(dice);
    const [last] = await house.database.many(listRuns("default", thread_id, { status: null, limit: 1, offset: 0 }));
    if (last === undefined) return;
    const { tenant_id, run_id } = last;
    const head = await house.database.maybeOne(selectHeadWithout(tenant_id, thread_id, run_id));
    const without = { head_checkpoint_id: head?.checkpoint_id ?? null, values: null, interrupts: "{}" };
    await deleteRun(house.database, { ...REMOVAL, tenant_id, thread_id, run_id, guarded: false, without });
  },
  "time out": () => timeOutRuns(house.database),
  async "claim and lose"(dice, { graph_id, thread_id }) {
    const claimant = { graph_ids: [graph_id], worker_id: randomUUID(), leaseMs: 60_000, limits };
    const run = await claimThread(house.database, claimant, "default", thread_id);
    if (run !== undefined) await (dice.roll(2) === 0 ? returnLease : loseLease)(house.database, leaseOf(run));
  },
  reap: () => reapLeases(house.database),
};

// Most edits and copies find no thread at rest.
const NAMES = [...Object.keys(acts), ..."edit edit edit edit copy".split(" ")];

const EXPECTED = new Set([
  "thread_busy",
  "guarded",
  "superseded",
  "already_decided",
  "already_timed_out",
  // A claim that somebody else has, an assignment, and a question that nobody has asked.
  "claimed",
  "permission_denied",
  "nothing_asked",
  "cancelled",
  "stale",
  "precondition_failed",
  "not_found",
]);

test("all transactions at once on few threads never deadlock, and leave every invariant as it was", async () => {
  for (const graph_id of Array(5).fill(GRAPHS).flat() as string[]) {
    places.push({ graph_id, thread_id: (await house.start(graph_id, { input: { amount: 5 } })).thread_id });
  }
  for (const { thread_id } of places.slice(0, 3))
    crons.push((await createCron(house.database, everyMinute(thread_id))).cron_id);
  const workers = [house.newWorker({ slots: 4, limits }), house.newWorker({ slots: 4, limits })];
  for (const worker of workers) worker.start();
  const done = new Map<string, number>();
  const seldomDone = () => Object.keys(acts).filter((name) => (done.get(name) ?? 0) <= 2);
  const faults: unknown[] = [];
  const client = async (seed: number) => {
    const dice = createDice(seed);
    // Longer where something found no thread that would let it.
    for (let turn = 0; turn < 60 * SCALE || (turn < 400 * SCALE && seldomDone().length > 0); turn += 1) {
      const name = dice.pick(turn < 60 * SCALE ? NAMES : seldomDone());
      // Without a pause now and then every thread is busy all the time, and nothing can be edited or copied.
      await dice.hesitate(20);
      try {
        await acts[name]?.(dice, dice.pick(places));
        done.set(name, (done.get(name) ?? 0) + 1);
        house.wakeups.wake("runs");
      } catch (error) {
        if (!EXPECTED.has(String((error as { code?: unknown }).code))) faults.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: 12 }, (_, seed) => client(seed)));
  expect(faults).toEqual([]);
  // Each of them was not only tried.
  expect(seldomDone()).toEqual([]);
  expect(cleared).toBeGreaterThan(2);
  const open = "select count(*)::int as open from holdpoint.run where status in ('pending', 'running')";
  await expect
    .poll(
      async () => {
        await sweepDeletedThreads(house.database);
        return (await house.database.pool.query(open)).rows[0].open;
      },
      { timeout: 60_000, interval: 50 },
    )
    .toBe(0);
  for (const worker of workers) await worker.stop();
  expect(await deadlocksIn(house.url)).toBe(0);
  expect(await violations(house.database)).toEqual([]);
});

const everyMinute = (thread_id: string): Parameters<typeof createCron>[1] => ({
  tenant_id: "default",
  principal_id: "test:ana",
  assistant_id: randomUUID(),
  thread_id,
  schedule: "* * * * *",
  timezone: "UTC",
  end_time: null,
  enabled: true,
  on_run_completed: "keep",
  payload: {},
  metadata: {},
});
