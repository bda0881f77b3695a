import { Command, MemorySaver, StateGraph, StateSchema } from "@langchain/langgraph";
import { beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { notDone } from "../../src/kit/effects/not-done.ts";
import { toolNode } from "../../src/kit/nodes/tool-node.ts";
import type { EffectPort } from "../../src/kit/ports.ts";
import { compensate } from "../../src/kit/tool/compensate.ts";
import type { ReviewValue } from "../../src/protocol/interrupt.ts";
import { ada, busy, failing, scripted } from "../support/scripted-tool.ts";
import { openToolScene, type ToolScene } from "../support/tool-scene.ts";

let scene: ToolScene;
beforeEach(() => {
  scene = openToolScene();
});

test("a change of the world is one effect, whose id all attempts share; `once` is attempted a single time", async () => {
  const repeatable = scripted([busy, ada], { name: "repeatable", effect: "idempotent" });
  await scene.within(() => repeatable.tool.call({ id: 1 }, { key: "a" }));
  expect(repeatable.calls).toHaveLength(2);
  expect(new Set(repeatable.calls.map(({ effect_id }) => effect_id)).size).toBe(1);
  const { tool, calls } = scripted([busy, ada], { name: "once", effect: "once" });
  expect((await scene.failing(() => tool.call({ id: 1 }))).code).toBe("effect_in_doubt");
  expect(calls).toHaveLength(1);
  expect(scene.effects.recorded).toMatchObject([
    { name: "repeatable", key: "a", args: { id: 1 }, status: "receipt", result: { name: "Ada" } },
    { name: "once", status: "intent", error: "once failed: it went wrong" },
  ]);
});

test("what happens once is attempted again where it surely did not happen", async () => {
  const closed = () => {
    throw notDone(new Error("the till is closed"));
  };
  const { tool, calls } = scripted([closed, failing({ code: "ECONNREFUSED" }), ada], { name: "pay", effect: "once" });
  expect(await scene.within(() => tool.call({ id: 1 }))).toEqual({ name: "Ada" });
  expect(calls).toHaveLength(3);
  const failed = scripted([closed], { name: "lend", effect: "once" });
  const error = await scene.failing(() => failed.tool.call({ id: 1 }));
  expect(error.message).toBe("lend failed 3 times: the till is closed");
  expect(scene.effects.recorded.map(({ name, status, attempts }) => [name, status, attempts])).toEqual([
    ["pay", "receipt", 3],
    ["lend", "not_done", 3],
  ]);
  const limited = scripted([ada], { name: "give", effect: "once", rate: { limit: 1, per_ms: 3_600_000 } });
  await scene.within(() => limited.tool.call({ id: 1 }, { key: "a" }));
  for (let time = 0; time < 2; time += 1)
    expect((await scene.failing(() => limited.tool.call({ id: 2 }, { key: "b" }))).code).toBe("rate_limited");
  expect(limited.calls).toHaveLength(1);
});

test("what happens once is not attempted again where its ledger throws what it failed by", async () => {
  const effects: EffectPort = {
    perform: (_request, execute) => execute({ effect_id: "e", signal: new AbortController().signal }),
  };
  const { tool, calls } = scripted([busy, ada], { effect: "once" });
  const error = await scene.failing(() => tool.call({ id: 1 }), { effects });
  expect([error.code, error.facts["attempts"], calls.length]).toEqual(["tool_failed", 1, 1]);
});

test("what is held back happens when its time has come, if who started the run may still do it then", async () => {
  const { tool, calls } = scripted([ada], { effect: "once", hold_back: "10m", permission: "refunds:pay" });
  const begunAt = scene.now();
  await scene.within(() => tool.call({ id: 1 }));
  expect([scene.now() - begunAt, calls.length]).toEqual([600_000, 1]);
  let asked = 0;
  const may = async () => {
    asked += 1;
    return asked === 1;
  };
  expect((await scene.failing(() => tool.call({ id: 2 }, { key: "b" }), { may })).code).toBe("permission_denied");
  expect([asked, calls.length]).toEqual([2, 1]);
});

test("the ledger does not show what is redacted", async () => {
  const { tool } = scripted([ada], { effect: "idempotent", redact: ["/card"] });
  await scene.within(() => tool.call({ id: 1, card: "4111 1111" }));
  expect(scene.effects.recorded[0]?.args).toEqual({ id: 1, card: "[redacted]" });
});

test.each([
  ["does not fit its schema", () => ({ nom: "Ada" }), /\/name: /],
  ["is no JSON", () => ({ name: 1n }), /cannot be written as JSON/],
  ["contains itself", () => circular(), /cannot be written as JSON/],
  ["is endless", () => ({ name: "x".repeat(10_000_001) }), /10000012 characters/],
])("an effect whose result %s has happened, is not repeated, and says so each time", async (_what, give, says) => {
  const { tool, calls } = scripted([give], { effect: "idempotent" });
  for (let time = 0; time < 2; time += 1) {
    const error = await scene.failing(() => tool.call({ id: 1 }));
    expect(error.message).toMatch(/has happened and is not repeated/);
    expect(error.message).toMatch(says);
    expect(error.facts).toMatchObject({ class: "tool", tool: "find" });
  }
  expect(calls).toHaveLength(1);
  expect(scene.effects.recorded).toMatchObject([{ status: "receipt", attempts: 1 }]);
});

function circular() {
  const self: Record<string, unknown> = {};
  self["name"] = self;
  return self;
}

test("a call is undone once, by an effect of its own", async () => {
  const undone: unknown[] = [];
  const { tool } = scripted([ada], {
    effect: "once",
    compensate: async (args, result, { effect_id }) => void undone.push({ args, result, isKnown: effect_id !== "" }),
  });
  const result = await scene.within(() => tool.call({ id: 1 }, { key: "k" }));
  for (let time = 0; time < 2; time += 1)
    await scene.within(() => compensate(tool, { args: { id: 1 }, result, key: "k" }));
  expect(undone).toEqual([{ args: { id: 1 }, result: { name: "Ada" }, isKnown: true }]);
  expect(scene.effects.recorded.map(({ key, kind }) => [key, kind])).toEqual([
    ["k", "once"],
    ["k:undo", "once"],
  ]);
  const plain = scripted([ada], { effect: "once" }).tool;
  await expect(compensate(plain, { args: { id: 1 }, result })).rejects.toThrow(/declares no compensate/);
});

test("in a graph a person is asked about what may have happened once, and their answer is the result", async () => {
  const { tool, calls } = scripted([busy], { effect: "once", timeout_ms: 1_000 });
  const State = new StateSchema({ outcomes: z.any() });
  const options = { tools: [tool], into: "outcomes", calls: () => [{ tool: "find", args: { id: 1 } }] } as const;
  const graph = new StateGraph(State)
    .addNode("call", toolNode<typeof State.State>(options))
    .addEdge("__start__", "call")
    .compile({ checkpointer: new MemorySaver() });
  const config = { configurable: { thread_id: "t" } };
  const paused = await scene.within(() => graph.invoke({}, config));
  const [asked] = (paused as unknown as { __interrupt__: [{ value: ReviewValue }] }).__interrupt__;
  expect([asked.value.holdpoint, calls.length, paused.outcomes]).toEqual(["review", 1, undefined]);
  const { value_digest } = asked.value;
  const decisions = [{ action: 0, type: "respond", value: { happened: { name: "Eve" } } }];
  const { outcomes } = await scene.within(() =>
    graph.invoke(new Command({ resume: { value_digest, decisions } }), config),
  );
  expect(outcomes).toMatchObject([{ ok: true, result: { name: "Eve" }, from: "stored", attempts: 0 }]);
  expect(calls).toHaveLength(1);
});
