import { randomUUID } from "node:crypto";
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { type CheckpointTuple, TASKS, uuid6 } from "@langchain/langgraph-checkpoint";
import { describe, expect, test } from "vitest";
import { listTuples } from "../../src/postgres/checkpointer/list.ts";
import type { Statement } from "../../src/postgres/sql.ts";
import {
  insertEffect,
  insertReview,
  insertRun,
  inThread,
  putLine,
  readIds,
  readThread,
  textOfTuple,
} from "./maintenance.ts";
import { checkpointOf, METADATA, openSaverScene, rowsOfThread } from "./support.ts";

const { counted, replica } = await openSaverScene();

describe("what stays", () => {
  test("the newest of each namespace stay; those before, their writes and their chunks go", async () => {
    const ids = await putLine(counted.saver, "newest", 10);
    const before = await readThread(replica.saver, "newest");
    expect(await counted.saver.prune({ thread_ids: ["newest"], keepLast: 3 })).toEqual({
      checkpoints: 7,
      writes: 7,
      chunks: 0,
      threads: 1,
    });
    expect(await readIds(counted.saver, "newest")).toEqual(ids.slice(-3).reverse());
    const after = await readThread(replica.saver, "newest");
    expect(after).toEqual(before.slice(0, 3));
  });

  test("what was made at the moment or later stays, and so does the newest however old it is", async () => {
    const ids = await putLine(counted.saver, "young", 6);
    const middle = await counted.saver.getTuple(inThread("young", { checkpoint_id: ids[3] }));
    const olderThan = new Date(middle!.checkpoint.ts);
    await counted.saver.prune({ thread_ids: ["young"], olderThan });
    const stayed = await readIds(counted.saver, "young");
    expect(stayed).toEqual(expect.arrayContaining(ids.slice(3)));
    expect(stayed).not.toContain(ids[0]);
    await counted.saver.prune({ thread_ids: ["young"], olderThan: new Date(Date.now() + 60_000) });
    expect(await readIds(counted.saver, "young")).toEqual(ids.slice(-1));
  });

  test("a checkpoint goes only when neither rule keeps it", async () => {
    const ids = await putLine(counted.saver, "both", 5);
    await counted.saver.prune({ thread_ids: ["both"], keepLast: 1, olderThan: new Date(0) });
    expect(await readIds(counted.saver, "both")).toHaveLength(5);
    await counted.saver.prune({ thread_ids: ["both"], keepLast: 2, olderThan: new Date(Date.now() + 60_000) });
    expect(await readIds(counted.saver, "both")).toEqual(ids.slice(-2).reverse());
  });

  test("what one run of a subgraph has left goes with the checkpoint whose task it was", async () => {
    const [first, , last] = await putLine(counted.saver, "subgraph", 3);
    const early = await putLine(counted.saver, "subgraph", 2, { checkpoint_ns: "node:task-1", parents: { "": first } });
    const deep = { checkpoint_ns: "node:task-1|in:task-2", parents: { "": first, "node:task-1": early[1] } };
    await putLine(counted.saver, "subgraph", 1, deep);
    const late = await putLine(counted.saver, "subgraph", 3, { checkpoint_ns: "node:task-3", parents: { "": last } });
    const coming = uuid6(0);
    const early2 = await putLine(counted.saver, "subgraph", 1, {
      checkpoint_ns: "node:task-4",
      parents: { "": coming },
    });
    const memory = await putLine(counted.saver, "subgraph", 3, { checkpoint_ns: "node" });
    await counted.saver.prune({ thread_ids: ["subgraph"], keepLast: 2 });
    expect(await readIds(counted.saver, "subgraph")).toHaveLength(2);
    expect(await readIds(counted.saver, "subgraph", "node:task-1")).toEqual([]);
    expect(await readIds(counted.saver, "subgraph", "node:task-1|in:task-2")).toEqual([]);
    expect(await readIds(counted.saver, "subgraph", "node:task-3")).toEqual(late.slice(-2).reverse());
    expect(await readIds(counted.saver, "subgraph", "node:task-4"), "its parent has not been stored yet").toEqual(
      early2,
    );
    expect(await readIds(counted.saver, "subgraph", "node")).toEqual(memory.slice(-2).reverse());
  });

  test("a subgraph with a memory of its own keeps what each kept checkpoint would be replayed with", async () => {
    const roots: string[] = [];
    const memories: string[] = [];
    let root: Parameters<typeof counted.saver.put>[0] = inThread("memory");
    let memory: Parameters<typeof counted.saver.put>[0] = inThread("memory", { checkpoint_ns: "node" });
    for (let turn = 0; turn < 4; turn += 1) {
      const next = checkpointOf({ turn });
      root = await counted.saver.put(root, next.checkpoint, METADATA, next.versions);
      roots.push(next.checkpoint.id);
      for (let step = 0; step < 3; step += 1) {
        const inner = checkpointOf({ turn, step });
        memory = await counted.saver.put(memory, inner.checkpoint, METADATA, inner.versions);
        memories.push(inner.checkpoint.id);
      }
    }
    await counted.saver.prune({ thread_ids: ["memory"], keepLast: 2 });
    expect(await readIds(counted.saver, "memory")).toEqual(roots.slice(-2).reverse());
    expect(await readIds(counted.saver, "memory", "node")).toEqual([
      memories[11],
      memories[10],
      memories[8],
      memories[5],
    ]);
  });

  test("before version 4 a checkpoint needs the writes of its parent", async () => {
    const parent = checkpointOf({});
    const first = await counted.saver.put(inThread("old-version"), parent.checkpoint, METADATA, {});
    await counted.saver.putWrites(first, [[TASKS, { node: "send", args: 1 }]], "task");
    const child = checkpointOf({ x: 1 });
    await counted.saver.put(first, { ...child.checkpoint, v: 1 }, METADATA, child.versions);
    const before = await counted.saver.getTuple(inThread("old-version"));
    expect(before?.checkpoint.channel_values[TASKS]).toHaveLength(1);
    await counted.saver.prune({ thread_ids: ["old-version"], keepLast: 1 });
    expect(textOfTuple(await replica.saver.getTuple(inThread("old-version")))).toBe(textOfTuple(before));
    expect(await readIds(counted.saver, "old-version")).toEqual([child.checkpoint.id]);
  });
});

describe("what somebody is about to come back to", () => {
  const pinned = async (thread_id: string) => {
    const ids = await putLine(counted.saver, thread_id, 5);
    return { at: inThread(thread_id, { checkpoint_id: ids[1] }), id: ids[1], newest: ids[4] };
  };
  const prune = async (thread_id: string) => {
    await counted.saver.prune({ thread_ids: [thread_id], keepLast: 1, olderThan: new Date(Date.now() + 60_000) });
    return await readIds(counted.saver, thread_id);
  };

  test.each(["open", "info_requested", "decided", "resuming", "resume_failed", "stale"])(
    "stays under a review that is %s, until it is closed",
    async (status) => {
      const thread_id = `review-${status}`;
      const { at, id, newest } = await pinned(thread_id);
      const review_id = randomUUID();
      await insertReview(counted, { id: review_id, run_id: randomUUID(), at, status });
      expect(await prune(thread_id)).toEqual([newest, id]);
      await counted.rows("update holdpoint.review set status = 'closed' where id = $1", [review_id]);
      expect(await prune(thread_id)).toEqual([newest]);
    },
  );

  test("stays where a subgraph asks, with the checkpoints around it", async () => {
    const { at, id, newest } = await pinned("deep");
    const parents = { "": id as string };
    const inner = await putLine(counted.saver, "deep", 3, { checkpoint_ns: "node:task", parents });
    const asking = inThread("deep", { checkpoint_id: inner[0] });
    const { configurable } = inThread("deep", { checkpoint_id: newest });
    await insertReview(counted, { id: randomUUID(), run_id: randomUUID(), at: { ...at, configurable }, asking });
    expect(await prune("deep")).toEqual([newest, id]);
    expect(await readIds(counted.saver, "deep", "node:task")).toEqual([inner[2], inner[0]]);
  });

  test.each(["intent", "failed"])(
    "stays under an effect without a receipt (%s), until there is one",
    async (status) => {
      const thread_id = `effect-${status}`;
      const { at, id, newest } = await pinned(thread_id);
      await insertEffect(counted, { run_id: randomUUID(), at, status });
      expect(await prune(thread_id)).toEqual([newest, id]);
      await counted.rows("update holdpoint.effect set status = 'receipt' where thread_id = $1", [thread_id]);
      expect(await prune(thread_id)).toEqual([newest]);
    },
  );

  test.each(["pending", "running"])("stays while a run that names it is %s", async (status) => {
    const thread_id = `run-${status}`;
    const { id, newest } = await pinned(thread_id);
    const run_id = randomUUID();
    await insertRun(counted, {
      run_id,
      thread_id,
      status,
      kwargs: { checkpoint: { checkpoint_id: id?.toUpperCase() } },
    });
    expect(await prune(thread_id)).toEqual([newest, id]);
    await counted.rows("update holdpoint.run set status = 'success' where run_id = $1", [run_id]);
    expect(await prune(thread_id)).toEqual([newest]);
  });
});

test("what is pruned while a list is read is left out of it", async () => {
  const ids = await putLine(counted.saver, "listed", 12);
  let statements = 0;
  const pruning = {
    async many<Row>(statement: Statement<Row>): Promise<Row[]> {
      const { rows } = await replica.pool.query({ text: statement.text, values: statement.values });
      statements += 1;
      if (statements === 1) await counted.saver.prune({ thread_ids: ["listed"], keepLast: 3 });
      return rows as Row[];
    },
  };
  const tuples: CheckpointTuple[] = [];
  for await (const tuple of listTuples(pruning, "default", inThread("listed"))) tuples.push(tuple);
  expect(tuples.map(textOfTuple)).toEqual(await readThread(replica.saver, "listed"));
  expect(tuples.map(({ checkpoint }) => checkpoint.id)).toEqual(ids.slice(-3).reverse());
});

test("a chat of 300 turns gives its disk back", async () => {
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("answer", ({ messages }) => ({
      messages: [new AIMessage({ id: `a${messages.length}`, content: `answer ${messages.length} `.repeat(30) })],
    }))
    .addEdge(START, "answer")
    .compile({ checkpointer: counted.saver });
  for (let turn = 0; turn < 300; turn += 1) {
    const message = new HumanMessage({ id: `h${turn}`, content: `question ${turn}` });
    await graph.invoke({ messages: [message] }, inThread("chat"));
  }
  const sizeOf = async () => {
    const [row] = await counted.rows<{ checkpoints: number; writes: number; characters: number }>(
      `select (select count(*) from holdpoint.checkpoint where thread_id = 'chat')::integer as checkpoints,
        (select count(*) from holdpoint.checkpoint_write where thread_id = 'chat')::integer as writes,
        (select sum(length(body)) from holdpoint.checkpoint_chunk where thread_id = 'chat')::integer as characters`,
    );
    return row!;
  };
  const before = await sizeOf();
  const state = await graph.getState(inThread("chat"));
  expect(before.checkpoints).toBe(900);
  const pruned = await counted.saver.prune({ thread_ids: ["chat"], keepLast: 1 });
  const after = await sizeOf();
  expect(after.checkpoints).toBe(1);
  expect(after.writes).toBe(0);
  expect(pruned).toMatchObject({ checkpoints: 899, writes: before.writes, threads: 1 });
  expect(after.characters).toBeLessThan(before.characters);
  expect(after.characters).toBeLessThan(2.2 * JSON.stringify(state.values["messages"]).length);
  expect(JSON.stringify(await graph.getState(inThread("chat")))).toBe(JSON.stringify(state));
});

test("without thread ids every thread is pruned, each in a transaction of its own", async () => {
  for (let thread = 0; thread < 5; thread += 1) await putLine(counted.saver, `all-${thread}`, 3);
  counted.trips();
  await counted.saver.prune({ keepLast: 1 });
  for (let thread = 0; thread < 5; thread += 1) expect(await readIds(counted.saver, `all-${thread}`)).toHaveLength(1);
  expect(await rowsOfThread(counted, "all-0")).toBe(1 + 1 + 3);
  expect(await counted.saver.prune({ keepLast: 1 })).toEqual({ checkpoints: 0, writes: 0, chunks: 0, threads: 0 });
});

test.each<[string, unknown]>([
  ["nothing", undefined],
  ["no rule", {}],
  ["a misspelt option", { keepLast: 1, threadIds: ["hostile"] }],
  ["zero", { keepLast: 0 }],
  ["a negative number", { keepLast: -3 }],
  ["a fraction", { keepLast: 1.5 }],
  ["not a number", { keepLast: Number.NaN }],
  ["a number as text", { keepLast: "3" }],
  ["a number instead of a date", { olderThan: 86_400_000 }],
  ["a date that is none", { olderThan: new Date("yesterday") }],
  ["a thread id by itself", { keepLast: 1, thread_ids: "hostile" }],
  ["a thread id that is none", { keepLast: 1, thread_ids: ["hostile", 7] }],
  ["a thread id that cannot be stored", { keepLast: 1, thread_ids: ["hostile", "a\0b"] }],
])("%s is refused, and nothing is deleted", async (_, options) => {
  await counted.saver.deleteThread("hostile");
  await putLine(counted.saver, "hostile", 3);
  await expect(counted.saver.prune(options as never)).rejects.toMatchObject({ code: "invalid" });
  expect(await readIds(counted.saver, "hostile")).toHaveLength(3);
});

test("unknown threads, none, and the same one many times over are no mistake", async () => {
  await putLine(counted.saver, "repeated", 3);
  const nothing = { checkpoints: 0, writes: 0, chunks: 0, threads: 0 };
  expect(await counted.saver.prune({ thread_ids: [], keepLast: 1 })).toEqual(nothing);
  expect(await counted.saver.prune({ thread_ids: ["never seen", 'it\'s"odd"%_'], keepLast: 1 })).toEqual(nothing);
  const repeated = Array.from({ length: 10_000 }, () => "repeated");
  expect(await counted.saver.prune({ thread_ids: repeated, keepLast: 1 })).toMatchObject({
    threads: 1,
    checkpoints: 2,
  });
});

test("an aborted prune stops between two threads", async () => {
  await putLine(counted.saver, "aborted", 3);
  const signal = AbortSignal.abort(new Error("enough"));
  await expect(counted.saver.prune({ thread_ids: ["aborted"], keepLast: 1, signal })).rejects.toThrow("enough");
  expect(await readIds(counted.saver, "aborted")).toHaveLength(3);
});
