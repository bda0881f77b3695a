import { Annotation, Command, DeltaChannel, interrupt, Send, START, StateGraph } from "@langchain/langgraph";
import type { BaseCheckpointSaver } from "@langchain/langgraph-checkpoint";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { HoldpointSaver } from "../../src/checkpointer.ts";
import { collect } from "../support/collect.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { checkpointOf, METADATA } from "./support.ts";

let database: TestDatabase;
let saver: HoldpointSaver;
let replica: HoldpointSaver;

beforeAll(async () => {
  database = await createTestDatabase();
  saver = HoldpointSaver.fromConnString(database.url, { max: 4 });
  replica = HoldpointSaver.fromConnString(database.url, { max: 4 });
});
afterAll(async () => {
  await Promise.all([saver.end(), replica.end()]);
  await database.drop();
});

describe("what the official Postgres saver corrupts", () => {
  const forkGraph = (checkpointer: BaseCheckpointSaver) =>
    new StateGraph(Annotation.Root({ x: Annotation<string>(), y: Annotation<string>(), branch: Annotation<string>() }))
      .addNode("a", ({ branch }) => ({ x: `a-${branch}` }))
      .addNode("b", ({ x, branch }) => ({ y: `${x}/b-${branch}` }))
      .addEdge(START, "a")
      .addEdge("a", "b")
      .compile({ checkpointer });

  test("a fork stores the values of its own branch, not those of the branch that was there before", async () => {
    const graph = forkGraph(saver);
    const config = { configurable: { thread_id: "fork-values" } };
    await graph.invoke({ branch: "A" }, config);
    const start = (await collect(graph.getStateHistory(config))).at(-1)!;
    const returned = await graph.invoke({ branch: "B" }, start.config);
    expect(returned).toMatchObject({ x: "a-B", y: "a-B/b-B" });
    expect((await forkGraph(replica).getState(config)).values).toMatchObject({ x: "a-B", y: "a-B/b-B" });
  });

  test("after a rewind and an edit the next node runs, on the edited values", async () => {
    const graph = forkGraph(saver);
    const config = { configurable: { thread_id: "fork-edit" } };
    await graph.invoke({ branch: "A" }, config);
    const beforeB = (await collect(graph.getStateHistory(config))).find(({ next }) => next[0] === "b")!;
    const edited = await graph.updateState(beforeB.config, { x: "EDITED" });
    await forkGraph(replica).invoke(null, edited);
    expect((await graph.getState(config)).values).toMatchObject({ x: "EDITED", y: "EDITED/b-A" });
  });

  test("twelve parallel sends are reloaded in the order in which they were applied", async () => {
    const append = (state: number[], writes: unknown[]) => [...state, ...(writes.flat() as number[])];
    const build = (checkpointer: BaseCheckpointSaver) =>
      new StateGraph(
        Annotation.Root({
          number: Annotation<number>(),
          parts: () => new DeltaChannel<number[]>(append, { initialValueFactory: () => [] }),
        }),
      )
        .addNode("part", ({ number }) => ({ parts: [number] }))
        .addConditionalEdges(START, () => Array.from({ length: 12 }, (_, number) => new Send("part", { number })))
        .compile({ checkpointer });
    const config = { configurable: { thread_id: "order" } };
    const order = Array.from({ length: 12 }, (_, part) => part);
    expect((await build(saver).invoke({}, config)).parts).toEqual(order);
    expect((await build(replica).getState(config)).values["parts"]).toEqual(order);
  });
});

test("a copy of a checkpoint has the values of that checkpoint, the first one's too", async () => {
  const graph = new StateGraph(Annotation.Root({ x: Annotation<string>(), y: Annotation<string>() }))
    .addNode("a", ({ x }) => ({ y: `a after ${x}` }))
    .addEdge(START, "a")
    .compile({ checkpointer: saver });
  const config = { configurable: { thread_id: "copied-checkpoints" } };
  await graph.updateState(config, { x: "first" }, "a");
  await graph.updateState(config, { y: "second" }, "a");
  const [second, first] = await collect(graph.getStateHistory(config));
  await graph.updateState(first!.config, null, "__copy__");
  expect((await graph.getState(config)).values).toEqual({ x: "first" });
  await graph.updateState(second!.config, null, "__copy__");
  expect((await graph.getState(config)).values).toEqual({ x: "first", y: "second" });
});

test("a pause in another process is resumed with the answer, once", async () => {
  const build = (checkpointer: BaseCheckpointSaver) =>
    new StateGraph(
      Annotation.Root({ answers: Annotation<string[]>({ reducer: (a, b) => [...a, ...b], default: () => [] }) }),
    )
      .addNode("ask", () => ({ answers: [interrupt("first"), interrupt("second")] }))
      .addEdge(START, "ask")
      .compile({ checkpointer });
  const config = { configurable: { thread_id: "pause" } };
  await build(saver).invoke({ answers: [] }, config);
  await build(replica).invoke(new Command({ resume: "one" }), config);
  const done = await build(saver).invoke(new Command({ resume: "two" }), config);
  expect(done.answers).toEqual(["one", "two"]);
});

test("what is in memory may be ahead of a branch that another process has made meanwhile", async () => {
  const config = { configurable: { thread_id: "ahead" } };
  const list = Array.from({ length: 200 }, (_, index) => `element ${index}`);
  const parent = checkpointOf({ list });
  const parentConfig = await saver.put(config, parent.checkpoint, METADATA, parent.versions);
  const longer = checkpointOf({ list: [...list, "of the first branch"] });
  await saver.put(parentConfig, longer.checkpoint, METADATA, longer.versions);
  const other = checkpointOf({ list, x: 1 });
  await replica.put(parentConfig, other.checkpoint, METADATA, { x: 1 });
  expect((await saver.getTuple(config))?.checkpoint.channel_values).toEqual({ list, x: 1 });
});
