import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { type CountedSaver, checkpointOf, createThread, METADATA, openCounted, rowsOfThread } from "./support.ts";

let database: TestDatabase;
let counted: CountedSaver;

beforeAll(async () => {
  database = await createTestDatabase();
  counted = openCounted(database.url);
});
afterAll(async () => {
  await counted.end();
  await database.drop();
});

const RUN = "7f2c1b1e-6f0e-4a49-9c1e-0d6c6f3f4a11";
const config = (thread_id: string) => ({ configurable: { thread_id } });
const list = Array.from({ length: 200 }, (_, index) => `element ${index}`);

const put = (saver: Pick<CountedSaver["saver"], "put">, thread_id: string) => {
  const { checkpoint, versions } = checkpointOf({ x: 1, list });
  return saver.put(config(thread_id), checkpoint, METADATA, versions);
};

/** As a claim does it: the thread's lock alone, then the row. */
const claim = (thread_id: string) =>
  counted.rows(
    `with locked as materialized (select pg_advisory_xact_lock(hashtextextended('holdpoint:thread:' || $1, 0)))
     update holdpoint.thread set lease_epoch = lease_epoch + 1 from locked where thread_id = $1`,
    [thread_id],
  );

describe("a saver under a lease", () => {
  test("writes while the lease is held, and says so in its type and in the rows", async () => {
    await createThread(counted, "held");
    const saver = counted.saver.withLease({ thread_id: "held", lease_epoch: 1, run_id: RUN });
    expect([saver.fenced, counted.saver.fenced]).toEqual([true, false]);
    const stored = await put(saver, "held");
    await saver.putWrites(stored, [["x", 2]], "task");
    expect((await saver.getTuple(stored))?.pendingWrites).toEqual([["task", "x", 2]]);
    const rows = await counted.rows("select run_id from holdpoint.checkpoint where thread_id = 'held'");
    expect(rows).toEqual([{ run_id: RUN }]);
  });

  test("whose lease has moved writes nothing and fails alone, in one batch with an honest one", async () => {
    await createThread(counted, "zombie", 2);
    await createThread(counted, "honest");
    const onLost = vi.fn();
    const zombie = counted.saver.withLease({ thread_id: "zombie", lease_epoch: 1, run_id: RUN, onLost });
    const honest = counted.saver.withLease({ thread_id: "honest", lease_epoch: 1, run_id: RUN });
    await put(honest, "honest");
    counted.trips();
    const [lost, kept, free] = await Promise.allSettled([
      put(zombie, "zombie"),
      put(honest, "honest"),
      put(counted.saver, "free"),
    ]);
    expect(counted.trips()).toBeLessThanOrEqual(2);
    expect(lost).toMatchObject({
      status: "rejected",
      reason: { code: "lease_lost", facts: { thread_id: "zombie", lease_epoch: 1 } },
    });
    expect([kept.status, free.status]).toEqual(["fulfilled", "fulfilled"]);
    expect(await rowsOfThread(counted, "zombie")).toBe(0);
    await expect(
      zombie.putWrites({ configurable: { thread_id: "zombie", checkpoint_id: RUN } }, [["x", 1]], "t"),
    ).rejects.toMatchObject({ code: "lease_lost" });
    expect(onLost).toHaveBeenCalledTimes(1);
  });

  test("can repeat a write without being called lost", async () => {
    await createThread(counted, "repeat");
    const saver = counted.saver.withLease({ thread_id: "repeat", lease_epoch: 1, run_id: RUN });
    const stored = await put(saver, "repeat");
    for (const value of [1, 2]) await saver.putWrites(stored, [["x", value]], "task");
    expect((await saver.getTuple(stored))?.pendingWrites).toEqual([["task", "x", 1]]);
  });

  test("does not write to another thread", async () => {
    const saver = counted.saver.withLease({ thread_id: "mine", lease_epoch: 1, run_id: RUN });
    await expect(put(saver, "yours")).rejects.toMatchObject({ code: "invalid" });
    await expect(saver.deleteThread("mine")).rejects.toMatchObject({ code: "permission_denied" });
  });

  test("of a thread without a row has no lease to hold", async () => {
    const saver = counted.saver.withLease({ thread_id: "nowhere", lease_epoch: 0, run_id: RUN });
    await expect(put(saver, "nowhere")).rejects.toMatchObject({ code: "lease_lost" });
  });
});

test("a claim that races with batches leaves no row of the old lease behind it", async () => {
  for (let round = 0; round < 50; round += 1) {
    const thread_id = `race-${round}`;
    await createThread(counted, thread_id);
    const saver = counted.saver.withLease({ thread_id, lease_epoch: 1, run_id: RUN });
    const acknowledged = { puts: 0, lost: 0 };
    const writing = (async () => {
      // Bounded: the claim below ends it much sooner.
      for (let put_ = 0; put_ < 1000 && acknowledged.lost === 0; put_ += 1) {
        await Promise.allSettled([put(saver, thread_id), put(saver, thread_id)]).then((results) => {
          for (const { status } of results) acknowledged[status === "fulfilled" ? "puts" : "lost"] += 1;
        });
      }
    })();
    await claim(thread_id);
    const atClaim = await rowsOfThread(counted, thread_id);
    await writing;
    expect(acknowledged.lost).toBeGreaterThan(0);
    expect(await rowsOfThread(counted, thread_id)).toBe(atClaim);
    // One row of the checkpoint and one of its list.
    expect(atClaim).toBe(2 * acknowledged.puts);
  }
});
