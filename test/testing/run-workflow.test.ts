import { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessageChunk } from "@langchain/core/messages";
import { START, StateGraph, StateSchema } from "@langchain/langgraph";
import { expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { effect } from "../../src/kit/effects/effect.ts";
import { analysed } from "../../src/kit/nodes/analysis.ts";
import { defineTool } from "../../src/kit/tool/tool.ts";
import { workflow } from "../../src/kit/workflow/workflow.ts";
import { findingSchema } from "../../src/protocol/finding.ts";
import { happened, runGraph, scriptedModel, tryAgain, type Verdict } from "../../src/testing.ts";

const Wish = z.object({ amount: z.number(), confidence: z.number() });
const stock = defineTool({
  name: "shop.stock",
  description: "Gives what is there.",
  input: z.object({}),
  output: z.object({ left: z.number() }),
  effect: "read",
  run: async () => ({ left: 0 }),
});
const flow = workflow({
  name: "wishes",
  description: "Reads a wish, looks and checks.",
  version: "1.0.0",
  input: { text: z.string() },
  state: {
    wish: analysed(Wish).optional(),
    left: z.number().default(0),
    findings: z.array(findingSchema).default([]),
  },
});
const graph = flow.graph({
  nodes: {
    read: flow.analysis({
      into: "wish",
      schema: Wish,
      prompt: ({ text }) => ({ system: "Read the wish.", user: text }),
      without_model: () => ({ amount: 0, confidence: 1 }),
    }),
    look: flow.node(async () => ({ left: (await stock.call({})).left })),
    check: flow.validation({
      value: ({ wish }) => wish?.value,
      schema: z.object({ amount: z.number().max(5) }),
      into: "findings",
    }),
  },
  edges: { start: "read", read: "look", look: "check", check: "end" },
});
const input = { text: "Ten of them, please." };
const usage = { input_tokens: 100, output_tokens: 20 };

test("a workflow is run with its nodes, its trail and its accounts; a busy model is asked again without waiting", async () => {
  const model = scriptedModel([
    { status: 429, headers: { "retry-after": "20" } },
    { text: "Sure!", usage },
    { json: { amount: 10, confidence: 0.9 }, usage },
  ]);
  const run = await runGraph(graph, input, { model, tools: { "shop.stock": { left: 3 } } });
  expectTypeOf(run.values.left).toEqualTypeOf<number>();
  expect(run.values).toMatchObject({
    left: 3,
    wish: { method: "model", value: { amount: 10 }, confidence: 0.9, attempts: 3 },
  });
  expect(run.values.findings).toHaveLength(1);
  expect(run.trail).toMatchObject([{ kind: "analysis", node: "read", method: "model", attempts: 3 }]);
  expect(run.uses.map(({ node, input_tokens, output_tokens }) => [node, input_tokens, output_tokens])).toEqual([
    ["read", 100, 20],
    ["read", 100, 20],
  ]);
  expect(model.left).toBe(0);
});

test("without a model the rules read, and say so", async () => {
  const run = await runGraph(graph, input);
  expect(run.values.wish).toMatchObject({ method: "rules", value: { amount: 0 } });
  expect(run.trail).toMatchObject([{ kind: "analysis", method: "rules" }]);
});

/** A model of another provider than OpenAI: it takes tools, and has LangChain's own way to answers of a shape. */
class OtherModel extends BaseChatModel {
  override _llmType() {
    return "other";
  }
  override bindTools(tools: object[]) {
    return this.withConfig({ tools } as object);
  }
  override async _generate(_messages: unknown, options: this["ParsedCallOptions"]) {
    const [bound] = (options as { tools?: { function: { name: string } }[] }).tools ?? [];
    const args = { amount: 4, confidence: 1 };
    const tool_calls = [{ id: "call", name: bound?.function.name ?? "", args }];
    const message = new AIMessageChunk({ content: "", tool_calls, usage_metadata: { ...usage, total_tokens: 120 } });
    return { generations: [{ text: "", message }] };
  }
}

test("a chat model of any provider may be given", async () => {
  const run = await runGraph(graph, input, { model: new OtherModel({}) });
  expect(run.values.wish).toMatchObject({ method: "model", value: { amount: 4 } });
  expect(run.uses).toHaveLength(1);
});

test.each<[string, Verdict, { done: unknown[]; attempts: number }]>([
  ["happened", happened("paid"), { done: ["paid"], attempts: 1 }],
  ["is to be tried again", tryAgain(), { done: ["done 2"], attempts: 2 }],
])("a person says of an effect of which nobody knows that it %s", async (_what, verdict, { done, attempts }) => {
  let calls = 0;
  const run = async () => {
    calls += 1;
    if (calls === 1) throw new Error("lost");
    return `done ${calls}`;
  };
  const send = new StateGraph(new StateSchema({ done: z.array(z.string()).default([]) }))
    .addNode("send", async () => ({ done: [await effect({ name: "send", kind: "once", args: {}, run })] }))
    .addEdge(START, "send");
  const ended = await runGraph(send, {}, { reviewers: [verdict] });
  expect(ended.questions).toMatchObject([{ key: "effect_in_doubt" }]);
  expect(ended.values.done).toEqual(done);
  expect(ended.effects).toMatchObject([{ attempts }]);
});

test("an input that the graph does not take is told with its place", async () => {
  const says = new StateGraph(new StateSchema({ text: z.string() })).addNode("x", () => ({})).addEdge(START, "x");
  await expect(runGraph(says, { text: 5 } as never)).rejects.toThrow(/^input \/text: .*expected string/);
  const shaped = workflow({
    name: "hello",
    description: "Greets.",
    version: "1.0.0",
    input: { employee: z.string(), more: z.object({ days: z.int() }) },
    state: {},
  });
  const greets = shaped.graph({ nodes: { greet: () => undefined }, edges: { start: "greet", greet: "end" } });
  const run = runGraph(greets, { employee: 1, more: { days: "two" } } as never);
  await expect(run).rejects.toThrow(/^input \/employee: .*received number; input \/more\/days: /);
  await expect(runGraph(greets, "hello" as never)).rejects.toThrow("input: the input of this graph must be a JSON");
});
