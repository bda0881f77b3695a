// What LangGraph and LangChain do today, without Holdpoint: each test states one behaviour that a rule of ours answers,
// and names the rule. When an upgrade turns one of them red, read the rule before you change the test.
import { randomUUID } from "node:crypto";
import { Annotation, Command, END, INTERRUPT, interrupt, MemorySaver, START, StateGraph } from "@langchain/langgraph";
import { beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";

const State = Annotation.Root({
  log: Annotation<string[]>({ reducer: (before, after) => [...before, ...after], default: () => [] }),
});
type Node = (state: typeof State.State) => Promise<{ log: string[] }> | { log: string[] };
type Config = { configurable: Record<string, unknown> };

let paid: unknown[] = [];
beforeEach(() => {
  paid = [];
});

/** given the nodes of a chain by name: a graph that runs them in order. */
function chain(nodes: Record<string, Node>, checkpointer = new MemorySaver()) {
  const names = Object.keys(nodes);
  const graph = new StateGraph(State) as StateGraph<typeof State, unknown, unknown, string>;
  for (const [name, node] of Object.entries(nodes)) graph.addNode(name, node as never);
  for (const [index, name] of [START, ...names].entries()) graph.addEdge(name as never, (names[index] ?? END) as never);
  return graph.compile({ checkpointer });
}

const pay: Node = () => {
  paid.push("paid");
  return { log: ["pay"] };
};
const asking =
  (question: string): Node =>
  () => ({ log: [`${question} ${String(interrupt(question))}`] });
const newThread = (): Config => ({ configurable: { thread_id: randomUUID() } });
const strictly = ({ configurable }: Config): Config => ({
  configurable: { ...configurable, __pregel_strict_resume: true },
});
const answer = (resume: unknown) => new Command({ resume });

interface Asked {
  id: string;
  value: unknown;
}
type Graph = ReturnType<typeof chain>;

/** The questions that a thread waits with. */
async function pending(graph: Graph, thread: Config): Promise<Asked[]> {
  const { tasks } = await graph.getState(thread);
  return tasks.flatMap(({ interrupts }) => interrupts as Asked[]);
}

/** The one question. */
async function theQuestion(graph: Graph, thread: Config): Promise<Asked> {
  const questions = await pending(graph, thread);
  expect(questions).toHaveLength(1);
  return questions[0] as Asked;
}

describe("1: an answer that the node cannot use", () => {
  const picky: Node = () => {
    const amount: unknown = interrupt("how much?");
    if (typeof amount !== "number") throw new Error(`not a number: ${String(amount)}`);
    return { log: [`${amount}`] };
  };

  // Ours: answers are checked before anything is queued (src/policy/review/decide.ts), and review() sends a schema.
  test("stays in the checkpoint of a plain interrupt() and is given again instead of every later one", async () => {
    const graph = chain({ ask: picky });
    const thread = newThread();
    await graph.invoke({ log: [] }, thread);
    const { id } = await theQuestion(graph, thread);
    await expect(graph.invoke(answer("lots"), thread)).rejects.toThrow("not a number: lots");
    await expect(graph.invoke(answer(5), thread)).rejects.toThrow("not a number: lots");
    await expect(graph.invoke(answer({ [id]: 5 }), thread)).rejects.toThrow("not a number: lots");
  });

  // Ours: "edit the state without values" is the way out that refusals name (src/runtime/redeploy.ts).
  test("is forgotten by an empty state edit, after which the question has another id", async () => {
    const graph = chain({ ask: picky });
    const thread = newThread();
    await graph.invoke({ log: [] }, thread);
    const { id } = await theQuestion(graph, thread);
    await expect(graph.invoke(answer("lots"), thread)).rejects.toThrow("not a number");
    await graph.updateState(thread, null);
    await graph.invoke(null, thread);
    expect((await theQuestion(graph, thread)).id).not.toBe(id);
    expect(await graph.invoke(answer(5), thread)).toMatchObject({ log: ["5"] });
  });

  // Ours: what LangGraph marks as an invalid resume makes the review stale, not its run failed (src/runtime/execute.ts).
  test("is refused by a zod responseSchema, and the question stays open under its id", async () => {
    const graph = chain({ ask: () => ({ log: [`${interrupt("how much?", { responseSchema: z.number() })}`] }) });
    const thread = newThread();
    await graph.invoke({ log: [] }, thread);
    const { id } = await theQuestion(graph, thread);
    await expect(graph.invoke(answer("lots"), thread)).rejects.toThrow(/expected number/);
    expect((await theQuestion(graph, thread)).id).toBe(id);
    expect(await graph.invoke(answer(5), thread)).toMatchObject({ log: ["5"] });
  });
});

describe("3: one question, answered twice at the same time", () => {
  // Ours: T-decide takes one answer, the lease lets one run execute.
  test.each([
    ["by default", (thread: Config) => thread],
    ["in strict mode", strictly],
  ])("executes twice %s", async (_mode, configured) => {
    const graph = chain({ ask: asking("pay?"), pay });
    const thread = newThread();
    await graph.invoke({ log: [] }, thread);
    await Promise.all([
      graph.invoke(answer("yes"), configured(thread)),
      graph.invoke(answer("yes"), configured(thread)),
    ]);
    expect(paid).toEqual(["paid", "paid"]);
  });
});

describe("4: one value for two questions", () => {
  const both = () =>
    new StateGraph(State)
      .addNode("left", asking("left?"))
      .addNode("right", asking("right?"))
      .addEdge(START, "left")
      .addEdge(START, "right")
      .compile({ checkpointer: new MemorySaver() }) as unknown as Graph;

  // Ours: answers are sent by interrupt id only, and 409 ambiguous_resume says which are open.
  test("answers both in silence", async () => {
    const graph = both();
    const thread = newThread();
    await graph.invoke({ log: [] }, thread);
    expect(await pending(graph, thread)).toHaveLength(2);
    const { log } = await graph.invoke(answer("yes"), thread);
    expect(log.sort()).toEqual(["left? yes", "right? yes"]);
  });

  test("is refused in strict mode", async () => {
    const graph = both();
    const thread = newThread();
    await graph.invoke({ log: [] }, thread);
    await expect(graph.invoke(answer("yes"), strictly(thread))).rejects.toMatchObject({ reason: "ambiguous" });
    expect(await pending(graph, thread)).toHaveLength(2);
  });
});

describe("5: an answer that is sent again, to a node that has asked its next question since", () => {
  const twice: Node = () => ({ log: [String(interrupt("delete?")), String(interrupt("really?"))] });

  async function askedTwice() {
    const graph = chain({ ask: twice });
    const thread = newThread();
    await graph.invoke({ log: [] }, thread);
    const first = await theQuestion(graph, thread);
    await graph.invoke(answer({ [first.id]: "yes" }), thread);
    const second = await theQuestion(graph, thread);
    expect(second.value).toBe("really?");
    return { graph, thread, first, second };
  }

  // Ours: T-apply reads how many answers the task has read, and never sends one of them again (src/policy/review/apply.ts).
  test("answers that one, by the id of the first as well as bare", async () => {
    const { graph, thread, first } = await askedTwice();
    expect(await graph.invoke(answer({ [first.id]: "yes" }), thread)).toMatchObject({ log: ["yes", "yes"] });
    for (const configured of [(config: Config) => config, strictly]) {
      const bare = await askedTwice();
      expect(await bare.graph.invoke(answer("yes"), configured(bare.thread))).toMatchObject({ log: ["yes", "yes"] });
    }
  });

  // Ours: the key is (thread, checkpoint, task, interrupt id), and a second question is another review.
  test("is told from it by its id, and asked again without any input", async () => {
    const { graph, thread, first, second } = await askedTwice();
    expect(second.id).not.toBe(first.id);
    await graph.invoke(null, thread);
    expect(await theQuestion(graph, thread)).toEqual(second);
  });

  test("is refused in strict mode under the first id", async () => {
    const { graph, thread, first, second } = await askedTwice();
    await expect(graph.invoke(answer({ [first.id]: "yes" }), strictly(thread))).rejects.toMatchObject({
      reason: "not_pending",
    });
    expect(await theQuestion(graph, thread)).toEqual(second);
  });
});

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

describe("12: an answer under an id that nobody has asked", () => {
  const unknown = { ["0".repeat(32)]: "yes" };

  // Ours: the worker resumes in strict mode, and clients cannot set that key (src/runtime/run-config.ts).
  test("is ignored in silence, and in strict mode an error that names what is pending", async () => {
    const graph = chain({ ask: asking("pay?"), pay });
    const thread = newThread();
    await graph.invoke({ log: [] }, thread);
    const { id } = await theQuestion(graph, thread);
    expect(await graph.invoke(answer(unknown), thread)).toHaveProperty(INTERRUPT);
    await expect(graph.invoke(answer(unknown), strictly(thread))).rejects.toMatchObject({
      name: "UnknownInterruptError",
      reason: "not_pending",
      pendingIds: [id],
    });
    expect((await theQuestion(graph, thread)).id).toBe(id);
    expect(paid).toEqual([]);
  });
});
