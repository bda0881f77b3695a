import { AIMessage, type ToolMessage } from "@langchain/core/messages";
import { StateGraph, StateSchema } from "@langchain/langgraph";
import { beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { kitClock } from "../../src/kit/clock.ts";
import { type ToolNodeOptions, toolNode } from "../../src/kit/nodes/tool-node.ts";
import { toLangChainTool } from "../../src/kit/tool/langchain-tool.ts";
import { defineTool, type Tool } from "../../src/kit/tool/tool.ts";
import { HoldpointError } from "../../src/protocol/errors.ts";
import { asks, broken, type NodeScene, type NodeState, openNodeScene, shortly } from "../support/tool-node-scene.ts";

let scene: NodeScene = openNodeScene();
beforeEach(() => {
  scene = openNodeScene();
});
const made: NodeScene["made"] = (...given) => scene.made(...given);
const run: NodeScene["run"] = (...given) => scene.run(...given);

test("what only reads is called side by side, what changes something in its order", async () => {
  const tools = [made("a", "read"), made("b", "read"), made("c", "idempotent"), made("d", "once"), made("e", "read")];
  const calls = () => tools.map(({ name }) => ({ tool: name, args: { text: name } }));
  const { outcomes } = await run({ tools, calls });
  expect(scene.log.slice(0, 2)).toEqual(["a begins", "b begins"]);
  expect(scene.log.slice(4)).toEqual(["c begins", "c ends", "d begins", "d ends", "e begins", "e ends"]);
  expect(shortly(outcomes)).toEqual(["a ok", "b ok", "c ok", "d ok", "e ok"]);
});

test("each call leaves an outcome and an entry of the trail, the failed ones too, and no secret", async () => {
  const secret = defineTool({
    name: "pay",
    description: "Pays.",
    input: z.object({ card: z.string(), cents: z.number() }),
    output: z.object({ paid: z.number() }),
    effect: "idempotent",
    redact: ["/card"],
    cost: 2,
    run: ({ cents }) => ({ paid: cents }),
  });
  const tools = [secret, made("down", "read", broken)];
  const calls = () => [
    { tool: "pay", args: { card: "4111 1111", cents: 5 } },
    { tool: "down", args: { text: "" } },
    { tool: "down", args: { texts: "" } },
  ];
  const { outcomes, trail } = await run({ tools, calls });
  const pay = { tool: "pay", ok: true, attempts: 1, from: "live", cost: 2, call_id: "tools-0-1" };
  expect(outcomes).toMatchObject([
    { ...pay, args: { card: "[redacted]", cents: 5 }, result: { paid: 5 }, error: null, step: null },
    { tool: "down", ok: false, result: null, error: { class: "provider", message: "down failed: it is down" } },
    { tool: "down", ok: false, attempts: 0, error: { class: "validation" } },
  ]);
  expect(trail).toMatchObject([
    { kind: "tool", ...pay, class: null, message: null },
    { kind: "tool", ok: false, class: "provider", message: "down failed: it is down", attempts: 1 },
    { kind: "tool", ok: false, class: "validation" },
  ]);
  const again = await run({ tools, calls: () => calls().slice(0, 1) });
  expect(again.outcomes).toMatchObject([{ from: "stored", cost: null, attempts: 0, result: { paid: 5 } }]);
});

test("a result that no state can hold is a failure of its call", async () => {
  const big = defineTool({
    name: "big",
    description: "Counts far.",
    input: z.object({}),
    output: z.bigint(),
    effect: "read",
    run: () => 9_007_199_254_740_993n,
  });
  const { outcomes } = await run({ tools: [big], calls: () => [{ tool: "big", args: {} }] });
  const message = "big was called, and its result cannot be written as JSON";
  expect(outcomes).toMatchObject([{ ok: false, result: null, attempts: 1, error: { class: "tool", message } }]);
});

test("an error about the run ends the node, once the calls beside it have ended", async () => {
  const lost = () => {
    throw new HoldpointError("lease_lost", "the lease is lost");
  };
  const tools = [
    made("lost", "read", lost),
    made("slow", "read", () =>
      kitClock()
        .sleep(5)
        .then(() => ({ text: "" })),
    ),
  ];
  const calls = () => tools.map(({ name }) => ({ tool: name, args: { text: "" } }));
  await expect(run({ tools, calls })).rejects.toMatchObject({ code: "lease_lost" });
  expect(scene.log).toContain("slow ends");
});

test("a tool that is not there is a mistake of the graph's author", async () => {
  await expect(run({ tools: [made("a", "read")], calls: () => [{ tool: "b", args: {} }] })).rejects.toThrow(
    /no tool "b"; there are a/,
  );
});

const CHAIN_TOOLS = () => [
  made("plan", "read", ({ text }) => ({ text: `plan of ${text}` })),
  made("enrich", "read", broken),
  made("book", "once", ({ text }) => ({ text: `booked ${text}` })),
];
const PLAN = { tool: "plan", args: ({ question }: NodeState) => ({ text: question }) };

test("a chain gives each step what those before gave, and goes on past an optional one that fails", async () => {
  const chain = [
    PLAN,
    { tool: "enrich", args: () => ({ text: "" }), required: false },
    { step: "never", tool: "plan", args: () => ({ text: "" }), when: () => false },
    {
      tool: "book",
      args: (_state: NodeState, { plan, enrich }: Record<string, { text: string }>) => ({
        text: `${plan?.text} ${enrich?.text ?? "alone"}`,
      }),
    },
  ];
  const { outcomes } = await run({ tools: CHAIN_TOOLS(), chain }, { question: "x" });
  expect(outcomes.map(({ step, ok }) => [step, ok])).toEqual([
    ["plan", true],
    ["enrich", false],
    ["book", true],
  ]);
  expect(outcomes[2]?.result).toEqual({ text: "booked plan of x alone" });
});

test("a required step that fails ends the chain, with what was done so far", async () => {
  const chain = [PLAN, { tool: "enrich", args: () => ({ text: "" }) }, { tool: "book", args: () => ({ text: "" }) }];
  const { outcomes } = await run({ tools: CHAIN_TOOLS(), chain });
  expect(shortly(outcomes)).toEqual(["plan ok", "enrich failed"]);
  expect(scene.log).not.toContain("book begins");
});

test("a step whose arguments cannot be made has failed by a bug, and is not called", async () => {
  const reading = (_state: NodeState, { enrich }: Record<string, { text: string }>) => ({ text: enrich!.text });
  const chain = [
    { tool: "enrich", args: () => ({ text: "" }), required: false },
    { tool: "book", args: reading },
  ];
  const { outcomes } = await run({ tools: CHAIN_TOOLS(), chain });
  expect(outcomes[1]).toMatchObject({ step: "book", ok: false, attempts: 0, error: { class: "bug" } });
  expect(scene.log).not.toContain("book begins");
});

test("calls of the last message are answered by messages, each with the id it came with", async () => {
  const tools = [made("find.row", "read"), made("down", "read", broken)];
  const message = asks(["find_row", { text: "x" }], ["down", { text: "y" }]);
  const { messages, outcomes } = await run({ tools }, { messages: [message] });
  expect(messages.map(({ tool_call_id, name, status, content }) => [tool_call_id, name, status, content])).toEqual([
    ["c0", "find.row", "success", '{"text":"find.row"}'],
    ["c1", "down", "error", "down failed: it is down"],
  ]);
  expect(outcomes.map(({ call_id }) => call_id)).toEqual(["c0", "c1"]);
  expect((await run({ tools }, { messages: [] })).outcomes).toEqual([]);
});

test("calls of messages that cannot be made are each refused, and none of the others is made", async () => {
  const tools = [made("a", "read"), made("b", "once")];
  const many = asks(["a", { text: "" }], ["a", { text: "" }], ["b", { text: "" }], ["x", { text: "" }]);
  const { messages } = await run({ tools }, { messages: [many] });
  expect(messages.map(({ status, content }) => [status, content])).toEqual(
    Array(4).fill(["error", 'there is no tool "x"; there are a, b']),
  );
  const twice = new AIMessage({
    content: "",
    tool_calls: [1, 2].map(() => ({ id: "same", name: "b", args: { text: "" } })),
  });
  expect(shortly((await run({ tools }, { messages: [twice] })).outcomes)).toEqual(["b ok", "b failed"]);
  expect(scene.log).toEqual(["b begins", "b ends"]);
  const invalid_tool_calls = [{ id: "c", name: "a", args: "{", error: "", type: "invalid_tool_call" as const }];
  const half = await run({ tools }, { messages: [new AIMessage({ content: "", invalid_tool_calls })] });
  expect(half.messages.map(({ content }) => content)).toEqual(["its arguments are no JSON"]);
});

test("in a graph the calls are named by node and step, and a state without a trail drops that part", async () => {
  const Shown = new StateSchema({ outcomes: z.any() });
  const node = toolNode<typeof Shown.State>({
    tools: [made("a", "once")],
    into: "outcomes",
    calls: () => [{ tool: "a", args: { text: "" } }],
  });
  const graph = new StateGraph(Shown).addNode("call", node).addEdge("__start__", "call").compile();
  const { outcomes } = await scene.within(() => graph.invoke({}));
  expect(outcomes).toMatchObject([{ call_id: "call-1-1", ok: true }]);
});

test("a tool is given to LangChain's agents under the same terms", async () => {
  const tool = toLangChainTool(made("find.row", "once"));
  expect(tool.name).toBe("find_row");
  const call = { type: "tool_call" as const, id: "c7", name: "find_row", args: { text: "x" } };
  const message = (await scene.within(() => tool.invoke(call))) as ToolMessage;
  expect([message.content, message.tool_call_id]).toEqual(['{"text":"find.row"}', "c7"]);
  expect(scene.effects.recorded).toMatchObject([{ key: "find.row:c7", status: "receipt" }]);
  const error = await scene.failing(() => tool.invoke({ ...call, id: "c8", args: { texts: 1 } }));
  expect(error.message).toMatch(/text/);
  const list = { ...made("list", "read"), input: z.array(z.string()) };
  expect(() => toLangChainTool(list as unknown as Tool)).toThrow(/takes no object/);
});

test.each<[string, Partial<ToolNodeOptions<NodeState>>, RegExp]>([
  ["no tools", { tools: [] }, /has no tools/],
  ["two ways", { calls: () => [], choose: "rules" }, /more than one of/],
  ["more than three calls", { most: 4 }, /allows 4 calls a query; give 1 to 3/],
  ["no query", { choose: "model" }, /by which query/],
  ["no rules", { choose: "rules", query: () => "" }, /by rules and has none/],
  ["a rule for another tool", { rules: [{ tool: "z", args: () => 1 }] }, /the tool "z", which is none of a/],
  ["a chain of another tool", { chain: [{ tool: "z", args: () => 1 }] }, /the tool "z", which is none of a/],
  ["an empty chain", { chain: [] }, /a chain of 0 steps/],
  ["a chain of equal steps", { chain: [1, 2].map(() => ({ tool: "a", args: () => 1 })) }, /two steps "a"/],
  ["tools that are one to a model", { tools: [made("a.b", "read"), made("a_b", "read")] }, /"a.b" and "a_b" are one/],
])("a tool node with %s is refused when it is made", (_what, options, says) => {
  expect(() => toolNode<NodeState>({ tools: [made("a", "read")], into: "outcomes", ...options })).toThrow(says);
});
