// What must not compile of the kit's own nodes; see workflow.types.ts.
import { z } from "zod";
import { analysed } from "../../src/kit/nodes/analysis.ts";
import { fallbackResult } from "../../src/kit/nodes/fallback-result.ts";
import { proposalOf } from "../../src/kit/nodes/proposal.ts";
import { answerSchema } from "../../src/kit/nodes/synthesise.ts";
import { workflow } from "../../src/kit/workflow/workflow.ts";
import { findingSchema } from "../../src/protocol/finding.ts";
import { toolOutcomeSchema } from "../../src/protocol/tool-outcome.ts";

const payment = z.object({ to: z.string(), amount: z.number() });

const flow = workflow({
  name: "typed",
  description: "For the compiler.",
  version: "1.0.0",
  input: { email: z.string() },
  state: {
    payment: proposalOf(payment),
    refusal: proposalOf(z.object({ why: z.string() })),
    amount: z.number().default(0),
    findings: z.array(findingSchema).default([]),
  },
});

const rest = {
  action: "bank.pay",
  schema: payment,
  propose: () => null,
  execute: ({ amount }: z.output<typeof payment>) => ({ amount }),
};
const on = { approve: "tell", edit: "tell", reject: "end" } as const;
const tell = flow.node(() => ({ amount: 1 }));

export const right = flow.graph({
  nodes: {
    choose: flow.route({ routes: ["pay", "pay_execute"], choose: () => ({ to: "pay", reason: "it is due" }) }),
    weigh: flow.route({ score: ({ amount }) => amount, thresholds: [{ at_least: 1, to: "look" }], otherwise: "end" }),
    pay: flow.reviewNode({ ...rest, into: "payment", on }),
    look: flow.parallel({ branches: { first: { run: async () => ({ amount: 1 }) } }, into: "findings" }),
    tell,
  },
  edges: { start: ["choose", "weigh"], look: "look_first", tell: "end" },
});

// A key that takes no such proposal, and one that the state has not.
// @ts-expect-error
flow.reviewNode({ ...rest, into: "refusal", on });
// @ts-expect-error
flow.reviewNode({ ...rest, into: "amount", on });
// @ts-expect-error
flow.reviewNode({ ...rest, into: "paymnet", on });

// An answer that is offered and leads nowhere: of the usual ones, and of those that are named.
// @ts-expect-error
flow.reviewNode({ ...rest, into: "payment", on: { approve: "tell", edit: "tell" } });
// @ts-expect-error
flow.reviewNode({ ...rest, into: "payment", allowed: ["approve", "respond"], on: { approve: "tell" } });
flow.reviewNode({ ...rest, into: "payment", allowed: ["approve", "respond"], on: { approve: "tell", respond: "end" } });

// Arguments that the schema refuses, and an update that the state does not take.
// @ts-expect-error
flow.reviewNode({ ...rest, into: "payment", on, propose: () => ({ title: "Pay", args: { to: "ACME" } }) });
// @ts-expect-error
flow.reviewNode({ ...rest, into: "payment", on, execute: () => ({ amount: "1" }) });

// A decision that leads to no node.
// @ts-expect-error
flow.graph({ nodes: { pay: flow.reviewNode({ ...rest, into: "payment", on }) }, edges: { start: "pay" } });

// A route to a node that there is not, one that is not among the routes, and an edge from one.
const byRule = flow.route({ routes: ["tell", "elsewhere"], choose: () => ({ to: "tell", reason: "" }) });
// @ts-expect-error
flow.graph({ nodes: { byRule, tell }, edges: { start: "byRule", tell: "end" } });
// @ts-expect-error
flow.route({ routes: ["tell"], choose: () => ({ to: "elsewhere", reason: "" }) });
const byScore = flow.route({ score: () => 1, thresholds: [{ at_least: 1, to: "elsewhere" }], otherwise: "end" });
// @ts-expect-error
flow.graph({ nodes: { byScore }, edges: { start: "byScore" } });
const byModel = flow.route({ choices: { tell: "It is to be told." }, text: ({ email }) => email, fallback: "tell" });
// @ts-expect-error
flow.graph({ nodes: { byModel, tell }, edges: { start: "byModel", byModel: "end", tell: "end" } });

// Branches that give what the state does not take, findings where none can go, and branches that lead nowhere.
// @ts-expect-error
flow.parallel({ branches: { first: { run: async () => ({ amuont: 1 }) } }, into: "findings" });
// @ts-expect-error
flow.parallel({ branches: { first: { run: async () => ({ amount: 1, amuont: 1 }) } }, into: "findings" });
// @ts-expect-error
flow.parallel({ branches: { first: { run: async () => ({ amount: "1" }) } }, into: "findings" });
// @ts-expect-error
flow.parallel({ branches: { first: { run: async () => ({ amount: 1 }) } }, into: "amount" });
const look = flow.parallel({ branches: { first: { run: async () => ({ amount: 1 }) } }, into: "findings" });
// @ts-expect-error
flow.graph({ nodes: { look }, edges: { start: "look" } });
// @ts-expect-error
flow.graph({ nodes: { look }, edges: { start: "look_second", look: "end" } });

// An analysis and a validation, with keys that do not take what they give.
const request = z.object({ email: z.string() });
const read = { schema: request, prompt: () => "Read it.", without_model: () => ({ email: "" }) };
const check = { value: () => 1, schema: z.number() };
const saying = { question: () => "What is it like?", outcomes: () => [], without_model: () => [] };
const reading = workflow({
  name: "reading",
  description: "For the compiler.",
  version: "1.0.0",
  input: {},
  state: {
    request: analysed(request).nullable().default(null),
    plain: request.nullable().default(null),
    findings: z.array(findingSchema).default([]),
    score: z.number().default(0),
    outcomes: z.array(toolOutcomeSchema).default([]),
    weather: fallbackResult(z.string()).nullable().default(null),
    answer: answerSchema.nullable().default(null),
  },
});
reading.graph({
  nodes: {
    read: reading.analysis({ ...read, into: "request" }),
    check: reading.validation({ ...check, into: "findings", score_into: "score" }),
    call: reading.toolNode({ tools: [], calls: () => [], into: "outcomes" }),
    look: reading.fallback({ steps: [{ rung: "full", run: () => "sun" }], into: "weather" }),
    say: reading.synthesise({ ...saying, into: "answer" }),
    choose: reading.validation({
      ...check,
      into: "findings",
      thresholds: [{ score: 1, to: "read" }],
      otherwise: "end",
    }),
  },
  edges: { start: "read", read: "check", check: "call", call: "look", look: "say", say: "choose" },
});
// @ts-expect-error
reading.toolNode({ tools: [], calls: () => [], into: "findings" });
// @ts-expect-error
reading.fallback({ steps: [{ rung: "full", run: () => 1 }], into: "weather" });
// @ts-expect-error
reading.synthesise({ ...saying, into: "weather" });
// @ts-expect-error
reading.analysis({ ...read, into: "plain" });
// @ts-expect-error
reading.analysis({ ...read, into: "request", without_model: () => ({ mail: "" }) });
// @ts-expect-error
reading.validation({ ...check, into: "score" });
const strays = reading.validation({
  ...check,
  into: "findings",
  thresholds: [{ score: 1, to: "gone" }],
  otherwise: "end",
});
// @ts-expect-error
reading.graph({ nodes: { strays }, edges: { start: "strays" } });
// @ts-expect-error
reading.route({ routes: ["end"], choose: () => ({ to: "end", reason: "", update: { score: "1" } }) });

// Rules are given what `value` gives, or what the schema makes of it.
const named = { name: "high", text: "It is high." };
const found = { into: "findings", thresholds: [{ score: 1, to: "end" }], otherwise: "end" } as const;
reading.validation({
  value: ({ score }) => ({ amount: score }),
  rules: [
    { ...named, check: ({ amount }) => amount < 9 },
    { ...named, check: async (given) => given.amount < 9 },
  ],
  into: "findings",
});
reading.validation({
  ...found,
  value: ({ score }) => ({ amount: score }),
  rules: [{ ...named, check: ({ amount }) => amount < 9 }],
});
reading.validation({
  ...found,
  value: ({ score }) => score,
  schema: z.number().transform(String),
  rules: [{ ...named, check: (text) => text.startsWith("9") }],
});
// @ts-expect-error
reading.validation({ value: () => 1, rules: [{ ...named, check: (text) => text.startsWith("9") }], into: "findings" });
