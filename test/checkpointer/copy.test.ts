import { randomUUID } from "node:crypto";
import { Annotation, Command, DeltaChannel, START, StateGraph } from "@langchain/langgraph";
import type { BaseCheckpointSaver } from "@langchain/langgraph-checkpoint";
import { expect, test } from "vitest";
import {
  askTwice,
  asRun,
  insertReview,
  inThread,
  LIST,
  putLine,
  putList,
  readAll,
  readIds,
  readThread,
} from "./maintenance.ts";
import { checkpointOf, createThread, METADATA, openSaverScene, rowsOfThread } from "./support.ts";

const { counted, replica } = await openSaverScene();

const renamed = (texts: string[], from: string, to: string) =>
  texts.map((text) => text.replaceAll(JSON.stringify(from), JSON.stringify(to)));

test("a copy reads like its original, and each goes its own way", async () => {
  await putLine(counted.saver, "original", 6);
  await putLine(counted.saver, "original", 2, { checkpoint_ns: "node:task" });
  const original = await readThread(counted.saver, "original");
  await counted.saver.copyThread("original", "copy");
  expect(await readThread(replica.saver, "copy")).toEqual(renamed(original, "original", "copy"));
  expect(await readThread(replica.saver, "original")).toEqual(original);
  for (const [saver, thread_id] of [
    [counted.saver, "copy"],
    [replica.saver, "original"],
  ] as const) {
    const tuple = await saver.getTuple(inThread(thread_id));
    await putList(saver, tuple!.config, undefined, [...LIST, `of the ${thread_id}`]);
  }
  for (const [saver, thread_id] of [
    [replica.saver, "copy"],
    [counted.saver, "original"],
  ] as const) {
    const tuple = await saver.getTuple(inThread(thread_id));
    expect(tuple?.checkpoint.channel_values["list"]).toEqual([...LIST, `of the ${thread_id}`]);
  }
  await counted.saver.deleteThread("original");
  expect(await readIds(counted.saver, "copy")).toHaveLength(7);
});

test("a copy of what was pruned reads like it", async () => {
  await putLine(counted.saver, "thinned", 9);
  await counted.saver.prune({ thread_ids: ["thinned"], keepLast: 2 });
  await counted.saver.copyThread("thinned", "thin copy");
  const expected = renamed(await readThread(counted.saver, "thinned"), "thinned", "thin copy");
  expect(await readThread(replica.saver, "thin copy")).toEqual(expected);
});

test("metadata names the copy where it named the original, and nothing else is renamed", async () => {
  const { checkpoint } = checkpointOf({});
  const metadata = { ...METADATA, thread_id: "loop", note: "loop", nul: "a\0b", step: 1 } as never;
  await counted.saver.put(inThread("loop"), checkpoint, metadata, {});
  await counted.saver.copyThread("loop", "loop 2");
  const tuple = await replica.saver.getTuple(inThread("loop 2"));
  expect(tuple?.metadata).toEqual({ ...METADATA, thread_id: "loop 2", note: "loop", nul: "a\0b", step: 1 });
  const byFilter = await readAll(replica.saver, inThread("loop 2"), { filter: { source: "loop" } });
  expect(byFilter).toHaveLength(1);
});

test("a copy asks again what was answered in the original, and keeps what was finished", async () => {
  const graph = askTwice(counted.saver);
  await graph.invoke({ answers: [] }, inThread("approved"));
  await graph.invoke(new Command({ resume: "yes" }), inThread("approved"));
  await counted.saver.copyThread("approved", "asks again");
  expect(JSON.stringify(await readThread(counted.saver, "approved"))).toContain("__resume__");
  expect(JSON.stringify(await readThread(counted.saver, "asks again"))).not.toContain("__resume__");
  const copy = askTwice(replica.saver);
  await copy.invoke(null, inThread("asks again"));
  const [task] = (await copy.getState(inThread("asks again"))).tasks;
  expect(task?.interrupts.map(({ value }) => value)).toEqual(["first"]);
  const done = await graph.invoke(new Command({ resume: "finally" }), inThread("approved"));
  expect(done.answers).toEqual(["yes", "finally", "2 answers"]);
  await counted.saver.copyThread("approved", "finished");
  expect((await copy.getState(inThread("finished"))).values).toEqual({ answers: ["yes", "finally", "2 answers"] });
});

test("what runs have replaced does not come along either", async () => {
  const [first, second] = [randomUUID(), randomUUID()];
  const stored = await putList(counted.saver, inThread("replaced"), first, LIST);
  await counted.saver.putWrites(asRun(stored, first), [["__interrupt__", ["first"]]], "task");
  await counted.saver.putWrites(asRun(stored, second), [["__interrupt__", ["second"]]], "task");
  await counted.saver.copyThread("replaced", "without past");
  const [row] = await counted.rows(
    "select run_id, replaced_run_ids, replaced_bodies from holdpoint.checkpoint_write where thread_id = 'without past'",
  );
  expect(row).toEqual({ run_id: null, replaced_run_ids: null, replaced_bodies: null });
});

test("what a command has written to a delta channel comes along", async () => {
  const append = (state: string[], writes: unknown[]) => [...state, ...writes.flat().map(String)];
  const build = (checkpointer: BaseCheckpointSaver) =>
    new StateGraph(
      Annotation.Root({ notes: () => new DeltaChannel<string[]>(append, { initialValueFactory: () => [] }) }),
    )
      .addNode("work", ({ notes }) => ({ notes: [`worked after ${notes.length}`] }))
      .addEdge(START, "work")
      .compile({ checkpointer });
  await build(counted.saver).invoke({ notes: ["start"] }, inThread("commanded"));
  await build(counted.saver).invoke(
    new Command({ update: { notes: ["commanded"] }, goto: "work" }),
    inThread("commanded"),
  );
  await counted.saver.copyThread("commanded", "obeys");
  const { values } = await build(counted.saver).getState(inThread("commanded"));
  expect(values["notes"]).toEqual(["start", "worked after 1", "commanded", "worked after 3"]);
  expect((await build(replica.saver).getState(inThread("obeys"))).values).toEqual(values);
});

test("a command that nothing has come of yet is not carried out by the copy", async () => {
  const stored = await putList(counted.saver, inThread("unused"), undefined, LIST);
  await counted.saver.putWrites(stored, [["list", ["goes on"]]], "00000000-0000-0000-0000-000000000000");
  await counted.saver.copyThread("unused", "does not");
  expect((await replica.saver.getTuple(inThread("does not")))?.pendingWrites).toEqual([]);
});

test("a thread that is deleted and copied again is never mistaken for its predecessor", async () => {
  const ids = await putLine(counted.saver, "template", 3);
  await counted.saver.copyThread("template", "room");
  const head = (await replica.saver.getTuple(inThread("room")))!.config;
  let tip = head;
  for (const added of [["old 1"], ["old 1", "old 2"]]) {
    tip = await putList(replica.saver, tip, undefined, [...LIST, "added in 0", "added in 1", ...added]);
  }
  await replica.saver.getTuple(inThread("room"));
  await counted.saver.deleteThread("room");
  await counted.saver.copyThread("template", "room");
  // One remembers the end of the first copy, the other goes on from the head that both copies have.
  await counted.saver.getTuple(inThread("room"));
  const long = [...LIST, "added in 0", "added in 1", "new 1", "new 2"];
  await putList(counted.saver, await putList(counted.saver, head, undefined, long.slice(0, -1)), undefined, long);
  for (const { saver } of [replica, counted]) {
    expect((await saver.getTuple(inThread("room")))?.checkpoint.channel_values["list"]).toEqual(long);
    const first = await saver.getTuple(inThread("room", { checkpoint_id: ids[2] }));
    expect(first?.checkpoint.channel_values["list"]).toEqual(long.slice(0, -2));
  }
  await expect(putList(replica.saver, tip, undefined, LIST)).rejects.toMatchObject({ code: "not_found" });
});

test("a target that exists, existed or is the source is refused, and nothing is copied", async () => {
  await putLine(counted.saver, "from", 2);
  await putLine(counted.saver, "taken", 1);
  await createThread(counted, "server's");
  await createThread(counted, "tombstone");
  await counted.saver.deleteThread("tombstone");
  await counted.saver.putWrites(inThread("early", { checkpoint_id: randomUUID() }), [["x", 1]], "task");
  for (const target of ["taken", "server's", "tombstone", "early", "from"]) {
    const before = await rowsOfThread(counted, target);
    await expect(counted.saver.copyThread("from", target)).rejects.toMatchObject({ code: "thread_exists" });
    expect(await rowsOfThread(counted, target)).toBe(before);
  }
});

test("a source that is not there is refused", async () => {
  await expect(counted.saver.copyThread("nowhere", "somewhere")).rejects.toMatchObject({ code: "not_found" });
  expect(await rowsOfThread(counted, "somewhere")).toBe(0);
});

test.each(["decided", "resuming"])("a thread with a review that is %s is not copied", async (status) => {
  const source = `reviewed-${status}`;
  const at = await putList(counted.saver, inThread(source), undefined, LIST);
  const review_id = randomUUID();
  await insertReview(counted, { id: review_id, run_id: randomUUID(), at, status });
  await expect(counted.saver.copyThread(source, `${source}-copy`)).rejects.toMatchObject({ code: "thread_busy" });
  await counted.rows("update holdpoint.review set status = 'open' where id = $1", [review_id]);
  await counted.saver.copyThread(source, `${source}-copy`);
  expect(await readIds(counted.saver, `${source}-copy`)).toHaveLength(1);
});

test.each<[string, unknown]>([
  ["nothing", undefined],
  ["a number", 7],
  ["NUL", "a\0b"],
  ["half a character", "\ud83d"],
  ["a very long text", "x".repeat(513)],
])("%s as a thread id is refused", async (_, thread_id) => {
  await expect(counted.saver.copyThread("from", thread_id as never)).rejects.toMatchObject({ code: "invalid" });
  await expect(counted.saver.copyThread(thread_id as never, "to")).rejects.toMatchObject({ code: "invalid" });
});

test("of many copies to one thread exactly one succeeds", async () => {
  await putLine(counted.saver, "wanted", 4);
  const copies = Array.from({ length: 12 }, (_, index) =>
    (index % 2 === 0 ? counted : replica).saver.copyThread("wanted", "contended"),
  );
  const settled = await Promise.allSettled(copies);
  expect(settled.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  for (const one of settled) if (one.status === "rejected") expect(one.reason).toMatchObject({ code: "thread_exists" });
  expect(await readIds(replica.saver, "contended")).toHaveLength(4);
});
