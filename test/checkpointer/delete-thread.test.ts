import { expect, test } from "vitest";
import { type CountedSaver, checkpointOf, createThread, METADATA, openSaverScene, rowsOfThread } from "./support.ts";

const { counted, replica } = await openSaverScene();

const list = Array.from({ length: 200 }, (_, index) => `element ${index}`);

const put = (saver: Pick<CountedSaver["saver"], "put">, config: { configurable?: Record<string, unknown> }) => {
  const { checkpoint, versions } = checkpointOf({ x: 1, list });
  return saver.put(config, checkpoint, METADATA, versions);
};

test("deleting a thread deletes its checkpoints, writes and chains, and those of no other", async () => {
  for (const thread_id of ["gone", "stays"]) {
    const stored = await put(counted.saver, { configurable: { thread_id } });
    await counted.saver.putWrites(stored, [["x", 1]], "task");
  }
  await counted.saver.deleteThread("gone");
  expect(await rowsOfThread(counted, "gone")).toBe(0);
  expect(await rowsOfThread(counted, "stays")).toBe(3);
});

test("a late put does not bring a deleted thread back, whichever process it comes from", async () => {
  const config = { configurable: { thread_id: "late" } };
  const parent = await put(counted.saver, config);
  await replica.saver.getTuple(config);
  await counted.saver.deleteThread("late");
  for (const { saver } of [counted, replica]) {
    await expect(put(saver, parent)).rejects.toMatchObject({ code: "not_found" });
  }
  expect(await rowsOfThread(counted, "late")).toBe(0);
});

test("a thread the server knows keeps a tombstone that refuses even a first checkpoint", async () => {
  await createThread(counted, "tombstone");
  const lease = { thread_id: "tombstone", lease_epoch: 1, run_id: "7f2c1b1e-6f0e-4a49-9c1e-0d6c6f3f4a11" };
  const stored = await put(counted.saver.withLease(lease), { configurable: { thread_id: "tombstone" } });
  await replica.saver.deleteThread("tombstone");
  await expect(put(counted.saver, { configurable: { thread_id: "tombstone" } })).rejects.toMatchObject({
    code: "not_found",
  });
  await expect(put(counted.saver.withLease(lease), stored)).rejects.toMatchObject({ code: "lease_lost" });
  await counted.saver.putWrites(stored, [["x", 1]], "task");
  expect(await rowsOfThread(counted, "tombstone")).toBe(0);
  expect(
    await counted.rows("select 1 from holdpoint.thread where thread_id = 'tombstone' and deleted_at is not null"),
  ).toHaveLength(1);
});

test("used alone, a deleted thread can be started again", async () => {
  const config = { configurable: { thread_id: "again" } };
  await put(counted.saver, config);
  await counted.saver.deleteThread("again");
  await put(counted.saver, config);
  expect((await replica.saver.getTuple(config))?.checkpoint.channel_values["list"]).toEqual(list);
});

test("a deletion among writes leaves nothing of the thread", async () => {
  for (let round = 0; round < 20; round += 1) {
    const thread_id = `mixed-${round}`;
    const first = await put(counted.saver, { configurable: { thread_id } });
    const write = async () => {
      let parent = first;
      for (let step = 0; step < 6; step += 1) parent = await put(counted.saver, parent);
    };
    const [written] = await Promise.allSettled([write(), replica.saver.deleteThread(thread_id)]);
    if (written.status === "rejected") expect(written.reason).toMatchObject({ code: "not_found" });
    expect(await rowsOfThread(counted, thread_id)).toBe(0);
  }
});

test("what a run has written ahead of the disk does not come back after the deletion of its thread", async () => {
  await createThread(counted, "ahead");
  const run_id = "7f2c1b1e-6f0e-4a49-9c1e-0d6c6f3f4a11";
  const ahead = counted.saver.withLease({ thread_id: "ahead", lease_epoch: 1, run_id, writeBehind: true });
  const stored = await put(ahead, { configurable: { thread_id: "ahead" } });
  await ahead.flush();
  await replica.saver.deleteThread("ahead");
  const late = [put(ahead, stored), ahead.putWrites(stored, [["x", 1]], "task"), put(ahead, stored)];
  await Promise.allSettled(late);
  await expect(ahead.flush()).rejects.toMatchObject({ code: "lease_lost" });
  expect(await rowsOfThread(counted, "ahead")).toBe(0);
});

test("used alone, late writes of a task may come after the deletion; nobody reads them, and deleting again takes them", async () => {
  const config = { configurable: { thread_id: "stray" } };
  const stored = await put(counted.saver, config);
  await counted.saver.deleteThread("stray");
  await replica.saver.putWrites(stored, [["x", 1]], "task");
  await expect(put(replica.saver, stored)).rejects.toMatchObject({ code: "not_found" });
  expect(await rowsOfThread(counted, "stray")).toBe(1);
  await put(counted.saver, config);
  expect((await replica.saver.getTuple(config))?.pendingWrites).toEqual([]);
  await counted.saver.deleteThread("stray");
  expect(await rowsOfThread(counted, "stray")).toBe(0);
});
