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
import { review } from "../../src/kit/review.ts";
import { workflow } from "../../src/kit/workflow.ts";
import { GRAPH_MARK } from "../../src/protocol/graph-mark.ts";
import type { TrailEntry } from "../../src/protocol/trail.ts";

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

const routed = (reason: string): TrailEntry => ({
  kind: "route",
  node: "step",
  to: "step",
  by: "condition",
  reason,
  score: null,
});

/** A graph that comes back to its first node until it has counted up, and asks at 5. */
function counting(loop_limit: 3 | 10 | 20 = 10) {
  const counter = workflow({
    ...words,
    input: { upto: z.number() },
    state: { count: z.number().default(0) },
    policies: { loop_limit },
  });
  const step = counter.node(
    async ({ count, upto }) => {
      if (count === 5)
        await review({ key: "on", title: "Go on?", actions: [{ name: "on", args: {}, schema: z.object() }] });
      const next = count + 1;
      return new Command({
        goto: next < upto ? "step" : "end",
        update: { count: next, trail: [routed(`to ${next}`)] },
      });
    },
    { exits: ["step", "end"] },
  );
  return counter
    .graph({ nodes: { first: () => ({ count: 0 }), step }, edges: { start: "first", first: "step" } })
    .compile({ checkpointer: new MemorySaver() });
}

async function approve(graph: ReturnType<typeof counting>) {
  const [task] = (await graph.getState(thread)).tasks;
  const value_digest = (task?.interrupts[0]?.value as { value_digest: string } | undefined)?.value_digest;
  return await graph.invoke(new Command({ resume: { value_digest, decisions: [{ type: "approve" }] } }), thread);
}

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

describe("the loop limit", () => {
  test("ends a loop at the node that has run too often, and a new input begins to count anew", async () => {
    const graph = counting(3);
    expect(await graph.invoke({ upto: 3 }, thread)).toMatchObject({ count: 3 });
    await expect(graph.invoke({ upto: 4 }, thread)).rejects.toMatchObject({
      code: "loop_limit",
      facts: { node: "step", count: 3, limit: 3 },
    });
    // Going on is no new input: what was counted counts.
    await expect(graph.invoke(null, thread)).rejects.toMatchObject({ code: "loop_limit" });
    expect(await graph.invoke({ upto: 3 }, thread)).toMatchObject({ count: 3 });
  });

  test("counts through a pause and its answer", async () => {
    const graph = counting(10);
    await graph.invoke({ upto: 20 }, thread);
    expect((await graph.getState(thread)).next).toEqual(["step"]);
    await expect(approve(graph)).rejects.toMatchObject({ code: "loop_limit", facts: { count: 10 } });
    expect((await graph.getState(thread)).values).toMatchObject({ count: 10 });
  });

  test("is reached before LangGraph's own limit of steps", async () => {
    const graph = counting(20);
    await graph.invoke({ upto: 30 }, thread);
    await expect(approve(graph)).rejects.toMatchObject({ code: "loop_limit", facts: { count: 20 } });
  });

  test("takes many executions of a node in one step for one round", async () => {
    const { Send } = await import("@langchain/langgraph");
    const fan = flow.node(() => new Command({ goto: Array.from({ length: 30 }, () => new Send("leaf", {})) }), {
      exits: ["leaf"],
    });
    const graph = flow
      .graph({ nodes: { fan, leaf: () => ({ log: "x" }) }, edges: { start: "fan", leaf: "end" } })
      .compile();
    expect((await graph.invoke({ upto: 1 })).log).toHaveLength(30);
  });
});

describe("the trail", () => {
  test("is added to through pauses and answers, and emptied by a new input", async () => {
    const graph = counting(20);
    expect((await graph.invoke({ upto: 7 }, thread)).trail).toHaveLength(5);
    expect((await approve(graph)).trail.map((entry) => entry.kind === "route" && entry.reason)).toEqual(
      [1, 2, 3, 4, 5, 6, 7].map((count) => `to ${count}`),
    );
    expect((await graph.invoke({ upto: 2 }, thread)).trail).toHaveLength(2);
  });

  test("keeps the last 200 entries", async () => {
    const many = Array.from({ length: 250 }, (_, place) => routed(`number ${place}`));
    const { trail } = await giving({ trail: many }).invoke({ upto: 1 }, thread);
    expect(trail).toHaveLength(200);
    expect(trail[0]).toMatchObject({ reason: "number 50" });
  });
});
