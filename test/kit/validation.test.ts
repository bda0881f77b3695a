import { type Command, StateGraph, StateSchema } from "@langchain/langgraph";
import { beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { EXITS } from "../../src/kit/node.ts";
import type { Rule } from "../../src/kit/nodes/rule.ts";
import { type ValidationOptions, type ValidationRoutes, validation } from "../../src/kit/nodes/validation.ts";
import type { Finding } from "../../src/protocol/finding.ts";
import { openToolScene, type ToolScene } from "../support/tool-scene.ts";

interface State {
  order: unknown;
  findings: Finding[];
  score: number;
}
interface Order {
  amount: number;
  note?: string;
}

const schema: z.ZodType<Order> = z.object({ amount: z.number(), note: z.string().optional() });
let scene: ToolScene;
beforeEach(() => {
  scene = openToolScene();
});

const rule = (check: Rule<Order>["check"], more: Partial<Rule<Order>> = {}): Rule<Order> => ({
  name: "high_amount",
  text: "The amount is high.",
  check,
  ...more,
});

/** What a validation of these rules finds. */
async function findings(rules: readonly Rule<Order>[], order: unknown = { amount: 5 }): Promise<Finding[]> {
  const node = validation<State, z.ZodType<Order>>({ value: ({ order }) => order, schema, rules, into: "findings" });
  const state = { order, findings: [], score: 0 };
  return (await scene.within(async () => await node(state, {})))["findings"] as Finding[];
}

test("what a schema finds carries its place, and rules of what does not fit are not applied and have not passed", async () => {
  let applied = 0;
  const counting = rule(() => {
    applied += 1;
    return true;
  });
  expect(await findings([{ ...counting, severity: "critical" }], { amount: "5", note: 7 })).toMatchObject([
    { code: "schema", severity: "high", score: 0.75, path: "/amount", text: expect.stringMatching(/^\/amount: /) },
    { code: "schema", path: "/note" },
    { code: "high_amount", severity: "critical", score: 1, text: expect.stringContaining("does not fit its schema") },
  ]);
  expect(applied).toBe(0);
  expect(await findings([counting])).toEqual([]);
});

test("a rule says yes, no, what is wrong, or each thing that it has found", async () => {
  expect(await findings([rule(() => false)])).toEqual([
    { code: "high_amount", severity: "medium", score: 0.5, text: "The amount is high." },
  ]);
  expect(await findings([rule(({ amount }) => `${amount} is high.`, { score: 0.9 })])).toMatchObject([
    { text: "5 is high.", score: 0.9 },
  ]);
  const several = rule(async () => [{ severity: "info" }, { score: 0.1, path: "/amount" }], { severity: "high" });
  expect(await findings([several])).toEqual([
    { code: "high_amount", severity: "info", score: 0, text: "The amount is high." },
    { code: "high_amount", severity: "high", score: 0.1, text: "The amount is high.", path: "/amount" },
  ]);
});

test.each<[string, Rule<Order>["check"], RegExp]>([
  [
    "throws",
    () => {
      throw new Error("no table");
    },
    /no table/,
  ],
  [
    "rejects",
    async () => {
      throw new TypeError("x of undefined");
    },
    /x of undefined/,
  ],
  [
    "throws no error",
    () => {
      throw "nothing";
    },
    /threw string/,
  ],
  ["never answers", () => new Promise(() => {}), /nothing came within 5000 ms/],
  ["answers with nothing", () => undefined as never, /answered undefined/],
  ["answers with a number", () => 0 as never, /answered 0/],
  ["weighs with a word of its own", () => ({ severity: "grave" }) as never, /weighs its finding "grave"/],
  ["scores beyond the scale", () => ({ score: 7 }), /scores its finding 7/],
])("a rule that %s has failed, which is a finding of its own weight and never a pass", async (_what, check, why) => {
  const found = await findings([rule(check, { severity: "critical" }), rule(() => false, { name: "other" })]);
  expect(found).toMatchObject([
    { code: "high_amount", severity: "critical", score: 1, text: expect.stringMatching(/^the rule failed: /) },
    { code: "other", severity: "medium" },
  ]);
  expect(found[0]?.text).toMatch(why);
});

test("rules that wait do so side by side, each for its own time", async () => {
  const begunAt = scene.now();
  const slow = (name: string, timeout_ms: number) => rule(() => new Promise(() => {}), { name, timeout_ms });
  expect(await findings([slow("a", 400), slow("b", 900), slow("c", 900)])).toHaveLength(3);
  expect(scene.now() - begunAt).toBe(900);
});

type Routed = Partial<ValidationOptions<State>> & Partial<ValidationRoutes<"refuse" | "propose" | "execute">>;

/** Where findings of these scores lead. */
async function route(found: readonly { severity?: Finding["severity"]; score?: number }[], more: Routed = {}) {
  const node = validation<State, "refuse" | "propose" | "execute">({
    value: ({ order }) => order,
    rules: [{ name: "given", text: "Given.", check: () => found }],
    into: "findings",
    score_into: "score",
    thresholds: [
      { severity: "critical", to: "refuse" },
      { score: 0.4, to: "propose" },
    ],
    otherwise: "execute",
    ...more,
  });
  const state = { order: {}, findings: [], score: 0 };
  const command = (await scene.within(async () => await node(state, {}))) as Command<unknown, Record<string, unknown>>;
  return { to: command.goto, ...(command.update as { score: number; trail: Record<string, unknown>[] }) };
}

test("the first threshold that is reached leads the way, with its reason on record", async () => {
  expect(await route([])).toMatchObject({ to: ["execute"], score: 0 });
  const proposed = await route([{ score: 0.39 }, { score: 0.4 }]);
  expect(proposed).toMatchObject({ to: ["propose"], score: 0.4 });
  expect(proposed.trail).toEqual([
    { kind: "route", node: "", to: "propose", by: "thresholds", reason: "the score 0.4 is at least 0.4", score: 0.4 },
  ]);
  const refused = await route([{ score: 0.4 }, { severity: "critical", score: 0.1 }]);
  expect(refused).toMatchObject({ to: ["refuse"], trail: [{ reason: "given is critical" }] });
  expect(await route([{ score: 0.39 }, { score: 0.3 }])).toMatchObject({ to: ["execute"], score: 0.39 });
});

test("scores are combined as declared", async () => {
  const found = [{ score: 0.3 }, { score: 0.2 }, { score: 0.1 }];
  expect((await route(found, { combine: "sum" })).to).toEqual(["propose"]);
  expect((await route([{ score: 0.9 }, { score: 0.9 }], { combine: "sum" })).score).toBe(1);
  expect((await route(found, { combine: "mean" })).score).toBeCloseTo(0.2);
  expect((await route(found, { combine: (scores) => scores.length / 10 })).score).toBe(0.3);
  await expect(route(found, { combine: () => 7 })).rejects.toThrow(/no number from 0 to 1/);
  await expect(route(found, { combine: () => Number.NaN })).rejects.toThrow(/no number from 0 to 1/);
});

test("a threshold of both asks for both", async () => {
  const thresholds = [{ severity: "high", score: 0.8, to: "refuse" }] as const;
  expect((await route([{ severity: "high", score: 0.7 }], { thresholds })).to).toEqual(["execute"]);
  expect((await route([{ severity: "low", score: 0.9 }], { thresholds })).to).toEqual(["execute"]);
  expect((await route([{ severity: "critical", score: 0.8 }], { thresholds })).to).toEqual(["refuse"]);
});

test("a plain graph goes where the findings lead", async () => {
  const Shown = new StateSchema({ amount: z.number(), findings: z.any(), went: z.string().optional() });
  const check = validation<typeof Shown.State, "pay" | "stop">({
    value: ({ amount }) => amount,
    schema: z.number().max(100),
    into: "findings",
    thresholds: [{ severity: "info", to: "stop" }],
    otherwise: "pay",
  });
  const graph = new StateGraph(Shown)
    .addNode("check", check, { ends: [...check[EXITS]] })
    .addNode("pay", () => ({ went: "pay" }))
    .addNode("stop", () => ({ went: "stop" }))
    .addEdge("__start__", "check")
    .compile();
  expect((await graph.invoke({ amount: 5 })).went).toBe("pay");
  expect(await graph.invoke({ amount: 500 })).toMatchObject({ went: "stop", findings: [{ code: "schema", path: "" }] });
});

test.each<[string, object, RegExp]>([
  ["nothing to check", { schema: undefined }, /checks nothing/],
  ["a rule of a strange name", { rules: [rule(() => true, { name: "Too High" })] }, /a rule "Too High"/],
  ["two rules of one name", { rules: [rule(() => true), rule(() => true)] }, /two rules "high_amount"/],
  ["thresholds alone", { thresholds: [{ score: 1, to: "a" }] }, /both or neither/],
  ["a threshold of nothing", { thresholds: [{ to: "a" }], otherwise: "b" }, /goes to "a" whatever is found/],
  ["a threshold of a strange severity", { thresholds: [{ severity: "grave", to: "a" }], otherwise: "b" }, /"grave"/],
  ["a threshold beyond the scale", { thresholds: [{ score: 40, to: "a" }], otherwise: "b" }, /the score 40/],
])("a validation with %s is refused when it is made", (_what, options, says) => {
  expect(() => validation({ value: () => 1, schema, into: "findings", ...options } as never)).toThrow(says);
});
