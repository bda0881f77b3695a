// What LangGraph does today, without Holdpoint: each test states one behaviour that a rule of ours answers, and names the
// rule. When an upgrade turns one of them red, read the rule before you change the test.
import { Command, interrupt, MemorySaver } from "@langchain/langgraph";
import { describe, expect, test } from "vitest";
import {
  answer,
  asking,
  type Config,
  chain,
  type Node,
  newThread,
  paid,
  pay,
  payAnew,
  strictly,
  theQuestion,
} from "./chain.ts";

payAnew();

// Ours: review() computes the digest of what it shows again and compares; guarded graphs may pause with nothing else.
test("6: what a node computes anew before it asks is executed, not what was shown", async () => {
  let amount = 100;
  const ask: Node = () => {
    const shown = amount;
    interrupt({ pay: shown });
    paid.push(shown);
    return { log: [] };
  };
  const graph = chain({ ask });
  const thread = newThread();
  await graph.invoke({ log: [] }, thread);
  expect((await theQuestion(graph, thread)).value).toEqual({ pay: 100 });
  amount = 200;
  await graph.invoke(answer("yes"), thread);
  expect(paid).toEqual([200]);
});

describe("7: an old checkpoint whose question was answered", () => {
  const deciding: Node = () => ({ log: [String(interrupt("pay?"))] });
  const payOnYes: Node = ({ log }) => {
    if (log.at(-1) === "yes") paid.push("paid");
    return { log: ["done"] };
  };

  async function answered() {
    const graph = chain({ ask: deciding, pay: payOnYes });
    const thread = newThread();
    await graph.invoke({ log: [] }, thread);
    const question = await theQuestion(graph, thread);
    const old = (await graph.getState(thread)).config as Config;
    await graph.invoke(answer("yes"), thread);
    expect(paid).toEqual(["paid"]);
    return { graph, thread, old, question };
  }

  // Ours: a checkpoint_id with a resume is refused (409 use_fork).
  test("gives the old answer again whatever the new one says, and pays again", async () => {
    const { graph, old } = await answered();
    await graph.invoke(answer("no"), old);
    expect(paid).toEqual(["paid", "paid"]);
  });

  // Ours: a fork is a run with null, and its question is a new review.
  test("asks afresh under another id when it is gone on from without an answer", async () => {
    const { graph, thread, old, question } = await answered();
    await graph.invoke(null, old);
    expect((await theQuestion(graph, thread)).id).not.toBe(question.id);
    expect(paid).toEqual(["paid"]);
  });
});

describe("8: code that changes while a question waits", () => {
  // Ours: under other code a plain question is stale unless its graph's code is the same (src/policy/review/redeploy.ts).
  test("gives the answer to a question that is asked before it now", async () => {
    const saver = new MemorySaver();
    const thread = newThread();
    await chain({ ask: asking("refund?"), pay }, saver).invoke({ log: [] }, thread);
    const now = chain(
      { ask: () => ({ log: [`waive? ${interrupt("waive?")}`, `refund? ${interrupt("refund?")}`] }), pay },
      saver,
    );
    await now.invoke(answer("yes"), strictly(thread));
    expect((await theQuestion(now, thread)).value).toBe("refund?");
    await now.invoke(answer("no"), thread);
    expect((await now.getState(thread)).values.log[0]).toBe("waive? yes");
  });

  // Ours: a step that is gone ends the run with `stale` (src/runtime/redeploy.ts), never as a success.
  test.each([
    ["by default", (thread: Config) => thread],
    ["in strict mode", strictly],
  ])("ends as if all were done when the node that comes next is gone, %s", async (_mode, configured) => {
    const saver = new MemorySaver();
    const thread = newThread();
    await chain({ ask: asking("pay?"), pay }, saver).invoke({ log: [] }, thread);
    const now = chain({ confirm: asking("pay?"), pay }, saver);
    const given = _mode === "by default" ? answer("yes") : null;
    expect(await now.invoke(given, configured(thread))).toMatchObject({ log: [] });
    expect((await now.getState(thread)).next).toEqual([]);
    expect(paid).toEqual([]);
  });

  // Ours: that a waiting checkpoint names its next nodes by such channels is how we see that one is gone.
  test("keeps the next step as a channel of its name", async () => {
    const saver = new MemorySaver();
    const thread = newThread();
    await chain({ first: () => ({ log: [] }), ask: asking("pay?") }, saver).invoke({ log: [] }, thread);
    const tuple = await saver.getTuple(thread);
    expect(Object.keys(tuple?.checkpoint.channel_values ?? {})).toContain("branch:to:ask");
  });
});

describe("9: whoever can start runs can walk around a question", () => {
  // Ours: both are refused on guarded graphs (src/policy/guarded.ts), elsewhere they supersede the review.
  test("by a state edit in the name of the node that asks, or by a jump", async () => {
    const graph = chain({ ask: asking("pay?"), pay });
    const edited = newThread();
    await graph.invoke({ log: [] }, edited);
    await graph.updateState(edited, { log: ["said nobody"] }, "ask");
    await graph.invoke(null, edited);
    expect(paid).toEqual(["paid"]);
    const jumped = newThread();
    await graph.invoke({ log: [] }, jumped);
    await graph.invoke(new Command({ goto: "pay" }), jumped);
    expect(paid).toEqual(["paid", "paid"]);
  });
});
