// What LangGraph does today, without Holdpoint: each test states one behaviour that a rule of ours answers, and names the
// rule. When an upgrade turns one of them red, read the rule before you change the test.
import { INTERRUPT, interrupt, MemorySaver, START, StateGraph } from "@langchain/langgraph";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import {
  answer,
  asking,
  type Config,
  chain,
  type Graph,
  type Node,
  newThread,
  paid,
  pay,
  payAnew,
  pending,
  State,
  strictly,
  theQuestion,
} from "./chain.ts";

payAnew();

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
