import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import type { ClaimedRun } from "../../src/postgres/claim.ts";
import { type HeartbeatMessage, startHeartbeat } from "../../src/runtime/heartbeat.ts";
import { createRunningRuns } from "../../src/runtime/running.ts";
import { type House, openHouse } from "../support/house.ts";

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.close());

const data = () => ({
  url: house.url,
  prepare: true,
  leaseMs: 600,
  worker: { tenant_id: "default", worker_id: randomUUID(), hostname: "test", process_id: 1, slots: 1 },
});

test("the heartbeat says which leases are held, and ends when it is told to", async () => {
  const heard: HeartbeatMessage[] = [];
  const heartbeat = startHeartbeat(
    data(),
    (message) => heard.push(message),
    (error) => expect.unreachable(error.message),
  );
  await expect.poll(() => heard.length).toBeGreaterThan(0);
  await heartbeat.stop();
  expect(heard[0]).toMatchObject({ held: [] });
});

test("a heartbeat thread that dies is replaced by another", async () => {
  const file = join(inject("scratchFolder"), "dying-thread.mjs");
  await writeFile(file, 'throw new Error("this thread dies at once");');
  const died: string[] = [];
  const heartbeat = startHeartbeat(
    data(),
    () => expect.unreachable("a thread that dies at once says nothing"),
    (error) => died.push(error.message),
    pathToFileURL(file),
  );
  await expect.poll(() => died.length).toBeGreaterThan(1);
  await heartbeat.stop();
  expect(new Set(died)).toEqual(new Set(["this thread dies at once"]));
});

/** A run that is executed, as far as stopping it goes. */
function running(thread_id: string) {
  const run_id = randomUUID();
  const lease = { tenant_id: "default", thread_id, run_id, lease_epoch: 1 };
  const run = { ...lease } as unknown as ClaimedRun;
  return { run, lease, claimedAt: Date.now() - 10_000, controller: new AbortController(), done: Promise.resolve() };
}

test("runs are stopped when no heartbeat has got through for as long as a lease lasts", async () => {
  let lost = 0;
  const runs = createRunningRuns({ leaseMs: 400, log: house.parts.log, onLost: () => (lost += 1) });
  const entry = running("thread-a");
  runs.add(entry);
  const check = setInterval(() => runs.checkBeat(), 50);
  await expect.poll(() => entry.controller.signal.aborted).toBe(true);
  clearInterval(check);
  expect(entry.controller.signal.reason).toBe("lease_lost");
  expect(lost).toBe(1);
});

test("a heartbeat that says a lease is held keeps the run, one that does not say so stops it", () => {
  const runs = createRunningRuns({ leaseMs: 60_000, log: house.parts.log, onLost: () => {} });
  const [kept, gone] = [running("thread-b"), running("thread-c")];
  runs.add(kept);
  runs.add(gone);
  runs.onBeat({ askedAt: Date.now(), held: [{ thread_id: "thread-b", lease_epoch: 1 }] });
  runs.checkBeat();
  expect([kept, gone].map(({ controller }) => controller.signal.aborted)).toEqual([false, true]);
});

test("a lease that nothing executes under is told of when no claim can be on its way back with it", async () => {
  const runs = createRunningRuns({ leaseMs: 60_000, log: house.parts.log, onLost: () => {} });
  const lease = { thread_id: "thread-a", lease_epoch: 1 };
  const beat = (held = [lease]) => runs.onBeat({ askedAt: Date.now(), held });
  const answer = Promise.withResolvers<void>();
  const claim = runs.claiming(() => answer.promise);
  // As many as have piled up while the loop was blocked.
  expect([beat(), beat(), beat()]).toEqual([[], [], []]);
  answer.resolve();
  await claim;
  void runs.claiming(() => new Promise(() => {}));
  expect(beat()).toEqual([lease]);
  // One that was let go of and comes again is another.
  beat([]);
  expect(beat()).toEqual([]);
});
