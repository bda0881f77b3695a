import { randomUUID } from "node:crypto";
import { Command, END, GraphInterrupt, MemorySaver, START, StateGraph, StateSchema } from "@langchain/langgraph";
import { RemoteGraph } from "@langchain/langgraph/remote";
import { afterAll, beforeAll, expect, it } from "vitest";
import { z } from "zod";
import { collect } from "../support/collect.ts";
import { openServer, type TestServer } from "./server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await openServer();
});
afterAll(async () => await server.close());

const remote = (graphId: string) => new RemoteGraph({ graphId, url: server.listening.url, apiKey: "" });
const onThread = (thread_id: string = randomUUID()) => ({ configurable: { thread_id } });

it("runs a graph elsewhere on a thread that nobody has made before, and reads its state", async () => {
  const words = remote("http-words");
  const config = onThread();
  expect(await words.invoke({ text: "a" }, config)).toEqual({ text: "A!", log: ["upper", "mark"] });
  const state = await words.getState(config);
  expect(state).toMatchObject({ values: { text: "A!" }, next: [], metadata: { graph_id: "http-words" } });
  expect(state.config.configurable).toMatchObject(config.configurable);
  const history = await collect(words.getStateHistory(config));
  expect(history.map(({ next }) => next)).toEqual([[], ["mark"], ["upper"], ["__start__"]]);
  const older = await words.getState(history[1]?.config as never);
  expect(older).toMatchObject({ next: ["mark"], values: { text: "A" } });
});

it("edits the state of a graph elsewhere, and goes on from there", async () => {
  const words = remote("http-words");
  const config = onThread();
  await words.invoke({ text: "a" }, config);
  const edited = await words.updateState(config, { text: "edited" }, "upper");
  expect(edited.configurable).toMatchObject({ ...config.configurable, checkpoint_id: expect.any(String) });
  expect(await words.getState(config)).toMatchObject({ next: ["mark"], values: { text: "edited" } });
  expect(await words.invoke(null, config)).toMatchObject({ text: "edited!" });
});

it("streams a graph elsewhere, by mode and with what is inside of it", async () => {
  const updates = await collect(await remote("http-words").stream({ text: "b" }, { streamMode: "updates" }));
  expect(updates).toMatchObject([{ upper: { text: "B" } }, { mark: { text: "B!" } }]);
  const options = { streamMode: ["values", "updates"], subgraphs: true } as never;
  const parts = (await collect(await remote("http-nested").stream({ text: "c" }, options))) as unknown[][];
  const inner = parts.filter(([namespace]) => (namespace as string[])[0]?.startsWith("inner:"));
  expect(inner.map(([, mode]) => mode)).toEqual(expect.arrayContaining(["values", "updates"]));
  expect(parts.at(-1)).toMatchObject([[], "values", { text: "C!" }]);
});

it("describes a graph elsewhere, and what is inside of it", async () => {
  const nested = remote("http-nested");
  expect(Object.keys((await nested.getGraphAsync()).nodes)).toEqual(["__start__", "inner", "__end__"]);
  const inside = await collect(nested.getSubgraphsAsync());
  expect(inside.map(([name]) => name)).toEqual(["inner"]);
});

it("throws what a graph elsewhere throws, and pauses where it pauses", async () => {
  await expect(remote("http-fail").invoke({ text: "x" })).rejects.toThrow(/Boo!/);
  const ask = remote("http-ask");
  const config = onThread();
  await expect(ask.invoke({ text: "sure?" }, config)).rejects.toThrow(GraphInterrupt);
  expect(await ask.getState(config)).toMatchObject({ next: ["ask"], tasks: [{ name: "ask" }] });
  const [question] = ((await ask.getState(config)).tasks[0]?.interrupts ?? []) as { interrupt_id: string }[];
  const resume = new Command({ resume: { [question?.interrupt_id as string]: "yes" } });
  expect(await ask.invoke(resume, config)).toMatchObject({ answers: ["yes"] });
});

it("is a node of a graph that runs here", async () => {
  const State = new StateSchema({ text: z.string(), log: z.array(z.string()).default([]) });
  const here = new StateGraph(State)
    .addNode("first", () => ({ text: "d" }))
    .addNode("elsewhere", remote("http-words") as never)
    .addEdge(START, "first")
    .addEdge("first", "elsewhere")
    .addEdge("elsewhere", END)
    .compile({ checkpointer: new MemorySaver() });
  expect(await here.invoke({ text: "" }, onThread())).toEqual({ text: "D!", log: ["upper", "mark"] });
});

it("shows as a node what is asked elsewhere, and pauses the graph here", async () => {
  const State = new StateSchema({ text: z.string(), answers: z.array(z.unknown()).default([]) });
  const here = new StateGraph(State)
    .addNode("elsewhere", remote("http-ask") as never)
    .addEdge(START, "elsewhere")
    .addEdge("elsewhere", END)
    .compile({ checkpointer: new MemorySaver() });
  const config = onThread();
  const options = { ...config, streamMode: "updates" as const, subgraphs: true as const };
  const parts = (await collect(await here.stream({ text: "sure?" }, options))) as [string[], object][];
  const asked = parts.find(([namespace, update]) => namespace.length === 0 && "__interrupt__" in update)?.[1];
  expect(asked).toMatchObject({ __interrupt__: [{ value: { question: "sure?" } }] });
  expect(await here.getState(config)).toMatchObject({ next: ["elsewhere"] });
});

it("reads the state inside of a graph elsewhere that waits there", async () => {
  const nested = remote("http-nested");
  const config = onThread();
  const options = { ...config, interruptBefore: ["inner"] };
  await nested.invoke({ text: "e" }, options as never).catch((error: unknown) => {
    if (!(error instanceof GraphInterrupt)) throw error;
  });
  const state = await nested.getState(config, { subgraphs: true });
  expect(state).toMatchObject({ next: ["inner"], tasks: [{ name: "inner" }] });
  expect(await nested.invoke(null, config)).toMatchObject({ text: "E!" });
});
