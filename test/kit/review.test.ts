import { Command, END, MemorySaver, START, StateGraph, StateSchema } from "@langchain/langgraph";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { type ReviewDecision, review } from "../../src/kit/review/review.ts";
import { digest } from "../../src/policy/digest.ts";
import { type ReviewValue, reviewValueSchema } from "../../src/protocol/interrupt.ts";

const payment = z.object({
  invoice_id: z.number().int(),
  amount: z.number().min(0.01).max(100),
  // More than JSON Schema can say: only the node can check it.
  reason: z.string().refine((text) => text !== "because", "give a real reason"),
});
const State = new StateSchema({
  amount: z.number(),
  outcome: z.string().optional(),
  decisions: z.array(z.unknown()).optional(),
});

interface Asked {
  allowed?: ("approve" | "edit" | "reject" | "respond")[];
  editable_paths?: string[];
}

/** A graph that asks about one payment and remembers what it was told. */
function payments(asked: Asked = {}) {
  const ask = async (state: typeof State.State) => {
    const decisions = await review({
      key: "payment",
      title: `Pay ${state.amount}`,
      description: "half a character: \ud83d",
      actions: [
        {
          name: "pay",
          args: { invoice_id: 7, amount: state.amount, reason: "broken" },
          schema: payment,
          risk: "high",
          ...asked,
        },
      ],
    });
    return { decisions };
  };
  return new StateGraph(State)
    .addNode("ask", ask)
    .addEdge(START, "ask")
    .addEdge("ask", END)
    .compile({ checkpointer: new MemorySaver() });
}

type Graph = ReturnType<typeof payments>;
const thread = { configurable: { thread_id: "a" } };

async function shownBy(graph: Graph): Promise<ReviewValue> {
  const [task] = (await graph.getState(thread)).tasks;
  return reviewValueSchema.parse(task?.interrupts[0]?.value);
}

async function answer(graph: Graph, decisions: unknown, value_digest?: string) {
  const shown = await shownBy(graph);
  return graph.invoke(new Command({ resume: { value_digest: value_digest ?? shown.value_digest, decisions } }), thread);
}

describe("review()", () => {
  test("shows the actions with their schema and a digest over everything else", async () => {
    const graph = payments({ editable_paths: ["/amount"] });
    await graph.invoke({ amount: 12.5 }, thread);
    const { value_digest, ...rest } = await shownBy(graph);
    expect(value_digest).toBe(digest(rest));
    expect(rest).toMatchObject({
      holdpoint: "review",
      key: "payment",
      title: "Pay 12.5",
      description: "half a character: \ufffd",
      actions: [
        {
          index: 0,
          name: "pay",
          args: { invoice_id: 7, amount: 12.5, reason: "broken" },
          allowed: ["approve", "edit", "reject"],
          editable_paths: ["/amount"],
          risk: "high",
          args_schema: { type: "object", properties: { amount: { minimum: 0.01, maximum: 100 } } },
        },
      ],
    });
  });

  test("returns the shown arguments of an approval", async () => {
    const graph = payments();
    await graph.invoke({ amount: 12.5 }, thread);
    const { decisions } = await answer(graph, [{ type: "approve" }]);
    expect(decisions).toEqual([
      { action: 0, type: "approve", args: { invoice_id: 7, amount: 12.5, reason: "broken" } },
    ]);
  });

  test("returns the edited arguments of an edit and the words of a rejection", async () => {
    const graph = payments();
    await graph.invoke({ amount: 12.5 }, thread);
    const args = { invoice_id: 7, amount: 5, reason: "half" };
    expect((await answer(graph, [{ type: "edit", args }])).decisions).toEqual([{ action: 0, type: "edit", args }]);

    const other = payments();
    await other.invoke({ amount: 12.5 }, thread);
    expect((await answer(other, [{ action: 0, type: "reject", message: "no" }])).decisions).toEqual([
      { action: 0, type: "reject", message: "no" },
    ]);
  });

  const shown = { invoice_id: 7, amount: 12.5, reason: "broken" };
  test.each([
    ["another digest", [{ type: "approve" }], `sha256:${"0".repeat(64)}`],
    ["no decisions", [], undefined],
    ["a scalar", "yes", undefined],
    ["an unknown type", [{ type: "ignore" }], undefined],
    ["two answers to one action", [{ type: "approve" }, { action: 0, type: "reject" }], undefined],
    ["an unknown action", [{ action: 1, type: "approve" }], undefined],
    ["a type that is not offered", [{ type: "respond", message: "?" }], undefined],
    ["an amount over the bound", [{ type: "edit", args: { ...shown, amount: 100.01 } }], undefined],
    ["an amount as text", [{ type: "edit", args: { ...shown, amount: "5" } }], undefined],
    ["a change outside the editable paths", [{ type: "edit", args: { ...shown, invoice_id: 8 } }], undefined],
    ["an added argument", [{ type: "edit", args: { ...shown, to: "me" } }], undefined],
    ["a removed argument", [{ type: "edit", args: { invoice_id: 7, amount: 5 } }], undefined],
    ["what only the zod schema refuses", [{ type: "edit", args: { ...shown, reason: "because" } }], undefined],
  ])("refuses %s and leaves the question open for a good answer", async (_name, decisions, value_digest) => {
    const graph = payments({ editable_paths: ["/amount", "/reason"] });
    await graph.invoke({ amount: 12.5 }, thread);
    const before = await shownBy(graph);
    for (let time = 0; time < 3; time += 1) {
      await expect(answer(graph, decisions, value_digest)).rejects.toThrow();
      expect(await shownBy(graph)).toEqual(before);
    }
    const done = await answer(graph, [{ type: "edit", args: { ...shown, amount: 0.01 } }]);
    expect(done.decisions).toEqual([{ action: 0, type: "edit", args: { ...shown, amount: 0.01 } }]);
  });

  test("refuses an answer when what it would ask now is not what was shown", async () => {
    let amount = 10;
    const graph = new StateGraph(State)
      .addNode("ask", async () => {
        const args = { invoice_id: 7, amount, reason: "broken" };
        const [decision] = await review({ key: "k", title: "t", actions: [{ name: "pay", args, schema: payment }] });
        return { decisions: [decision] };
      })
      .addEdge(START, "ask")
      .compile({ checkpointer: new MemorySaver() });
    await graph.invoke({ amount: 1 }, thread);
    const shownAtFirst = await shownBy(graph as unknown as Graph);
    amount = 20;
    const resume = { value_digest: shownAtFirst.value_digest, decisions: [{ type: "approve" }] };
    await expect(graph.invoke(new Command({ resume }), thread)).rejects.toThrow(/what was shown has changed/);
    amount = 10;
    expect((await graph.invoke(new Command({ resume }), thread)).decisions).toMatchObject([{ args: { amount: 10 } }]);
  });

  test("asks about several actions at once and types each decision by its schema", async () => {
    let paid: ReviewDecision<{ amount: number }>[] = [];
    let told: ReviewDecision<{ text: string }>[] = [];
    const graph = new StateGraph(State)
      .addNode("ask", async () => {
        const [pay, tell] = await review({
          key: "both",
          title: "Pay and tell",
          actions: [
            { name: "pay", args: { amount: 5 }, schema: z.object({ amount: z.number() }) },
            {
              name: "tell",
              args: { text: "hello" },
              schema: z.object({ text: z.string() }),
              allowed: ["approve", "respond"],
            },
          ],
        });
        paid = [pay];
        told = [tell];
        return {};
      })
      .addEdge(START, "ask")
      .compile({ checkpointer: new MemorySaver() });
    await graph.invoke({ amount: 1 }, thread);
    const decisions = [
      { action: 1, type: "respond", message: "by telephone" },
      { action: 0, type: "approve" },
    ];
    await answer(graph as unknown as Graph, decisions);
    expect(paid).toEqual([{ action: 0, type: "approve", args: { amount: 5 } }]);
    expect(told).toEqual([{ action: 1, type: "respond", message: "by telephone" }]);
  });

  test("refuses to ask about arguments that its own schema refuses", async () => {
    await expect(payments().invoke({ amount: 1000 }, thread)).rejects.toThrow(/its own schema refuses/);
  });

  test("keeps the second of two questions of one node open when the first is answered", async () => {
    const one = (key: string) => review({ key, title: key, actions: [{ name: key, args: {}, schema: z.object({}) }] });
    const graph = new StateGraph(State)
      .addNode("ask", async () => ({ decisions: [await one("first"), await one("second")] }))
      .addEdge(START, "ask")
      .compile({ checkpointer: new MemorySaver() }) as unknown as Graph;
    await graph.invoke({ amount: 1 }, thread);
    const first = await shownBy(graph);
    await answer(graph, [{ type: "approve" }]);
    expect((await shownBy(graph)).key).toBe("second");
    // The answer to the first, sent again, is not an answer to the second.
    await expect(answer(graph, [{ type: "approve" }], first.value_digest)).rejects.toThrow(
      /what was shown has changed/,
    );
    expect((await shownBy(graph)).key).toBe("second");
    await answer(graph, [{ type: "approve" }]);
    expect((await graph.getState(thread)).next).toEqual([]);
  });
});
