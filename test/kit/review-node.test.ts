import { Command, MemorySaver } from "@langchain/langgraph";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { proposalOf } from "../../src/kit/nodes/proposal.ts";
import { workflow } from "../../src/kit/workflow/workflow.ts";
import type { ReviewValue } from "../../src/protocol/interrupt.ts";

const thread = { configurable: { thread_id: "1" } };
const payment = z.object({ to: z.string(), amount: z.number().min(1).max(100) });

const flow = workflow({
  name: "payout",
  description: "Pays when a person agrees.",
  version: "1.0.0",
  input: { amount: z.number(), small: z.boolean().default(false) },
  state: {
    payment: proposalOf(payment),
    paid: z.string().nullable().default(null),
    answer: z.string().nullable().default(null),
  },
});

function payout({ unasked = false } = {}) {
  const executed: object[] = [];
  const builder = flow.graph({
    nodes: {
      choose: flow.route({
        routes: ["pay", "pay_execute"],
        choose: ({ small }) => ({ to: small ? "pay_execute" : "pay", reason: "by size" }),
      }),
      pay: flow.reviewNode({
        into: "payment",
        action: "bank.pay",
        schema: payment,
        bounds: ({ amount }) => payment.extend({ amount: z.number().min(1).max(amount) }),
        allowed: ["approve", "edit", "reject", "respond"],
        editable_paths: ["/amount"],
        risk: "medium",
        due: "4h",
        propose: ({ amount }) =>
          amount === 0 ? null : { title: `Pay ${amount}`, preview: "It is paid.", args: { to: "ACME", amount } },
        execute: (args) => {
          executed.push(args);
          return { paid: `${args.amount} to ${args.to}` };
        },
        ...(unasked ? { unasked: ({ amount }) => ({ to: "ACME", amount }) } : {}),
        on: { approve: "tell", edit: "tell", reject: "refuse", respond: "refuse" },
        otherwise: "end",
      }),
      tell: ({ paid }) => ({ answer: `paid ${paid}` }),
      refuse: ({ payment }) => ({ answer: `not paid: ${payment?.decision?.type}` }),
    },
    edges: { start: "choose", tell: "end", refuse: "end" },
  });
  const graph = builder.compile({ checkpointer: new MemorySaver() });
  const shown = async () => {
    const [task] = (await graph.getState(thread)).tasks;
    return { node: task?.name, value: task?.interrupts[0]?.value as ReviewValue };
  };
  const decide = async (decision: object) => {
    const { value_digest } = (await shown()).value;
    return await graph.invoke(new Command({ resume: { value_digest, decisions: [decision] } }), thread);
  };
  return { graph, executed, shown, decide, names: Object.keys(builder.nodes) };
}

describe("a review node", () => {
  test("is three nodes, and shows what it has written down before", async () => {
    const { graph, shown, names } = payout();
    expect(names).toEqual(["choose", "pay", "pay_review", "pay_execute", "tell", "refuse"]);
    await graph.invoke({ amount: 50 }, thread);
    const { node, value } = await shown();
    expect(node).toBe("pay_review");
    expect(value).toMatchObject({
      key: "pay",
      title: "Pay 50",
      policy: { due_after_seconds: 14_400 },
      actions: [
        {
          name: "bank.pay",
          args: { to: "ACME", amount: 50 },
          allowed: ["approve", "edit", "reject", "respond"],
          editable_paths: ["/amount"],
          risk: "medium",
          preview: "It is paid.",
          args_schema: { properties: { amount: { maximum: 50 } } },
        },
      ],
    });
  });

  test.each([
    ["approved", { type: "approve" }, "paid 50 to ACME", [{ to: "ACME", amount: 50 }], "pay_execute"],
    [
      "edited",
      { type: "edit", args: { to: "ACME", amount: 7 } },
      "paid 7 to ACME",
      [{ to: "ACME", amount: 7 }],
      "pay_execute",
    ],
    ["rejected", { type: "reject", message: "no" }, "not paid: reject", [], "refuse"],
    ["answered", { type: "respond", message: "how?" }, "not paid: respond", [], "refuse"],
  ])(
    "goes where it says when it is %s, and executes exactly what was decided",
    async (_what, decision, answer, done, to) => {
      const { graph, decide, executed } = payout();
      await graph.invoke({ amount: 50 }, thread);
      const values = await decide(decision);
      expect(executed).toEqual(done);
      expect(values).toMatchObject({
        answer,
        payment: { decision: { type: decision.type }, executed: done.length > 0 },
      });
      expect(values.trail.at(-1)).toMatchObject({ kind: "route", node: "pay_review", to, by: "decision" });
    },
  );

  test("leaves the question open for an answer that it cannot take", async () => {
    const { graph, decide, executed } = payout();
    await graph.invoke({ amount: 50 }, thread);
    await expect(decide({ type: "edit", args: { to: "ME", amount: 7 } })).rejects.toThrow();
    await expect(decide({ type: "edit", args: { to: "ACME", amount: 51 } })).rejects.toThrow();
    expect(executed).toEqual([]);
    expect(await decide({ type: "approve" })).toMatchObject({ paid: "50 to ACME" });
  });

  test("goes past the question when nothing is proposed, and takes the last proposal away", async () => {
    const { graph, decide } = payout();
    await graph.invoke({ amount: 50 }, thread);
    await decide({ type: "approve" });
    expect(await graph.invoke({ amount: 0 }, thread)).toMatchObject({ payment: null });
  });

  test("executes nothing that nobody has decided, unless it says what that would be", async () => {
    const strict = payout();
    await expect(strict.graph.invoke({ amount: 5, small: true }, thread)).rejects.toThrow(/without anybody's decision/);
    expect(strict.executed).toEqual([]);
    const open = payout({ unasked: true });
    expect(await open.graph.invoke({ amount: 5, small: true }, thread)).toMatchObject({ answer: "paid 5 to ACME" });
  });

  test("does not take a decision for another input, or a second time", async () => {
    const { graph, decide, executed } = payout();
    await graph.invoke({ amount: 50 }, thread);
    const approved = await decide({ type: "approve" });
    await expect(graph.invoke({ amount: 5, small: true }, thread)).rejects.toThrow(/without anybody's decision/);
    // As if it had been decided and not executed, when the next input came.
    await graph.updateState(thread, { payment: { ...approved.payment!, executed: false } }, "tell");
    await expect(graph.invoke({ amount: 5, small: true }, thread)).rejects.toThrow(/without anybody's decision/);
    expect(executed).toHaveLength(1);
  });

  test("does not take a decision again that was carried out, where the graph comes back to it", async () => {
    const done: object[] = [];
    const pay = flow.reviewNode({
      into: "payment",
      action: "bank.pay",
      schema: payment,
      propose: ({ amount }) => ({ title: "Pay", args: { to: "ACME", amount } }),
      execute: (args) => {
        done.push(args);
        return {};
      },
      on: { approve: "tell", edit: "tell", reject: "end" },
    });
    const nodes = { pay, tell: () => undefined };
    const graph = flow
      .graph({ nodes, edges: { start: "pay", tell: "pay_execute" } })
      .compile({ checkpointer: new MemorySaver() });
    await graph.invoke({ amount: 5 }, thread);
    const [task] = (await graph.getState(thread)).tasks;
    const value_digest = (task?.interrupts[0]?.value as ReviewValue | undefined)?.value_digest;
    const resume = { value_digest, decisions: [{ type: "approve" }] };
    await expect(graph.invoke(new Command({ resume }), thread)).rejects.toThrow(/without anybody's decision/);
    expect(done).toHaveLength(1);
  });

  test("can give its nodes other names, and refuses to offer what leads nowhere", async () => {
    const node = flow.reviewNode({
      into: "payment",
      action: "bank.pay",
      schema: payment,
      names: { review: "ask", execute: "do" },
      propose: () => ({ title: "Pay", args: { to: "ACME", amount: 5 } }),
      execute: () => ({}),
      on: { approve: "end", edit: "end", reject: "end" },
    });
    const { nodes } = flow.graph({ nodes: { pay: node, again: () => ({}) }, edges: { start: "pay", again: "do" } });
    expect(Object.keys(nodes)).toEqual(["pay", "ask", "do", "again"]);
    const on = { approve: "end", edit: "end" } as { approve: "end"; edit: "end"; reject: "end" };
    const half = () =>
      flow.reviewNode({
        into: "payment",
        action: "bank.pay",
        schema: payment,
        propose: () => null,
        execute: () => ({}),
        on,
      });
    expect(half).toThrow(/offers reject, and `on` does not say where that leads/);
  });
});
