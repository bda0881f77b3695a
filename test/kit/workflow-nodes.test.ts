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
