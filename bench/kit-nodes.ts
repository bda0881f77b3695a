import { MemorySaver, START, StateGraph, StateSchema } from "@langchain/langgraph";
import { z } from "zod";
import { analysed } from "../src/kit/nodes/analysis.ts";
import { defineTool } from "../src/kit/tool/tool.ts";
import { workflow } from "../src/kit/workflow/workflow.ts";
import { findingSchema } from "../src/protocol/finding.ts";
import { withTestPorts } from "../src/testing.ts";
import { InstantModel } from "./kit-model.ts";
import type { Row } from "./table.ts";

// A chain of equal nodes: what a run costs beside its nodes is spread over them, and is the same for both.
const NODES = 10;
const BLOCKS = 20;

const Read = z.object({ amount: z.number(), reason: z.string() });
const answer = { amount: 5, reason: "asked for" };
const State = {
  text: z.string().default(""),
  count: z.number().default(0),
  read: analysed(Read).optional(),
  found: z.array(findingSchema).default([]),
};
type Chain = { invoke(input: object, config: object): Promise<unknown> };
type Node = (state: { text: string; count: number }) => Promise<object> | object;

const flow = workflow({
  name: "bench",
  description: "A chain of equal nodes.",
  version: "1",
  input: { text: State.text },
  state: { count: State.count, read: State.read, found: State.found },
});
const chat = new InstantModel(answer);
const rate = async ({ id }: { id: number }) => ({ rate: id });
const tool = defineTool({
  name: "bench.rate",
  description: "Gives a rate.",
  input: z.object({ id: z.number() }),
  output: z.object({ rate: z.number() }),
  effect: "read",
  run: rate,
});
const byHand = chat.withStructuredOutput(Read, { name: "read" });
const rules = [
  { name: "has_text", check: ({ text }: { text: string }) => text !== "" || "it has no text" },
  { name: "not_much", check: ({ count }: { count: number }) => count < 100 || "it is too much" },
];
const Checked = z.object({ text: z.string(), count: z.number() });

/** What each kind of node does with the kit, and by hand. */
const KINDS: Record<string, { kit: unknown; hand: Node }> = {
  "a function": {
    kit: flow.node((state) => ({ count: state.count + 1 })),
    hand: ({ count }) => ({ count: count + 1 }),
  },
  "an analysis": {
    kit: flow.analysis({
      into: "read",
      schema: Read,
      prompt: (state) => ({ system: "Read.", user: state.text }),
      model: { use: chat },
      without_model: () => answer,
    }),
    hand: async ({ text }) => {
      const messages = [
        { role: "system", content: "Read." },
        { role: "user", content: text },
      ];
      const value = Read.parse(await byHand.invoke(messages));
      return {
        read: { value, method: "model", model: "instant", confidence: 1, attempts: 1, note: "", failure: null },
      };
    },
  },
  "a validation": {
    kit: flow.validation({
      value: ({ text, count }) => ({ text, count }),
      schema: Checked,
      rules: rules as never,
      into: "found",
    }),
    hand: (state) => {
      const { success, data } = Checked.safeParse(state);
      const wrong = success ? rules.filter(({ check }) => check(data) !== true) : [];
      return { found: wrong.map(({ name }) => ({ code: name })) };
    },
  },
  "a tool that reads": {
    kit: flow.node(async ({ count }) => ({ count: (await tool.call({ id: count })).rate })),
    hand: async ({ count }) => ({ count: (await rate({ id: count })).rate }),
  },
};

/** Processor time of a node of the kit beside the same node by hand. */
export async function measureNodes({ quick }: { quick: boolean }): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [kind, { kit, hand }] of Object.entries(KINDS)) {
    const own = await processorTime(kitChain(kit), handChain(hand), quick ? 5 : 25);
    const more = own.kit - own.hand;
    const figure = `${more.toFixed(0)} µs (${(own.kit / own.hand).toFixed(2)} ×: ${own.kit.toFixed(0)} / ${own.hand.toFixed(0)})`;
    rows.push({ what: `the kit's overhead a node, processor time, ${kind}`, figure, expected: "≤ 150 µs" });
  }
  return rows;
}

function kitChain(node: unknown): Chain {
  const names = Array.from({ length: NODES }, (_, at) => `step_${at}`);
  // A node function is drawn once: each step is one of its own around it.
  const step = () => Object.assign((...given: unknown[]) => (node as (...given: unknown[]) => unknown)(...given), node);
  const nodes = Object.fromEntries(names.map((name) => [name, step()]));
  const edges = Object.fromEntries([["start", names[0]], ...names.map((name, at) => [name, names[at + 1] ?? "end"])]);
  return compiled(flow.graph({ nodes, edges } as never) as never);
}

function handChain(node: Node): Chain {
  const graph = new StateGraph(new StateSchema(State)) as unknown as {
    addNode(name: string, node: Node): void;
    addEdge(from: string, to: string): void;
  };
  for (let at = 0; at < NODES; at += 1) {
    graph.addNode(`step_${at}`, node);
    graph.addEdge(at === 0 ? START : `step_${at - 1}`, `step_${at}`);
  }
  return compiled(graph as never);
}

function compiled(graph: { compile(options: object): Chain }): Chain {
  const checkpointer = new MemorySaver();
  const chain = graph.compile({ checkpointer });
  let runs = 0;
  return {
    async invoke(input, config) {
      runs += 1;
      const thread_id = String(runs);
      await chain.invoke(input, { ...config, configurable: { thread_id } });
      await checkpointer.deleteThread(thread_id);
    },
  };
}

/** Microseconds a node of either: the median of blocks that take turns, so that a slow moment is a slow moment of both. */
async function processorTime(kit: Chain, hand: Chain, rounds: number): Promise<{ kit: number; hand: number }> {
  const block = async (chain: Chain) => {
    const before = process.cpuUsage();
    await withTestPorts({}, async () => {
      for (let round = 0; round < rounds; round += 1) await chain.invoke({ text: "Refund five." }, {});
    });
    const { user, system } = process.cpuUsage(before);
    return (user + system) / (rounds * NODES);
  };
  const samples = { kit: [] as number[], hand: [] as number[] };
  for (let at = -5; at < BLOCKS; at += 1) {
    const one = { kit: await block(kit), hand: await block(hand) };
    if (at < 0) continue;
    samples.kit.push(one.kit);
    samples.hand.push(one.hand);
  }
  const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;
  return { kit: median(samples.kit), hand: median(samples.hand) };
}
