import { END, START, StateGraph, StateSchema } from "@langchain/langgraph";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { configureModels } from "../../src/kit/models/model.ts";
import { type RouteOptions, route } from "../../src/kit/nodes/route.ts";
import { workflow } from "../../src/kit/workflow/workflow.ts";
import { type OpenAIServer, startOpenAIServer } from "../support/openai-server.ts";

const flow = workflow({
  name: "routed",
  description: "Goes one way or another.",
  version: "1.0.0",
  input: { amount: z.number(), text: z.string().default("") },
  state: { went: z.string().nullable().default(null) },
});

/** Which way it went, and what is on record of it. */
async function way(
  options: RouteOptions<typeof flow.State, "small" | "large" | "end", typeof flow.Update>,
  input: { amount: number; text?: string },
) {
  const graph = flow.graph({
    nodes: { choose: flow.route(options), small: () => ({ went: "small" }), large: () => ({ went: "large" }) },
    edges: { start: "choose", small: "end", large: "end" },
  });
  const { went, trail } = await graph.compile().invoke({ text: "", ...input });
  return { went, trail };
}

const on = (to: string, by: string, reason: unknown, score: number | null = null) => [
  { kind: "route", node: "choose", to, by, reason, score },
];

describe("a route", () => {
  const byRule: RouteOptions<typeof flow.State, "small" | "large" | "end", typeof flow.Update> = {
    routes: ["small", "large", "end"],
    choose: ({ amount }) => {
      if (amount === 0) return { to: "end", reason: "there is nothing to do" };
      return amount > 10 ? { to: "large", reason: "it is over 10" } : { to: "small", reason: "it is not" };
    },
  };

  test("is chosen by rules, which say why", async () => {
    expect(await way(byRule, { amount: 11 })).toEqual({
      went: "large",
      trail: on("large", "condition", "it is over 10"),
    });
    expect(await way(byRule, { amount: 0 })).toEqual({ went: null, trail: on("end", "condition", expect.any(String)) });
  });

  const byScore: RouteOptions<typeof flow.State, "small" | "large" | "end", typeof flow.Update> = {
    score: ({ amount }) => amount,
    thresholds: [
      { at_least: 1, to: "small" },
      { at_least: 10, to: "large" },
    ],
    otherwise: "end",
  };

  test.each([
    [10, "large", "10 is at least 10"],
    [9.99, "small", "9.99 is at least 1"],
    [0, null, "0 is below every threshold"],
  ])("is chosen by a score: %d", async (amount, went, reason) => {
    expect(await way(byScore, { amount })).toEqual({ went, trail: on(went ?? "end", "score", reason, amount) });
  });

  test("is not chosen by a score that is no number: it would pass for the lowest", async () => {
    const broken = { ...byScore, score: () => Number.NaN };
    await expect(way(broken, { amount: 1 })).rejects.toMatchObject({
      code: "invalid",
      message: expect.stringContaining("was given the score NaN"),
    });
  });

  test("brings along what the rules have found out", async () => {
    const { went } = await way(
      { routes: ["small", "large", "end"], choose: () => ({ to: "end", reason: "", update: { went: "nowhere" } }) },
      { amount: 1 },
    );
    expect(went).toBe("nowhere");
  });

  test("is refused where rules choose what is not among the routes", async () => {
    const strange = { routes: ["small", "large"] as const, choose: () => ({ to: "end" as "small", reason: "" }) };
    await expect(way(strange, { amount: 1 })).rejects.toThrow(/chose "end", which is none of small, large/);
  });

  test("works in a plain StateGraph", async () => {
    const State = new StateSchema({ amount: z.number(), went: z.string().optional() });
    const choose = route({
      routes: ["small", END],
      choose: ({ amount }: typeof State.State) => ({ to: amount > 1 ? END : "small", reason: "" }),
    });
    const graph = new StateGraph(State)
      .addNode("choose", choose, { ends: ["small", END] })
      .addNode("small", () => ({ went: "small" }))
      .addEdge(START, "choose")
      .addEdge("small", END)
      .compile();
    expect(await graph.invoke({ amount: 1 })).toMatchObject({ went: "small" });
    expect(await graph.invoke({ amount: 2 })).toMatchObject({ went: undefined });
  });
});

describe("a classified route", () => {
  let server: OpenAIServer;
  beforeAll(async () => {
    server = await startOpenAIServer();
  });
  afterAll(async () => {
    configureModels({});
    await server.close();
  });

  const byModel: RouteOptions<typeof flow.State, "small" | "large" | "end", typeof flow.Update> = {
    choices: { small: "It is about little.", large: "It is about much.", end: "It is about nothing." },
    text: ({ text }) => text,
    fallback: "large",
    min_confidence: 0.6,
  };

  test("takes its fallback where there is no model, and says so", async () => {
    configureModels({});
    const reason = "no model is configured (OPENAI_API_KEY)";
    expect(await way(byModel, { amount: 1 })).toEqual({ went: "large", trail: on("large", "classifier", reason) });
  });

  test.each([
    ["what a sure model says", { choice: "small", reason: "a crumb", confidence: 0.9 }, "small", "a crumb", 0.9],
    [
      "its fallback when the model is unsure",
      { choice: "small", reason: "hm", confidence: 0.2 },
      "large",
      /only 20 % sure of "small": hm/,
      0.2,
    ],
    [
      "its fallback when the model names no route",
      { choice: "elsewhere", reason: "", confidence: 1 },
      "large",
      /could not be used/,
      null,
    ],
  ])("takes %s", async (_what, answer, went, reason, score) => {
    configureModels({ apiKey: "test", baseUrl: server.url, firstWaitMs: 1 });
    server.script({ json: answer });
    const told = typeof reason === "string" ? reason : expect.stringMatching(reason);
    expect(await way(byModel, { amount: 1, text: "a crumb" })).toEqual({
      went,
      trail: on(went, "classifier", told, score),
    });
  });
});
