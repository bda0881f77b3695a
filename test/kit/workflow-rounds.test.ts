import { Command, MemorySaver, ReducedValue, Send } from "@langchain/langgraph";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { review } from "../../src/kit/review/review.ts";
import { workflow } from "../../src/kit/workflow/workflow.ts";
import type { TrailEntry } from "../../src/protocol/trail.ts";

const thread = { configurable: { thread_id: "1" } };
const words = { name: "counting", description: "Counts.", version: "1.0.0" };

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
    const flow = workflow({ ...words, input: {}, state: {}, policies: { loop_limit: 20 } });
    const nodes = { ping: () => undefined, pong: () => undefined };
    const graph = flow.graph({ nodes, edges: { start: "ping", ping: "pong", pong: "ping" } }).compile();
    await expect(graph.invoke({})).rejects.toMatchObject({ code: "loop_limit", facts: { node: "ping", count: 20 } });
  });

  test("takes many executions of a node in one step for one round", async () => {
    const marks = new ReducedValue(z.array(z.string()).default([]), {
      inputSchema: z.string(),
      reducer: (all: string[], next: string) => [...all, next],
    });
    const flow = workflow({ ...words, input: {}, state: { marks }, policies: { loop_limit: 2 } });
    const fan = flow.node(() => new Command({ goto: Array.from({ length: 30 }, () => new Send("leaf", {})) }), {
      exits: ["leaf"],
    });
    const again = flow.route({
      routes: ["fan", "end"],
      choose: ({ marks }) => ({ to: marks.length < 60 ? "fan" : "end", reason: "" }),
    });
    const nodes = { fan, again, leaf: () => ({ marks: "x" }) };
    const graph = flow.graph({ nodes, edges: { start: "fan", leaf: "again" } }).compile();
    expect((await graph.invoke({})).marks).toHaveLength(60);
  });
});

describe("a state", () => {
  const lines = new ReducedValue(z.array(z.string()).default([]), {
    inputSchema: z.string(),
    reducer: (all: string[], next: string) => [...all, next],
  });
  const graphOf = (fresh: boolean) => {
    const state = { found: z.string().nullable().default(null), lines, kept: z.string().optional() };
    const input = { text: z.string(), found: z.string().nullable().optional() };
    const flow = workflow({ ...words, input, state, policies: { fresh } });
    const one = flow.node(({ text }) =>
      text === "first" ? { found: text, lines: text, kept: text } : { lines: text },
    );
    return flow
      .graph({ nodes: { one }, edges: { start: "one", one: "end" } })
      .compile({ checkpointer: new MemorySaver() });
  };

  test.each([
    [true, { found: null, lines: ["second"], kept: "first" }],
    [false, { found: "first", lines: ["first", "second"], kept: "first" }],
  ])("begins anew with each input where its workflow says so (%s)", async (fresh, values) => {
    const graph = graphOf(fresh);
    await graph.invoke({ text: "first" }, thread);
    expect(await graph.invoke({ text: "second" }, thread)).toMatchObject(values);
    expect(await graph.invoke({ text: "third", found: "given" }, thread)).toMatchObject({ found: "given" });
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
    const flow = workflow({ ...words, input: { upto: z.number() }, state: {} });
    const graph = flow
      .graph({ nodes: { one: () => ({ trail: many }) }, edges: { start: "one", one: "end" } })
      .compile();
    const { trail } = await graph.invoke({ upto: 1 });
    expect(trail).toHaveLength(200);
    expect(trail[0]).toMatchObject({ reason: "number 50" });
  });
});
