import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { type ClaimedRun, claimThread, reapLeases, returnLease } from "../../src/postgres/claim.ts";
import { appendEvents } from "../../src/postgres/events.ts";
import { createDice, SCALE } from "../support/dice.ts";
import { leaseOf } from "../support/dying-worker.ts";
import { type House, openHouse } from "../support/house.ts";
import { violations } from "../support/invariants.ts";

vi.setConfig({ testTimeout: 120_000 * SCALE });

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
afterEach(async () => expect(await violations(house.database)).toEqual([]));
afterAll(() => house.close());

const claimant = () => ({ graph_ids: ["echo"], worker_id: randomUUID(), leaseMs: 60_000 });
const claim = (thread_id: string, by = claimant()) => claimThread(house.database, by, "default", thread_id);

test("two thousand times two workers want the same run, and never do both get it", async () => {
  const threads = await Promise.all(
    Array.from({ length: 20 }, async () => (await house.start("echo", { input: {} })).thread_id),
  );
  const [left, right] = [claimant(), claimant()];
  let both = 0;
  let claims = 0;
  const contend = async (thread_id: string, round: number) => {
    const pair = round % 2 === 0 ? [left, right] : [right, left];
    const got = (await Promise.all(pair.map((by) => claim(thread_id, by)))).filter((run) => run !== undefined);
    if (got.length > 1) both += 1;
    claims += got.length;
    for (const run of got) await returnLease(house.database, leaseOf(run as ClaimedRun));
  };
  for (let round = 0; round < 100 * SCALE; round += 1)
    await Promise.all(threads.map((thread_id) => contend(thread_id, round)));
  expect(both).toBe(0);
  // A worker may find the thread locked and leave it to the other, but not both of them every time.
  expect(claims).toBeGreaterThan(1_000 * SCALE);
  const { rows } = await house.database.pool.query(
    "select max(lease_epoch) as most, count(*) as rows from holdpoint.thread",
  );
  // Every claim and every return raised the fence once.
  expect(Number(rows[0].most)).toBeLessThanOrEqual(200 * SCALE);
  await house.settle();
});

test("event ids have no gap under two workers that take turns, and each turn's events are together", async () => {
  const run = await house.start("echo", { input: {} });
  for (let turn = 1; turn <= 20 * SCALE; turn += 1) {
    const claimed = (await claim(run.thread_id)) as ClaimedRun;
    const writes = Array.from({ length: 5 }, (_, n) =>
      appendEvents(
        house.parts.batcher,
        leaseOf(claimed),
        claimed.attempt,
        Array.from({ length: n + 1 }, () => ({ event: "custom", data: turn })),
      ),
    );
    await Promise.all(writes);
    await returnLease(house.database, leaseOf(claimed));
  }
  const { rows } = await house.database.pool.query(
    "select seq_from, seq_to, attempt from holdpoint.event where thread_id = $1 order by seq_from",
    [run.thread_id],
  );
  expect(Number(rows.at(-1).seq_to)).toBe(15 * 20 * SCALE);
  expect(rows.map(({ attempt }) => attempt)).toEqual(rows.map(({ attempt }) => attempt).toSorted((a, b) => a - b));
  await house.settle();
});

test("once another worker has the thread, nothing of the one before is written any more", async () => {
  let refused = 0;
  for (let round = 0; round < 30 * SCALE; round += 1) {
    const dice = createDice(round);
    const run = await house.start("echo", { input: {} });
    const zombie = (await claim(run.thread_id)) as ClaimedRun;
    const write = async (): Promise<unknown> => {
      // Bound: ends when the lease is taken, which happens below.
      for (;;) {
        try {
          await appendEvents(house.parts.batcher, leaseOf(zombie), zombie.attempt, [{ event: "custom", data: 1 }]);
        } catch (error) {
          return error;
        }
      }
    };
    const writers = [write(), write(), write()];
    await dice.hesitate(8);
    await house.pass(3600);
    let taken: ClaimedRun | undefined;
    while (taken === undefined) {
      await reapLeases(house.database);
      taken = await claim(run.thread_id);
    }
    const last = async () =>
      Number(
        (
          await house.database.pool.query(
            "select coalesce(max(seq_to), 0) as last from holdpoint.event where thread_id = $1",
            [run.thread_id],
          )
        ).rows[0].last,
      );
    const atClaim = await last();
    for (const error of await Promise.all(writers)) {
      expect(error).toMatchObject({ code: "lease_lost" });
      refused += 1;
    }
    expect(await last()).toBe(atClaim);
    await returnLease(house.database, leaseOf(taken));
  }
  expect(refused).toBe(90 * SCALE);
  await house.settle();
});
