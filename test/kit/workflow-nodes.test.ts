import { beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { configureModels } from "../../src/kit/models/model.ts";
import { analysed } from "../../src/kit/nodes/analysis.ts";
import { fallbackResult } from "../../src/kit/nodes/fallback-result.ts";
import { answerSchema } from "../../src/kit/nodes/synthesise.ts";
import { defineTool } from "../../src/kit/tool/tool.ts";
import { workflow } from "../../src/kit/workflow/workflow.ts";
import { findingSchema } from "../../src/protocol/finding.ts";
import { toolOutcomeSchema } from "../../src/protocol/tool-outcome.ts";
import { withTestPorts } from "../../src/testing.ts";

beforeEach(() => configureModels({}));

const request = z.object({ city: z.string() });
const flow = workflow({
  name: "weather",
  description: "Says what it is like.",
  version: "1.0.0",
  input: { text: z.string() },
  state: {
    request: analysed(request).nullable().default(null),
    findings: z.array(findingSchema).default([]),
    score: z.number().default(0),
    outcomes: z.array(toolOutcomeSchema).default([]),
    wind: fallbackResult(z.string()).nullable().default(null),
    answer: answerSchema.nullable().default(null),
  },
});

const look = defineTool({
  name: "look",
  description: "Looks out of the window.",
  input: request,
  output: z.string(),
  effect: "read",
  run: ({ city }) => `sun in ${city}`,
});

const graph = flow.graph({
  nodes: {
    read: flow.analysis({
      into: "request",
      schema: request,
      prompt: ({ text }) => text,
      without_model: ({ text }) => ({ city: text }),
    }),
    check: flow.validation({
      value: ({ request }) => request?.value,
      rules: [{ name: "known", text: "Nobody knows this city.", check: () => false }],
      into: "findings",
      score_into: "score",
      thresholds: [{ severity: "critical", to: "end" }],
      otherwise: "call",
    }),
    call: flow.toolNode({
      tools: [look],
      into: "outcomes",
      calls: ({ request }) => [{ tool: "look", args: request?.value }],
    }),
    feel: flow.fallback({
      into: "wind",
      steps: [
        { rung: "full", run: () => undefined },
        { rung: "degraded", run: () => "some" },
      ],
    }),
    say: flow.synthesise({
      into: "answer",
      question: ({ text }) => text,
      outcomes: ({ outcomes }) => outcomes,
      without_model: (sources) => sources.map(({ id }) => ({ text: "The sun shines.", sources: [id] })),
    }),
  },
  edges: { start: "read", read: "check", call: "feel", feel: "say", say: "end" },
});

test("what the kit's nodes give fits the schemas that the kit gives for it, and stands on the trail", async () => {
  const done = await withTestPorts({}, async () => await graph.compile().invoke({ text: "Riga" }));
  expect(done).toMatchObject({
    request: { value: { city: "Riga" }, method: "rules" },
    findings: [{ code: "known", severity: "medium" }],
    outcomes: [{ tool: "look", ok: true, result: "sun in Riga" }],
    wind: { value: "some", rung: "degraded", degraded: true, failures: [{ step: "full" }] },
    answer: { text: expect.stringContaining("The sun shines."), method: "rules" },
  });
  expect(done.trail.map(({ kind, node }) => `${kind} ${node}`)).toEqual([
    "analysis read",
    "route check",
    "tool call",
    "fallback feel",
    "analysis say",
  ]);
});

const pass = () => ({});
const chooses = { routes: ["end"], choose: () => ({ to: "end", reason: "" }) };
const ways = { choices: { end: "Always." }, text: () => "", fallback: "end" };
const steps = [
  { rung: "full", run: pass },
  { rung: "degraded", run: pass },
];
const pays = { into: "request", action: "pay", on: { approve: "end", edit: "end", reject: "end" } };
const rule = { name: "known", text: "", check: () => true };

// As a workflow comes whose types nobody has checked.
test.each<[factory: string, make: keyof typeof flow | "workflow", given: readonly unknown[], option: string]>([
  ["analysis", "analysis", [{ into: "request", min_confidnce: 1 }], "min_confidnce"],
  ["validation", "validation", [{ into: "findings", rules: [rule], score_in: "score" }], "score_in"],
  ['the rule "known" of validation', "validation", [{ rules: [{ ...rule, timeout: 1 }] }], "timeout"],
  [
    "a threshold of validation",
    "validation",
    [{ rules: [rule], thresholds: [{ severty: "low", to: "end" }] }],
    "severty",
  ],
  ["toolNode", "toolNode", [{ tools: [look], into: "outcomes", call: () => [] }], "call"],
  [
    'a step of toolNode ("look")',
    "toolNode",
    [{ tools: [look], chain: [{ tool: "look", optional: true }] }],
    "optional",
  ],
  ['a rule of toolNode ("look")', "toolNode", [{ tools: [look], rules: [{ tool: "look", keyword: [] }] }], "keyword"],
  ["reviewNode", "reviewNode", [{ ...pays, editable_path: ["/amount"] }], "editable_path"],
  ["names of reviewNode", "reviewNode", [{ ...pays, names: { exeucte: "pay" } }], "exeucte"],
  ["execution of reviewNode", "reviewNode", [{ ...pays, execution: { timeout: 1 } }], "timeout"],
  ["route", "route", [{ ...chooses, otherwise: "end" }], "otherwise"],
  ["route", "route", [{ ...ways, min_confidnce: 1 }], "min_confidnce"],
  ["route", "route", [{ chose: chooses.choose, routes: ["end"] }], "chose"],
  ["a threshold of route", "route", [{ score: () => 1, thresholds: [{ above: 1, to: "end" }] }], "above"],
  ["parallel", "parallel", [{ branches: { one: { run: pass } }, into: "findings", timeout_ms: 1 }], "timeout_ms"],
  ['the branch "one" of parallel', "parallel", [{ branches: { one: { run: pass, timeout: 1 } } }], "timeout"],
  ["fallback", "fallback", [{ into: "wind", steps, cached: {} }], "cached"],
  ['the step "full" of fallback', "fallback", [{ steps: [{ rung: "full", timeout: 1 }] }], "timeout"],
  ["cache of fallback", "fallback", [{ steps, cache: { ttl: 1 } }], "ttl"],
  ["synthesise", "synthesise", [{ into: "answer", instruction: "In Latvian." }], "instruction"],
  ["flow.node", "node", [pass, { retries: 3 }], "retries"],
  ["retry of flow.node", "node", [pass, { retry: { max: 3 } }], "max"],
  ["workflow", "workflow", [{ name: "wide", policy: { guarded: true } }], "policy"],
  ["graph", "graph", [{ nodes: {}, egdes: {} }], "egdes"],
])("%s refuses an option that there is not", (factory, make, given, option) => {
  const made = (make === "workflow" ? workflow : flow[make]) as (...given: unknown[]) => unknown;
  expect(() => made(...given)).toThrow(`${factory} has no option "${option}"; there are `);
});

test("a graph is not built where nodes write keys that the state has not; all of them are told at once", () => {
  const made = flow as unknown as Record<string, (...given: unknown[]) => object>;
  const nodes = {
    read: made["analysis"]!({ into: "requst" }),
    check: made["validation"]!({ into: "finding", score_into: "scores", rules: [rule] }),
    lead: made["node"]!(made["validation"]!({ into: "found", rules: [rule], thresholds: [], otherwise: "end" }), {}),
    call: made["toolNode"]!({ tools: [look], into: "trail" }),
    feel: made["fallback"]!({ into: "wnd", steps }),
    say: made["synthesise"]!({}),
    pay: made["reviewNode"]!({ ...pays, into: "paymnet" }),
    look: made["parallel"]!({ branches: { one: { run: pass } }, into: "findngs" }),
  };
  const build = () => made["graph"]!({ nodes, edges: { start: "read" } });
  const told = [
    ["read", "requst", "into"],
    ["check", "finding", "into"],
    ["check", "scores", "score_into"],
    ["lead", "found", "into"],
    ["call", "trail", "into"],
    ["call", "messages", "messages"],
    ["feel", "wnd", "into"],
    ["pay", "paymnet", "into"],
    ["look", "findngs", "into"],
  ].map(([node, key, option]) => `node "${node}" writes "${key}" (its ${option}), which is no key of the state: text,`);
  for (const part of [...told, 'node "say" does not say which key of the state it writes; give it into'])
    expect(build, part).toThrow(part);
});
