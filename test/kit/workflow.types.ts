// What must not compile. The compiler checks this file with all others, and complains of an error that does not occur.
import { Command, ReducedValue } from "@langchain/langgraph";
import { z } from "zod";
import { choosing } from "../../src/kit/node.ts";
import { workflow } from "../../src/kit/workflow/workflow.ts";

const words = { name: "typed", description: "For the compiler.", version: "1.0.0" };

const flow = workflow({
  ...words,
  input: { email: z.string() },
  state: {
    amount: z.number().default(0),
    answer: z.string().nullable().default(null),
    log: new ReducedValue(z.array(z.string()).default([]), {
      inputSchema: z.string(),
      reducer: (all: string[], next: string) => [...all, next],
    }),
  },
  examples: [{ name: "one", input: { email: "a@example.org" } }],
});

export const right = flow.graph({
  nodes: {
    read: flow.node(async ({ email }) => ({ answer: email, log: "read" })),
    count: async ({ amount }) => (amount > 1 ? { amount: amount + 1 } : { log: "counted" }),
    choose: flow.node(() => new Command({ goto: "count", update: { amount: 1 } }), { exits: ["count", "end"] }),
    either: flow.node(({ amount }) => (amount > 1 ? { amount, answer: null } : { log: "little" })),
    rest: () => undefined,
  },
  edges: { start: ["read", "choose"], read: "count", count: ["either"], either: "rest", rest: "end" },
});

export const states = [
  // What is read is what the schemas give, and what is written is what they take.
  ((state) => state.amount.toFixed()) satisfies (state: typeof flow.State) => string,
  ((state) => state.log.map((line) => line.length)) satisfies (state: typeof flow.State) => number[],
  ((state) => state.trail.length) satisfies (state: typeof flow.State) => number,
  { amount: 1, log: "one line" } satisfies typeof flow.Update,
];

// A key that the state has not: at once, in one of several ends of a function, in a command, and among several.
// @ts-expect-error
flow.node(async () => ({ amuont: 1 }));
// @ts-expect-error
flow.node(() => ({ amount: 1, amuont: 1 }));
flow.node(
  // @ts-expect-error
  async ({ amount }) => {
    if (amount > 1) return { amount };
    return { log: "little", amuont: 1 };
  },
);
// @ts-expect-error
flow.node(({ amount }) => (amount > 1 ? { amount } : { log: "little", amuont: 1 }));
// @ts-expect-error
flow.node(() => new Command({ goto: "pay", update: { amuont: 1 } }), { exits: ["pay"] });
// @ts-expect-error
flow.node(() => [new Command({ update: { amount: 1 } }), { amuont: 1 }]);
// @ts-expect-error
flow.graph({ nodes: { pay: async () => ({ amuont: 1 }) }, edges: { start: "pay", pay: "end" } });
// @ts-expect-error
flow.graph({ nodes: { pay: async () => ({ amount: 1, amuont: 1 }) }, edges: { start: "pay", pay: "end" } });

// A value of the wrong type.
// @ts-expect-error
flow.node(async () => ({ amount: "1" }));
// @ts-expect-error
flow.node(() => ({ log: ["a whole list, where the reducer takes a line"] }));
// @ts-expect-error
flow.graph({ nodes: { pay: () => ({ amount: "1" }) }, edges: { start: "pay", pay: "end" } });
// @ts-expect-error
flow.graph({ nodes: { pay: () => 1 }, edges: { start: "pay", pay: "end" } });

const pay = flow.node(() => ({ amount: 0 }));

// An edge to a node that there is not, from one, and a node without an edge; no beginning; a node called like a key.
// @ts-expect-error
flow.graph({ nodes: { pay }, edges: { start: "pya", pay: "end" } });
// @ts-expect-error
flow.graph({ nodes: { pay }, edges: { start: "pay", pay: ["end", "tell"] } });
// @ts-expect-error
flow.graph({ nodes: { pay }, edges: { start: "pay", pay: "end", tell: "end" } });
// @ts-expect-error
flow.graph({ nodes: { pay, tell: pay }, edges: { start: "pay", pay: "end" } });
// @ts-expect-error
flow.graph({ nodes: { pay }, edges: { pay: "end" } });
// @ts-expect-error
flow.graph({ nodes: { amount: pay }, edges: { start: "amount", amount: "end" } });

// An exit to a node that there is not, and an edge from a node that chooses itself.
const chooses = choosing(["pay", "tell"], async (_state: typeof flow.State) => new Command({ goto: "pay" as const }));
// @ts-expect-error
flow.graph({ nodes: { pay, chooses }, edges: { start: "chooses", pay: "end" } });
const nodes = { pay, tell: pay, chooses };
// @ts-expect-error
flow.graph({ nodes, edges: { start: "chooses", pay: "end", tell: "end", chooses: "end" } });
flow.graph({ nodes, edges: { start: "chooses", pay: "end", tell: "end" } });

// An example that is no input, and a loop limit that there is not.
// @ts-expect-error
workflow({ ...words, input: { email: z.string() }, state: {}, examples: [{ name: "one", input: { email: 1 } }] });
// @ts-expect-error
workflow({ ...words, input: { email: z.string() }, state: {}, examples: [{ name: "one", input: { mail: "a" } }] });
// @ts-expect-error
workflow({ ...words, input: {}, state: {}, policies: { loop_limit: 21 } });
// @ts-expect-error
workflow({ ...words, input: {}, state: {}, policies: { loop_limit: 0 } });
workflow({ ...words, input: {}, state: {}, policies: { loop_limit: 20 } });
