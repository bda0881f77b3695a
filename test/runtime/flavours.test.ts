import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { ReviewTask } from "../../src/protocol/review.ts";
import type { ScriptedCall } from "../fixtures/flavours/scripted-model.ts";
import { knobs, resetKnobs } from "../fixtures/workflows/lib/knobs.ts";
import { hitlPyValue, humanInterrupt } from "../policy/pause.ts";
import { type House, openHouse } from "../support/house.ts";
import { violations } from "../support/invariants.ts";
import { answer, resume, reviewsOf, theOpen } from "../support/reviewer.ts";

let house: House;
beforeAll(async () => {
  house = await openHouse(fileURLToPath(new URL("../fixtures/flavours", import.meta.url)));
});
beforeEach(resetKnobs);
afterEach(async () => expect(await violations(house.database)).toEqual([]));
afterAll(() => house.close());

const payTen: ScriptedCall = { name: "pay", args: { amount: 10, to: "ACME" } };
const mail: ScriptedCall = { name: "send_email", args: { subject: "Hello" } };
const lookUp: ScriptedCall = { name: "look_up", args: { what: "ACME" } };

/** An agent that wants to make these calls and waits for a person. */
async function wants(...calls: ScriptedCall[]): Promise<ReviewTask> {
  const messages = [{ role: "user", content: JSON.stringify(calls) }];
  const { thread_id } = await house.start("agent", { input: { messages } });
  await house.settle();
  return await theOpen(house, thread_id);
}

/** The last message of the thread, after everything that is due. */
async function lastWords({ thread_id }: ReviewTask): Promise<string> {
  await house.settle();
  const { values, status } = await house.thread(thread_id);
  expect(status).toBe("idle");
  return (JSON.parse(values ?? "") as { messages: { content: string }[] }).messages.at(-1)?.content ?? "";
}

describe("an agent of LangChain.js", () => {
  test("asks by its middleware, with the tools in the title and what may be answered to each call", async () => {
    const review = await wants(payTen, mail);
    expect(review).toMatchObject({
      flavour: "hitl",
      title: "agent: wants to call pay, send_email",
      actions: [
        {
          name: "pay",
          args: payTen.args,
          allowed: ["approve", "edit", "reject"],
          args_schema: { required: ["amount", "to"] },
        },
        { name: "send_email", args: mail.args, allowed: ["approve", "reject"], description: "A mail to a customer" },
      ],
    });
    expect(knobs.visits).toEqual([]);
  });
  test("calls its tools once with what was approved", async () => {
    const review = await wants(payTen, mail);
    await answer(house, review, [
      { action: 0, type: "approve" },
      { action: 1, type: "approve" },
    ]);
    expect(await lastWords(review)).toBe("done: paid 10 to ACME | sent Hello");
    expect(knobs.visits.toSorted()).toEqual(["mail Hello", "pay 10 to ACME"]);
  });
  test("calls its tool once with the arguments as edited", async () => {
    const review = await wants(payTen);
    await answer(house, review, [{ type: "edit", args: { amount: 7, to: "ACME" } }]);
    expect(await lastWords(review)).toBe("done: paid 7 to ACME");
    expect(knobs.visits).toEqual(["pay 7 to ACME"]);
  });
  test("calls nothing that was rejected, and is told why", async () => {
    const review = await wants(payTen);
    await answer(house, review, [{ type: "reject", message: "ask Ben first" }]);
    expect(await lastWords(review)).toBe("done: ask Ben first");
    expect(knobs.visits).toEqual([]);
  });
  test("goes on with an edit as Agent Chat UI sends it, in snake_case and partly as text", async () => {
    const review = await wants(payTen);
    const edited_action = { name: "pay", args: { amount: "8.5", to: "ACME" } };
    await resume(house, review.thread_id, { decisions: [{ type: "edit", edited_action }] });
    expect(await lastWords(review)).toBe("done: paid 8.5 to ACME");
  });
  test.each([
    ["a mixed batch", { decisions: [{ type: "approve" }, { type: "reject" }] }, "mixed_batch"],
    ["too few decisions", { decisions: [{ type: "approve" }] }, "invalid"],
    [
      "an edit where none is offered",
      { decisions: [{ type: "approve" }, { type: "edit", editedAction: mail }] },
      "invalid",
    ],
    ["another tool", { decisions: [{ type: "edit", editedAction: lookUp }, { type: "approve" }] }, "invalid"],
    ["Agent Inbox's ignore", [{ type: "ignore", args: null }], "invalid"],
    ["a scalar", "yes", "invalid"],
  ])(
    "is not given %s: the question stands, the thread is as it was, and an approval still works",
    async (_what, sent, code) => {
      const review = await wants(payTen, mail);
      const before = await house.thread(review.thread_id);
      await expect(resume(house, review.thread_id, sent)).rejects.toMatchObject({
        code,
        facts: { faults: [{ pointer: expect.stringMatching(/^\/command\/resume/) }] },
      });
      expect(await house.worker.tick()).toBe(0);
      expect(await house.thread(review.thread_id)).toEqual(before);
      expect(await reviewsOf(house, review.thread_id)).toEqual([review]);
      await resume(house, review.thread_id, { decisions: [{ type: "approve" }, { type: "approve" }] });
      expect(await lastWords(review)).toBe("done: paid 10 to ACME | sent Hello");
      expect(knobs.visits).toHaveLength(2);
    },
  );
  test("says which calls a rejection drops along, and does not ask about them", async () => {
    const review = await wants(payTen, lookUp);
    expect(review.actions).toHaveLength(1);
    expect(review.description).toMatch(/^Without asking, the agent also calls look_up\. If you reject/);
    await answer(house, review, [{ type: "approve" }]);
    // Approved calls go behind those that needed no approval.
    expect(await lastWords(review)).toBe("done: found ACME | paid 10 to ACME");
    const rejected = await wants(payTen, lookUp);
    await answer(house, rejected, [{ type: "reject", message: "no" }]);
    expect(await lastWords(rejected)).toBe("done: no");
    expect((await wants(payTen, mail)).description).toBe("");
  });
  test("takes a resume that says what was seen as bound to it", async () => {
    const review = await wants(payTen);
    const decisions = [{ type: "approve" }];
    const unseen = resume(house, review.thread_id, { decisions, seen_digest: "sha256:other" });
    await expect(unseen).rejects.toMatchObject({ code: "digest_mismatch" });
    await resume(house, review.thread_id, { decisions, seen_digest: review.request_digest });
    expect(await lastWords(review)).toBe("done: paid 10 to ACME");
    const [closed] = await reviewsOf(house, review.thread_id);
    expect(closed?.decision).toMatchObject({ binding: "digest" });
  });
  test("says which sets of decisions go together when it refuses a mixed batch", async () => {
    const review = await wants(payTen, mail);
    const mixed = answer(house, review, [
      { action: 0, type: "reject" },
      { action: 1, type: "approve" },
    ]);
    await expect(mixed).rejects.toMatchObject({
      status: 422,
      facts: { faults: [{ pointer: "/decisions/0/type" }], choices: [["approve"], ["reject"]] },
    });
  });
});

/** A graph that asks this by a plain interrupt(). */
async function asks(value: unknown): Promise<ReviewTask> {
  const { thread_id } = await house.start("plain", { input: { asks: value } });
  await house.settle();
  return await theOpen(house, thread_id);
}

async function answerOf({ thread_id }: ReviewTask): Promise<unknown> {
  await house.settle();
  const { values, status } = await house.thread(thread_id);
  expect(status).toBe("idle");
  return (JSON.parse(values ?? "") as { answer: unknown }).answer;
}

describe("graphs that ask by a plain interrupt()", () => {
  const action = { name: "pay", args: { amount: 5 } };
  test("in the words of LangChain for Python are answered in them", async () => {
    const review = await asks(hitlPyValue([action, action]));
    expect(review.flavour).toBe("hitl_py");
    await answer(house, review, [
      { action: 1, type: "respond", message: "paid already" },
      { action: 0, type: "edit", args: { amount: 6 } },
    ]);
    expect(await answerOf(review)).toEqual({
      decisions: [
        { type: "edit", edited_action: { name: "pay", args: { amount: 6 } } },
        { type: "respond", message: "paid already" },
      ],
    });
  });
  test.each([
    ["an object", humanInterrupt({ amount: 5 })],
    ["a list", [humanInterrupt({ amount: 5 })]],
    ["JSON text", JSON.stringify([humanInterrupt({ amount: 5 })])],
  ])("with a HumanInterrupt as %s are given a list with one response", async (_what, value) => {
    const review = await asks(value);
    expect(review).toMatchObject({ flavour: "agent_inbox", value });
    await resume(house, review.thread_id, [{ type: "edit", args: { action: "send_email", args: { amount: "6" } } }]);
    expect(await answerOf(review)).toEqual([{ type: "edit", args: { action: "send_email", args: { amount: 6 } } }]);
  });
  test.each([
    ["approve", { type: "approve" }, { type: "accept", args: { action: "send_email", args: { amount: 5 } } }],
    ["reject", { type: "reject" }, { type: "ignore", args: null }],
    ["respond", { type: "respond", message: "later" }, { type: "response", args: "later" }],
  ] as const)("with a HumanInterrupt understand %s of our own words", async (_what, decision, given) => {
    const review = await asks(humanInterrupt({ amount: 5 }));
    await answer(house, review, [decision]);
    expect(await answerOf(review)).toEqual([given]);
  });
});
