import {
  Annotation,
  Command,
  DeltaChannel,
  interrupt,
  MemorySaver,
  Send,
  START,
  StateGraph,
} from "@langchain/langgraph";
import type { BaseCheckpointSaver } from "@langchain/langgraph-checkpoint";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { HoldpointSaver } from "../../src/checkpointer.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { checkpointOf, METADATA } from "./support.ts";
import { collect, picture, takeStep, walkGraph, walkSteps } from "./walk.ts";

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

const SCALE = Number(process.env["HOLDPOINT_TEST_SCALE"] ?? 1);
const seeds = (first: number, count: number) => Array.from({ length: count * SCALE }, (_, index) => first + index);

describe("a random walk of runs, forks, edits, removals and resumes", () => {
  test.each(seeds(1, 8))("leaves the same history as in memory (seed %i)", async (seed) => {
    await compareWalk(seed, () => saver);
  });

  test.each(seeds(101, 2))("leaves the same history when two processes take turns (seed %i)", async (seed) => {
    await compareWalk(seed, (step) => (step % 2 === 0 ? saver : replica));
  });

  async function compareWalk(seed: number, saverOf: (step: number) => HoldpointSaver): Promise<void> {
    const memory = walkGraph(new MemorySaver());
    const thread_id = `walk-${seed}`;
    const steps = walkSteps(seed, 12);
    for (const [index, step] of steps.entries()) {
      const graph = walkGraph(saverOf(index));
      const expected = await takeStep(memory, thread_id, step);
      expect(await takeStep(graph, thread_id, step), `result of step ${index}, ${step.kind}`).toEqual(expected);
      // Reading everything costs more than the walk itself.
      const singly = index === steps.length - 1;
      if (index % 3 !== 2 && !singly) continue;
      expect(await picture(graph, thread_id, { singly }), `history after step ${index}, ${step.kind}`).toEqual(
        await picture(memory, thread_id, { singly }),
      );
    }
  }
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
