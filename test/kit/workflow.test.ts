import {
  Annotation,
  Command,
  END,
  MemorySaver,
  Overwrite,
  ReducedValue,
  START,
  StateGraph,
} from "@langchain/langgraph";
import { getInputTypeSchema, getOutputTypeSchema, getStateTypeSchema } from "@langchain/langgraph/zod/schema";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { workflow } from "../../src/kit/workflow/workflow.ts";
import { GRAPH_MARK } from "../../src/protocol/graph-mark.ts";

const thread = { configurable: { thread_id: "1" } };
const words = { name: "counting", description: "Counts.", version: "1.0.0" };

const flow = workflow({
  ...words,
  input: { upto: z.number() },
  state: {
    count: z.number().default(0),
    person: z
      .object({ name: z.string().min(1) })
      .nullable()
      .default(null),
    log: new ReducedValue(z.array(z.string()).default([]), {
      inputSchema: z.string(),
      reducer: (all: string[], next: string) => [...all, next],
    }),
  },
});

/** A graph of one node that gives this, whatever the compiler would say of it. */
const giving = (result: unknown) =>
  flow
    .graph({ nodes: { one: (() => result) as () => undefined }, edges: { start: "one", one: "end" } })
    .compile({ checkpointer: new MemorySaver() });

describe("workflow()", () => {
  test("makes a plain StateGraph that runs in a unit test, and shows nothing of the kit's own books", async () => {
    const builder = flow.graph({
      nodes: {
        step: flow.node(async ({ count }) => ({ count: count + 1, log: `at ${count}` })),
        name: ({ count }) => ({ person: { name: `number ${count}` } }),
      },
      edges: { start: "step", step: "name", name: "end" },
    });
    expect(builder).toBeInstanceOf(StateGraph);
    const graph = builder.compile({ checkpointer: new MemorySaver() });
    const values = { upto: 1, count: 1, person: { name: "number 1" }, log: ["at 0"], trail: [] };
    expect(await graph.invoke({ upto: 1 }, thread)).toEqual(values);
    expect((await graph.getState(thread)).values).toEqual(values);
    const seen = [];
    for await (const chunk of await graph.stream(
      { upto: 1 },
      { ...thread, streamMode: ["values", "updates", "tasks"] },
    ))
      seen.push(chunk);
    expect(JSON.stringify(seen)).not.toContain("holdpoint");
    expect([graph.name, graph.description]).toEqual([words.name, words.description]);
  });

  test("states its policies and its version where the loader finds them", () => {
    const policies = {
      guarded: true,
      durability: "async",
      concurrency: 2,
      timeout_ms: 1000,
      budget: { tokens: 5 },
    } as const;
    const graph = workflow({ ...words, input: {}, state: {}, policies: { ...policies, loop_limit: 3 } }).graph({
      nodes: { one: () => undefined },
      edges: { start: "one", one: "end" },
    });
    const { guarded, ...rest } = policies;
    const mark = { ...words, guarded, policies: rest, examples: [] };
    expect((graph as { [GRAPH_MARK]?: unknown })[GRAPH_MARK]).toEqual(mark);
  });

  test("tells the form of its input, and the kit's keys only where they can be read", () => {
    const input = { email: z.string(), count: z.number().optional() };
    const made = workflow({ ...words, input, state: { answer: z.string() }, output: { answer: z.string() } });
    const graph = made.graph({ nodes: { one: () => ({ answer: "" }) }, edges: { start: "one", one: "end" } }).compile();
    const properties = (schema: unknown) => Object.keys((schema as { properties: object }).properties);
    expect(properties(getInputTypeSchema(graph))).toEqual(["email", "count"]);
    expect(properties(getOutputTypeSchema(graph))).toEqual(["answer"]);
    expect(properties(getStateTypeSchema(graph))).toEqual(["email", "count", "answer", "trail"]);
  });

  test("lets a policy of time hold where a node says nothing of its own", async () => {
    const slow = workflow({ ...words, input: {}, state: {}, policies: { node_timeout_ms: 5 } });
    const never = async () => await new Promise<undefined>(() => {});
    const graph = slow.graph({ nodes: { one: never }, edges: { start: "one", one: "end" } }).compile();
    await expect(graph.invoke({})).rejects.toMatchObject({ name: "NodeTimeoutError" });
  });

  test("takes a graph for a node, which has rounds and a trail of its own", async () => {
    const inner = workflow({ ...words, input: { upto: z.number() }, state: { count: z.number().default(0) } });
    const step = inner.route({
      routes: ["step", "end"],
      choose: ({ count, upto }) => ({
        to: count + 1 < upto ? "step" : "end",
        reason: "on",
        update: { count: count + 1 },
      }),
    });
    const counter = inner.graph({ nodes: { step }, edges: { start: "step" } }).compile();
    const outer = flow.graph({
      nodes: { counter, last: ({ count }) => ({ log: `${count}` }) },
      edges: { start: "counter", counter: "last", last: "end" },
    });
    expect(await outer.compile().invoke({ upto: 9 })).toMatchObject({ count: 9, log: ["9"] });
  });

  test("refuses to be built with everything that is wrong with it, at once", () => {
    const wrong = workflow({
      ...words,
      input: { email: z.string() },
      state: { trail: z.string() },
      output: { nothing: z.string() },
      policies: { loop_limit: 21 as 20, durability: "exit" as "sync", timeout_ms: 0 },
      examples: [{ name: "bad", input: { email: 1 as never } }],
    });
    const node = wrong.node(() => new Command({ goto: "elsewhere" }), { exits: ["elsewhere"] });
    const build = () =>
      wrong.graph({
        nodes: { email: () => undefined, lonely: () => undefined, node },
        edges: { begin: "email", email: ["gone", "end"], node: "lonely" },
      } as never);
    for (const part of [
      'the state key "trail" is the kit\'s',
      'the output "nothing" is no key of the state',
      "policies.loop_limit",
      "policies.durability",
      "policies.timeout_ms",
      'the example "bad".email',
      '"email" is a key of the state',
      'edges has no "start"',
      'node "lonely" has no edge',
      'an edge from "begin", which is no node',
      'an edge from "email" to "gone"',
      'node "node" chooses itself',
      'node "node" may go to "elsewhere"',
    ]) {
      expect(build, part).toThrow(part);
    }
    expect(build).toThrow(expect.objectContaining({ code: "graph_invalid" }));
  });
});

describe("what a node gives", () => {
  // What LangGraph does with such a key: nothing, and nobody is asked.
  const State = Annotation.Root({ amount: Annotation<number>, paid: Annotation<boolean> });
  const careless = {
    check: (): object => ({ needs_review: true }),
    route: (state: object) => "needs_review" in state,
  };

  test("an undeclared state key skips the review in LangGraph, and here it is refused by name", async () => {
    const bare = new StateGraph(State)
      .addNode("check", careless.check)
      .addNode("ask", () => ({ paid: false }))
      .addNode("pay", () => ({ paid: true }))
      .addEdge(START, "check")
      .addConditionalEdges("check", (state) => (careless.route(state) ? "ask" : "pay"), ["ask", "pay"])
      .addEdge("ask", END)
      .addEdge("pay", END);
    expect(await bare.compile().invoke({ amount: 1 })).toMatchObject({ paid: true });

    const paying = workflow({ ...words, input: { amount: z.number() }, state: { paid: z.boolean().optional() } });
    const choose = paying.node((state) => new Command({ goto: careless.route(state) ? "ask" : "pay" }), {
      exits: ["ask", "pay"],
    });
    const graph = paying.graph({
      nodes: {
        check: careless.check,
        choose,
        ask: () => ({ paid: false }),
        pay: () => ({ paid: true }),
      },
      edges: { start: "check", check: "choose", ask: "end", pay: "end" },
    });
    await expect(graph.compile().invoke({ amount: 1 })).rejects.toMatchObject({
      code: "unknown_state_key",
      message: expect.stringContaining('node "check" gives the key "needs_review"'),
      facts: { node: "check", key: "needs_review", keys: ["amount", "paid", "trail"] },
    });
  });

  test.each([
    ["an update", { count: 1, kount: 1 }],
    ["a key without a value", { kount: undefined }],
    ["a command", new Command({ update: { kount: 1 } })],
    ["a command with pairs", new Command({ update: [["kount", 1]] as never })],
    ["a list of commands", [new Command({ update: { count: 1 } }), new Command({ update: { kount: 1 } })]],
    ["a list of both", [new Command({ update: { count: 1 } }), { kount: 1 }]],
    ["the kit's own books", { holdpoint: { rounds: {} } }],
    ["what every object has", { toString: 1 }],
  ])("is refused for a key that the state has not, in %s, and nothing of it is written", async (_where, result) => {
    const graph = giving(result);
    await expect(graph.invoke({ upto: 1 }, thread)).rejects.toMatchObject({ code: "unknown_state_key" });
    expect((await graph.getState(thread)).values).toMatchObject({ count: 0, person: null });
  });

  test.each([
    ["a value", { count: 1, person: { name: "" } }, "/person/name"],
    ["a type", { count: "1" }, "/count"],
    ["a command's value", new Command({ update: { count: 1, person: { name: 1 } } }), "/person/name"],
    ["a reducer's value", { count: 1, log: 5 }, "/log"],
    ["a value in place of a reducer's", { log: new Overwrite([5]) }, "/log/0"],
    ["anything but an object", "count", ""],
  ])("is refused for %s that the state does not take, with node and path", async (_what, result, path) => {
    const graph = giving(result);
    await expect(graph.invoke({ upto: 1 }, thread)).rejects.toMatchObject({
      code: "invalid",
      message: expect.stringMatching(new RegExp(`node "one".*${path}`)),
    });
    expect((await graph.getState(thread)).values).toMatchObject({ count: 0, person: null, log: [] });
  });

  test("changes nothing where it is undefined, and is taken as LangGraph takes it otherwise", async () => {
    const values = async (result: unknown) =>
      (await giving(result).invoke({ upto: 1, count: 7 } as never, thread)) as object;
    expect(await values(undefined)).toMatchObject({ upto: 1, count: 0 });
    expect(await values({ upto: undefined, count: 2 })).toMatchObject({ upto: 1, count: 2 });
    expect(await values([new Command({ update: { count: 3 } }), { log: "a" }])).toMatchObject({ count: 3, log: ["a"] });
    expect(await values({ log: new Overwrite(["a", "b"]) })).toMatchObject({ log: ["a", "b"] });
  });

  test.each([
    ["is no node", "elsewhere"],
    ["is none of its exits", "one"],
    ["is none of its exits", "end"],
  ])("is refused where it goes to what %s", async (what, goto) => {
    const lost = flow.node(() => new Command({ goto: goto as "two" }), { exits: ["two"] });
    const graph = flow
      .graph({ nodes: { one: lost, two: () => undefined }, edges: { start: "one", two: "end" } })
      .compile();
    await expect(graph.invoke({ upto: 1 })).rejects.toMatchObject({
      code: "graph_invalid",
      message: expect.stringContaining(`node "one" goes to "${goto}", which ${what}`),
    });
  });
});
