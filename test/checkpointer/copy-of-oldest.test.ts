import { randomUUID } from "node:crypto";
import type { RunnableConfig } from "@langchain/core/runnables";
import { Annotation, START, StateGraph } from "@langchain/langgraph";
import { type BaseCheckpointSaver, type CheckpointTuple, copyCheckpoint, uuid6 } from "@langchain/langgraph-checkpoint";
import { expect, test } from "vitest";
import { inThread, LIST, putLine, putList, readIds, readThread } from "./maintenance.ts";
import { checkpointOf, createThread, METADATA, openSaverScene, rowsOfThread } from "./support.ts";

// The engine puts a copy of a checkpoint beside it: onto the same parent, which may have been pruned.

const scene = await openSaverScene();

const build = (checkpointer: BaseCheckpointSaver) =>
  new StateGraph(
    Annotation.Root({ turn: Annotation<number>(), list: Annotation<string[]>(), still: Annotation<string>() }),
  )
    .addNode("work", ({ turn, list }) => ({ list: [...list, `of turn ${turn}`] }))
    .addEdge(START, "work")
    .compile({ checkpointer });

/** Two turns, of which the last checkpoint alone is kept. */
async function pruned(thread_id: string): Promise<RunnableConfig> {
  const graph = build(scene.counted.saver);
  await graph.invoke({ turn: 1, list: LIST, still: "the same" }, inThread(thread_id));
  await graph.invoke({ turn: 2 }, inThread(thread_id));
  const [kept] = await readIds(scene.replica.saver, thread_id);
  await scene.replica.saver.prune({ thread_ids: [thread_id], keepLast: 1 });
  return inThread(thread_id, { checkpoint_id: kept });
}

/** What the engine puts as a copy; with another source, or other versions, it is none. */
function putCopy(
  saver: BaseCheckpointSaver,
  of: CheckpointTuple,
  { source = "fork" as "fork" | "loop", versions = of.checkpoint.channel_versions } = {},
) {
  const copy = { ...copyCheckpoint(of.checkpoint), id: uuid6(0), channel_versions: versions };
  return saver.put(of.parentConfig!, copy, { ...METADATA, source }, {});
}

test.each(["counted", "replica"] as const)(
  "the oldest checkpoint that was kept can be copied, with all its values (%s)",
  async (name) => {
    const thread_id = `oldest, ${name}`;
    const oldest = await pruned(thread_id);
    const graph = build(scene[name].saver);
    const { values, parentConfig } = await graph.getState(oldest);
    await graph.updateState(oldest, null, "__copy__");
    expect(values).toEqual({ turn: 2, list: [...LIST, "of turn 1", "of turn 2"], still: "the same" });
    for (const { saver } of [scene.counted, scene.replica]) {
      const copy = await build(saver).getState(inThread(thread_id));
      expect(copy).toMatchObject({ values, parentConfig, metadata: { source: "fork" } });
    }
    expect(await readIds(scene.counted.saver, thread_id)).toHaveLength(2);
    const done = await build(scene.replica.saver).invoke({ turn: 3 }, inThread(thread_id));
    expect(done.list).toEqual([...values.list, "of turn 3"]);
  },
);

test("a copy refers to nothing that went with the parent, though the parent is in memory yet", async () => {
  const { counted, replica } = scene;
  const parent = await putList(counted.saver, inThread("in memory"), undefined, LIST);
  // Of the same version as the parent's: what is in memory says that it has this value.
  const { checkpoint, versions } = checkpointOf({ list: ["all new", ...LIST], other: 1 });
  const child = await replica.saver.put(parent, checkpoint, METADATA, versions);
  await replica.saver.prune({ thread_ids: ["in memory"], keepLast: 1 });
  const copy = await putCopy(counted.saver, (await counted.saver.getTuple(child))!);
  for (const { saver } of [counted, replica]) {
    expect((await saver.getTuple(copy))?.checkpoint.channel_values).toEqual(checkpoint.channel_values);
  }
});

test("a run that writes ahead of the disk copies it too, and goes on from the copy", async () => {
  const { counted, replica } = scene;
  const parent = await putList(counted.saver, inThread("ahead"), undefined, LIST);
  const child = await putList(replica.saver, parent, undefined, [...LIST, "of the child"]);
  await replica.saver.prune({ thread_ids: ["ahead"], keepLast: 1 });
  await createThread(counted, "ahead");
  const tuple = await counted.saver.getTuple(child);
  // The parent is in memory yet: nothing says before the commit that it has gone.
  const lease = { thread_id: "ahead", lease_epoch: 1, run_id: randomUUID(), writeBehind: true };
  const saver = counted.saver.withLease(lease);
  const copy = await putCopy(saver, tuple!);
  await putList(saver, copy, undefined, [...LIST, "after the copy"]);
  await saver.flush();
  const head = await replica.saver.getTuple(inThread("ahead"));
  expect(head?.checkpoint.channel_values["list"]).toEqual([...LIST, "after the copy"]);
  expect(head?.parentConfig).toEqual(copy);
  expect((await replica.saver.getTuple(copy))?.checkpoint.channel_values).toEqual(tuple?.checkpoint.channel_values);
});

test("nothing but a copy can be put onto a parent that was pruned", async () => {
  const oldest = await pruned("no other");
  const tuple = await scene.counted.saver.getTuple(oldest);
  const before = await readThread(scene.replica.saver, "no other");
  for (const { saver } of [scene.counted, scene.replica]) {
    await expect(putCopy(saver, tuple!, { source: "loop" })).rejects.toMatchObject({ code: "not_found" });
    // As a fork of the parent would, that began before the parent was pruned.
    const versions = { ...tuple!.checkpoint.channel_versions, list: 1 };
    await expect(putCopy(saver, tuple!, { versions })).rejects.toMatchObject({ code: "not_found" });
    await expect(putList(saver, tuple!.parentConfig!, undefined, LIST)).rejects.toMatchObject({ code: "not_found" });
  }
  expect(await readThread(scene.replica.saver, "no other")).toEqual(before);
});

test("a copy of what was rolled back comes too late, for its parent was rolled back with it", async () => {
  const { counted, replica } = scene;
  const run_id = randomUUID();
  const stay = await putList(counted.saver, inThread("rolled back"), undefined, LIST);
  const first = await putList(counted.saver, stay, run_id, [...LIST, "first"]);
  const second = await putList(counted.saver, first, run_id, [...LIST, "first", "second"]);
  const tuple = await replica.saver.getTuple(second);
  await counted.saver.deleteForRuns([run_id]);
  const before = await readThread(counted.saver, "rolled back");
  const rows = await rowsOfThread(counted, "rolled back");
  for (const { saver } of [counted, replica]) {
    await expect(putCopy(saver, tuple!)).rejects.toMatchObject({ code: "not_found" });
  }
  expect(await readThread(replica.saver, "rolled back")).toEqual(before);
  expect(await rowsOfThread(counted, "rolled back")).toBe(rows);
});

test.each([false, true])("a copy does not bring a deleted thread back (known to a server: %s)", async (isKnown) => {
  const thread_id = `deleted, ${isKnown}`;
  const ids = await putLine(scene.counted.saver, thread_id, 3);
  if (isKnown) await createThread(scene.counted, thread_id);
  await scene.counted.saver.prune({ thread_ids: [thread_id], keepLast: 1 });
  const tuple = await scene.replica.saver.getTuple(inThread(thread_id, { checkpoint_id: ids[2] }));
  await scene.counted.saver.deleteThread(thread_id);
  const lease = { thread_id, lease_epoch: 1, run_id: randomUUID() };
  await expect(putCopy(scene.replica.saver, tuple!)).rejects.toMatchObject({ code: "not_found" });
  await expect(putCopy(scene.replica.saver.withLease(lease), tuple!)).rejects.toMatchObject({ code: "lease_lost" });
  expect(await rowsOfThread(scene.counted, thread_id)).toBe(0);
});
