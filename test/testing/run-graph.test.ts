import { Command, END, interrupt, MemorySaver, START, StateGraph, StateSchema } from "@langchain/langgraph";
import { describe, expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { kitClock } from "../../src/kit/clock.ts";
import { effect } from "../../src/kit/effects/effect.ts";
import { currentPorts } from "../../src/kit/ports.ts";
import { review } from "../../src/kit/review/review.ts";
import { defineTool } from "../../src/kit/tool/tool.ts";
import { type AskedQuestion, approve, edit, reject, respond, runGraph, scriptedModel } from "../../src/testing.ts";

const Payment = z.object({ invoice_id: z.int(), amount: z.number().positive().max(100) });
const pay = defineTool({
  name: "shop.pay",
  description: "Pays.",
  input: Payment,
  output: z.object({ paid: z.number() }),
  effect: "idempotent",
  run: async () => {
    throw new Error("a test does not pay");
  },
});
const rateOf = defineTool({
  name: "shop.rate",
  description: "Gives the rate.",
  input: z.object({ day: z.string() }),
  output: z.object({ rate: z.number() }),
  effect: "read",
  attempts: 3,
  run: async () => ({ rate: 1 }),
});

const State = new StateSchema({
  text: z.string(),
  amount: z.number().default(0),
  paid: z.number().optional(),
  why: z.string().optional(),
});

/** A model reads, a tool is asked, a person decides, an effect is done. */
const refund = new StateGraph(State)
  .addNode("read", async ({ text }) => {
    const chat = currentPorts().models?.({});
    if (chat === undefined) return { amount: 1 };
    const answer = await chat.withStructuredOutput(z.object({ amount: z.number() }), { name: "read" }).invoke(text);
    const { rate } = await rateOf.call({ day: "2026-01-01" });
    return { amount: answer.amount * rate };
  })
  .addNode("ask", async ({ amount }) => {
    const action = { name: "shop.pay", args: { invoice_id: 7, amount }, schema: Payment, editable_paths: ["/amount"] };
    const [decision] = await review({ key: "pay", title: `Pay ${amount}?`, actions: [action], risk: "high" });
    if (decision.type === "reject" || decision.type === "respond") return { why: decision.message ?? "" };
    return { amount: decision.args.amount, why: "agreed" };
  })
  .addNode("pay", async ({ amount, why }) => {
    if (why !== "agreed") return {};
    return { paid: (await pay.call({ invoice_id: 7, amount })).paid };
  })
  .addEdge(START, "read")
  .addEdge("read", "ask")
  .addEdge("ask", "pay")
  .addEdge("pay", END);

const input = { text: "Refund ten." };
const tools = { "shop.pay": ({ amount }: { amount: number }) => ({ paid: amount }), "shop.rate": { rate: 2 } };

test("a graph is run with a model, tools and people that a test has scripted", async () => {
  const model = scriptedModel([{ json: { amount: 10 } }]);
  const run = await runGraph(refund, input, { model, tools, reviewers: [edit({ amount: 15 })] });
  expectTypeOf(run.values.amount).toEqualTypeOf<number>();
  expect(run.values).toMatchObject({ amount: 15, paid: 15, why: "agreed" });
  expect(run.questions).toMatchObject([
    {
      key: "pay",
      node: "ask",
      flavour: "review",
      title: "Pay 20?",
      actions: [{ args: { invoice_id: 7, amount: 20 } }],
    },
  ]);
  expect(run.questions[0]?.policy).toMatchObject({ risk: "high" });
  expect(run.decisions).toMatchObject([
    { decisions: [{ action: 0, type: "edit", args: { invoice_id: 7, amount: 15 } }] },
  ]);
  expect(run.calls).toEqual([
    { tool: "shop.rate", args: { day: "2026-01-01" } },
    { tool: "shop.pay", args: { invoice_id: 7, amount: 15 } },
  ]);
  expect(run.effects).toMatchObject([
    { name: "shop.pay", kind: "idempotent", args: { amount: 15 }, result: { paid: 15 } },
  ]);
  expect(run.interrupts).toEqual([]);
  expect(model.requests[0]?.asked.question).toBe("Refund ten.");
});

test("without a model nodes take their way without one, and a question that nobody answers is given back", async () => {
  const run = await runGraph(refund, input, { tools });
  expect(run).toMatchObject({ values: { amount: 1 }, decisions: [], effects: [], uses: [] });
  expect(run.interrupts.map(({ title }) => title)).toEqual(["Pay 1?"]);
  const unsure = await runGraph(refund, input, {
    tools,
    reviewers: (question: AskedQuestion) => (question.key === "pay" ? undefined : approve),
  });
  expect(unsure.interrupts).toEqual(unsure.questions);
});

test("the same thread goes on where it was left", async () => {
  const checkpointer = new MemorySaver();
  const compiled = refund.compile();
  await runGraph(compiled, input, { tools, checkpointer });
  const again = await runGraph(compiled, { text: "Refund again." }, { tools, checkpointer, reviewers: [reject("no")] });
  expect(again.values).toMatchObject({ text: "Refund again.", why: "no" });
  expect(compiled.checkpointer).toBeUndefined();
});

describe("what the server would refuse", () => {
  test.each<[string, Parameters<typeof runGraph>[2] & object, RegExp]>([
    [
      "a kind of answer that is not offered",
      { reviewers: [respond(5)] },
      /"Pay 1\?" is refused: \/decisions\/0\/type: "respond" is not offered/,
    ],
    [
      "an edit of what may not be changed",
      { reviewers: [edit({ invoice_id: 8 })] },
      /may not be changed; editable: \/amount/,
    ],
    ["an edit against the schema", { reviewers: [edit({ amount: 500 })] }, /\/decisions\/0\/args\/amount/],
    ["two answers for one action", { reviewers: [[approve, approve]] }, /there is no action 1/],
    ["half a character", { reviewers: [reject("\ud83d")] }, /lone surrogates/],
    ["nonsense", { reviewers: [{ type: "shrug" } as never] }, /"shrug" is not offered/],
  ])("%s is thrown", async (_what, options, why) => {
    await expect(runGraph(refund, input, { tools, ...options })).rejects.toThrow(why);
  });

  test("more questions to the model than its script has", async () => {
    const greedy = new StateGraph(State)
      .addNode("read", async () => {
        const chat = currentPorts().models?.({});
        await chat?.invoke("one");
        return {
          why: await chat!.invoke("two").then(
            () => "said",
            () => "refused, and went on",
          ),
        };
      })
      .addEdge(START, "read");
    const run = runGraph(greedy, input, { model: [{ text: "one" }] });
    await expect(run).rejects.toThrow(/asked 2 times, which is 1 more than its script has steps for; last: "two"/);
    const made = await runGraph(greedy, input, { model: scriptedModel([{ text: "one" }], { after: "make_up" }) });
    expect(made.values.why).toBe("said");
  });
});

test("several questions of one task, of several tasks, of every kind, and breakpoints are answered", async () => {
  const Log = new StateSchema({ said: z.array(z.string()).default([]) });
  const child = new StateGraph(Log)
    .addNode("inner", () => ({ said: [`inner ${interrupt({ choose: ["a", "b"] })}`] }))
    .addEdge(START, "inner")
    .compile();
  const graph = new StateGraph(
    new StateSchema({ one: z.string().optional(), two: z.string().optional(), said: z.array(z.string()).optional() }),
  )
    .addNode("node one", async () => {
      const ask = async (title: string) => {
        const actions = [
          { name: "a", args: {}, schema: z.object({}) },
          { name: "b", args: {}, schema: z.object({}) },
        ] as const;
        const [first, second] = await review({ key: title, title, actions });
        return `${first.type} ${second.type}`;
      };
      return { one: `${await ask("First")}, ${await ask("Second")}` };
    })
    .addNode("node two", () => ({ two: String(interrupt("How many?")) }))
    .addNode("child", child)
    .addNode("end", () => new Command({ update: {} }))
    .addEdge(START, "node one")
    .addEdge(START, "node two")
    .addEdge("node one", "child")
    .addEdge("child", "end")
    .compile({ interruptBefore: ["end"] });
  const asked: string[] = [];
  const run = await runGraph(
    graph,
    {},
    {
      reviewers: (question) => {
        asked.push(question.key ?? question.title);
        if (question.flavour === "review") return question.key === "First" ? [approve, reject()] : [reject(), approve];
        if (question.flavour === "breakpoint") return approve;
        return question.value === "How many?" ? respond(3) : respond("a");
      },
    },
  );
  expect(asked).toEqual([
    "First",
    'test: "node two" asks',
    "Second",
    'test: "child" asks',
    'test: paused before "end"',
  ]);
  expect(run.values).toEqual({ one: "approve reject, reject approve", two: "3", said: ["inner a"] });
  expect(run.interrupts).toEqual([]);
});

test("an answer to one of two questions lets the other wait", async () => {
  const ask = (key: string) => async () => ({ [key]: String(interrupt(key)) });
  const graph = new StateGraph(new StateSchema({ a: z.string().optional(), b: z.string().optional() }))
    .addNode("ask a", ask("a"))
    .addNode("ask b", ask("b"))
    .addEdge(START, "ask a")
    .addEdge(START, "ask b");
  const run = await runGraph(graph, {}, { reviewers: ({ value }) => (value === "a" ? respond(1) : undefined) });
  expect(run.questions).toHaveLength(2);
  expect(run.interrupts.map(({ value }) => value)).toEqual(["b"]);
  expect(run.decisions).toHaveLength(1);
});

test("waits cost no time, limits do, and a tool that fails first is called again", async () => {
  let calls = 0;
  const busy = Object.assign(new Error("busy"), { status: 503 });
  const graph = new StateGraph(State)
    .addNode("wait", async () => {
      const before = kitClock().now();
      await kitClock().sleep(3_600_000);
      const { rate } = await rateOf.call({ day: "today" });
      return { amount: rate, why: String(kitClock().now() - before >= 3_600_000 + 1_000) };
    })
    .addEdge(START, "wait");
  const rate = () => {
    calls += 1;
    if (calls < 3) throw busy;
    return { rate: 4 };
  };
  const run = await runGraph(graph, input, { tools: { "shop.rate": rate } });
  expect(run.values).toMatchObject({ amount: 4, why: "true" });
  expect(run.calls).toHaveLength(3);
  await expect(runGraph(graph, input, { tools: { "shop.rate": busy } })).rejects.toThrow(/shop\.rate/);
});

test("a graph that fails fails the test, and one that asks for ever is stopped", async () => {
  const fails = new StateGraph(State).addNode("x", () => Promise.reject(new Error("broken"))).addEdge(START, "x");
  await expect(runGraph(fails, input)).rejects.toThrow("broken");
  const asks = new StateGraph(new StateSchema({ n: z.number().default(0) }))
    .addNode("x", () => {
      for (;;) interrupt("again?");
    })
    .addEdge(START, "x");
  await expect(runGraph(asks, {}, { reviewers: () => respond("yes") })).rejects.toThrow(/has paused 100 times/);
});

test("a run that is stopped stops between its nodes", async () => {
  const stop = new AbortController();
  const reached: string[] = [];
  const graph = new StateGraph(State)
    .addNode("first", () => {
      reached.push("first");
      stop.abort(new Error("stopped by a person"));
      return {};
    })
    .addNode("second", () => {
      reached.push("second");
      return {};
    })
    .addEdge(START, "first")
    .addEdge("first", "second");
  await expect(runGraph(graph, input, { signal: stop.signal })).rejects.toThrow();
  expect(reached).toEqual(["first"]);
});

test("effects of a test are those of its run alone", async () => {
  const graph = new StateGraph(State)
    .addNode("x", async () => ({ paid: await effect({ name: "e", kind: "idempotent", args: {}, run: async () => 5 }) }))
    .addEdge(START, "x");
  expect((await runGraph(graph, input)).effects).toHaveLength(1);
  expect((await runGraph(graph, input)).effects).toHaveLength(1);
});
