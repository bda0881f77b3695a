import { describe, expect, test } from "vitest";
import { digest } from "../../src/policy/digest.ts";
import { decided, hitlPyValue, hitlValue, opened, resumed } from "./pause.ts";

const mail = { name: "send_email", args: { to: "a@b.c", retries: 2 }, description: "Tool execution requires approval" };
const pay = { name: "pay", args: { amount: 5 } };

describe("LangChain's middleware in JavaScript", () => {
  test("shows each tool call with what may be answered, under a title that names the tools", () => {
    const value = hitlValue([mail, pay, { ...pay }]);
    expect(opened(value)).toMatchObject({
      flavour: "hitl",
      title: "refunds: wants to call send_email, pay",
      actions: [
        {
          index: 0,
          name: "send_email",
          args: mail.args,
          description: mail.description,
          allowed: ["approve", "edit", "reject"],
        },
        { index: 1, name: "pay", args: pay.args },
        { index: 2, name: "pay", args: pay.args },
      ],
      value_digest: digest(value),
    });
  });
  test("keeps the schema of the arguments where they may be edited", () => {
    const schema = { type: "object", properties: { amount: { type: "number", maximum: 10 } } };
    expect(opened(hitlValue([pay], ["edit"], schema)).actions[0]).toMatchObject({ args_schema: schema });
    expect(opened(hitlValue([pay], ["approve"], schema)).actions[0]).not.toHaveProperty("args_schema");
  });
  test("names a few tools only, each on one line", () => {
    const names = Array.from({ length: 7 }, (_, index) => ({ name: `tool_${index}`, args: {} }));
    expect(opened(hitlValue(names)).title).toBe(
      "refunds: wants to call tool_0, tool_1, tool_2, tool_3, tool_4 and 2 more",
    );
    const hostile = opened(hitlValue([{ name: `a\n\u0000b${"c".repeat(200)}`, args: {} }]));
    expect(hostile.title).toBe(`refunds: wants to call a b${"c".repeat(57)}…`);
  });
  test.each([
    ["approval", { decisions: [{ type: "approve" }] }, { decisions: [{ type: "approve" }] }],
    [
      "an edit as JavaScript writes it",
      { decisions: [{ type: "edit", editedAction: { name: "pay", args: { amount: 6 } } }] },
      { decisions: [{ type: "edit", editedAction: { name: "pay", args: { amount: 6 } } }] },
    ],
    [
      "an edit as Agent Chat UI sends it",
      { decisions: [{ type: "edit", edited_action: { name: "pay", args: { amount: "6.5" } } }] },
      { decisions: [{ type: "edit", editedAction: { name: "pay", args: { amount: 6.5 } } }] },
    ],
    [
      "an edit as Agent Inbox sends it",
      { decisions: [{ type: "edit", args: { action: "pay", args: { amount: "6" } } }] },
      { decisions: [{ type: "edit", editedAction: { name: "pay", args: { amount: 6 } } }] },
    ],
    [
      "an edit in our own form",
      { decisions: [{ type: "edit", args: { amount: 6 } }] },
      { decisions: [{ type: "edit", editedAction: { name: "pay", args: { amount: 6 } } }] },
    ],
    [
      "a rejection with words",
      { decisions: [{ type: "reject", message: "too much" }] },
      { decisions: [{ type: "reject", message: "too much" }] },
    ],
    [
      "a rejection as Agent Inbox sends it",
      { decisions: [{ type: "reject", args: "too much" }] },
      { decisions: [{ type: "reject", message: "too much" }] },
    ],
    [
      "a rejection without words",
      { decisions: [{ type: "reject", message: "" }] },
      { decisions: [{ type: "reject" }] },
    ],
  ])("gives the middleware %s", (_what, resume, given) => {
    expect(resumed(opened(hitlValue([pay])), resume)).toMatchObject({ given });
  });
  test.each([
    ["a scalar", true, "/command/resume"],
    ["nothing", null, "/command/resume"],
    ["Agent Inbox's list", [{ type: "ignore", args: null }], "/command/resume"],
    ["too few decisions", { decisions: [] }, "/command/resume/decisions"],
    ["too many", { decisions: [{ type: "approve" }, { type: "approve" }] }, "/command/resume/decisions"],
    ["no decision", { decisions: ["approve"] }, "/command/resume/decisions/0"],
    ["an unknown word", { decisions: [{ type: "ignore" }] }, "/command/resume/decisions/0/type"],
    ["a word of Python's", { decisions: [{ type: "respond", message: "x" }] }, "/command/resume/decisions/0/type"],
    ["an edit of nothing", { decisions: [{ type: "edit" }] }, "/command/resume/decisions/0/edited_action"],
    [
      "arguments that are none",
      { decisions: [{ type: "edit", editedAction: { name: "pay", args: 3 } }] },
      "/command/resume/decisions/0/editedAction/args",
    ],
    [
      "another tool",
      { decisions: [{ type: "edit", edited_action: { name: "drop_table", args: {} } }] },
      "/command/resume/decisions/0/edited_action/name",
    ],
    [
      "another tool in our own form",
      { decisions: [{ type: "edit", name: "drop_table", args: {} }] },
      "/command/resume/decisions/0/name",
    ],
    [
      "text where a number was",
      { decisions: [{ type: "edit", editedAction: { name: "pay", args: { amount: "much" } } }] },
      "/command/resume/decisions/0/editedAction/args/amount",
    ],
    ["words that are none", { decisions: [{ type: "reject", message: 3 }] }, "/command/resume/decisions/0/message"],
    [
      "an endless message",
      { decisions: [{ type: "reject", message: "x".repeat(10_001) }] },
      "/command/resume/decisions/0/message",
    ],
    ["half a character", { decisions: [{ type: "reject", message: "\ud800" }] }, "/command/resume/decisions"],
  ])("is never given %s", (_what, resume, pointer) => {
    expect(resumed(opened(hitlValue([pay])), resume)).toEqual({ faults: [pointer] });
  });
  test("what is allowed for one action is not for the other, and the fault is where it was sent", () => {
    const { actionRequests, reviewConfigs } = hitlValue([mail, pay]);
    const value = {
      actionRequests,
      reviewConfigs: [reviewConfigs[0], { actionName: "pay", allowedDecisions: ["approve"] }],
    };
    const edits = [mail, pay].map(({ name, args }) => ({ type: "edit", editedAction: { name, args } }));
    expect(resumed(opened(value), { decisions: edits })).toEqual({ faults: ["/command/resume/decisions/1/type"] });
    const own = [
      { action: 1, type: "edit" as const, args: {} },
      { action: 0, type: "approve" as const },
    ];
    expect(decided(opened(value), { ok: true, value: own })).toEqual({ faults: ["/decisions/0/type"] });
  });
  test("edited arguments are held against the schema of their action", () => {
    const schema = { type: "object", properties: { amount: { type: "number", maximum: 10 } } };
    const resume = { decisions: [{ type: "edit", edited_action: { name: "pay", args: { amount: "11" } } }] };
    expect(resumed(opened(hitlValue([pay], ["edit"], schema)), resume)).toEqual({
      faults: ["/command/resume/decisions/0/edited_action/args/amount"],
    });
  });
  test("a rejection beside another decision is refused with the sets that go together", () => {
    const review = opened(hitlValue([mail, pay, { name: "wait", args: {} }]));
    const words = (...types: string[]) => ({ decisions: types.map((type) => ({ type })) });
    expect(resumed(review, words("approve", "reject", "approve"))).toEqual({
      faults: ["/command/resume/decisions/1/type"],
      choices: [["approve", "edit"], ["reject"]],
    });
    expect(resumed(review, words("reject", "reject", "reject"))).toHaveProperty("given");
    expect(resumed(review, words("approve", "approve", "approve"))).toHaveProperty("given");
    const narrow = opened(hitlValue([mail, pay], ["approve", "reject"]));
    expect(resumed(narrow, words("approve", "reject"))).toMatchObject({ choices: [["approve"], ["reject"]] });
  });
  test("the same answer in any spelling is the same decision", () => {
    const review = opened(hitlValue([pay]));
    const args = { amount: 6 };
    const spellings = [
      { type: "edit", editedAction: { name: "pay", args } },
      { type: "edit", edited_action: { name: "pay", args: { amount: "6" } } },
      { type: "edit", args: { action: "pay", args } },
      { type: "edit", name: "pay", args },
    ];
    const verdicts = spellings.map((decision) => resumed(review, { decisions: [decision] }));
    for (const verdict of verdicts) expect(verdict).toMatchObject({ decisions: [{ action: 0, type: "edit", args }] });
    expect(new Set(verdicts.map((verdict) => JSON.stringify(verdict))).size).toBe(1);
  });
  test("`__proto__` in the arguments is a member like any other, and nobody's prototype", () => {
    const args = JSON.parse('{"amount": 6, "__proto__": {"admin": true}}');
    const verdict = resumed(opened(hitlValue([pay])), {
      decisions: [{ type: "edit", editedAction: { name: "pay", args } }],
    });
    expect(JSON.stringify((verdict as { given: unknown }).given)).toContain('"__proto__":{"admin":true}');
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });
});

describe("LangChain's middleware in Python", () => {
  const action = { name: "pay", args: { amount: 5 }, description: "Pay?" };
  test("is shown alike, and takes a response too", () => {
    expect(opened(hitlPyValue([action]))).toMatchObject({
      flavour: "hitl_py",
      title: "refunds: wants to call pay",
      actions: [
        { name: "pay", args: { amount: 5 }, description: "Pay?", allowed: ["approve", "edit", "reject", "respond"] },
      ],
    });
  });
  test.each([
    ["an approval", { type: "approve" }, { type: "approve" }],
    [
      "an edit",
      { type: "edit", editedAction: { name: "pay", args: { amount: 6 } } },
      { type: "edit", edited_action: { name: "pay", args: { amount: 6 } } },
    ],
    ["a rejection", { type: "reject", message: "no" }, { type: "reject", message: "no" }],
    ["a response", { type: "respond", message: "paid already" }, { type: "respond", message: "paid already" }],
  ])("gives it %s", (_what, decision, given) => {
    const verdict = resumed(opened(hitlPyValue([action])), { decisions: [decision] });
    expect(verdict).toMatchObject({ given: { decisions: [given] } });
  });
  test("approve and reject go together there", () => {
    const verdict = resumed(opened(hitlPyValue([action, action])), {
      decisions: [{ type: "approve" }, { type: "reject" }],
    });
    expect(verdict).toMatchObject({ given: { decisions: [{ type: "approve" }, { type: "reject" }] } });
  });
  test("a response needs words", () => {
    const review = opened(hitlPyValue([action]));
    expect(resumed(review, { decisions: [{ type: "respond" }] })).toEqual({
      faults: ["/command/resume/decisions/0/message"],
    });
    const own = (decision: object) => ({ ok: true as const, value: [{ type: "respond" as const, ...decision }] });
    expect(decided(review, own({}))).toEqual({ faults: ["/decisions/0/message"] });
    expect(decided(review, own({ value: { a: 1 } }))).toEqual({ faults: ["/decisions/0/value"] });
    expect(decided(review, own({ value: "paid" }))).toMatchObject({
      given: { decisions: [{ type: "respond", message: "paid" }] },
    });
  });
  test("a response is not held against the schema of the arguments", () => {
    const value = hitlPyValue([action], ["respond"]);
    const [config] = value.review_configs;
    const review = opened({ ...value, review_configs: [{ ...config, args_schema: { type: "object" } }] });
    expect(resumed(review, { decisions: [{ type: "respond", message: "paid" }] })).toHaveProperty("given");
  });
  test("its first versions wrote `arguments`, and are answered so", () => {
    const review = opened(hitlPyValue([{ name: "pay", arguments: { amount: 5 } }]));
    expect(review).toMatchObject({ flavour: "hitl_py", actions: [{ args: { amount: 5 } }] });
    const edited = { type: "edit", edited_action: { name: "pay", arguments: { amount: "7" } } };
    expect(resumed(review, { decisions: [edited] })).toMatchObject({
      given: { decisions: [{ type: "edit", edited_action: { name: "pay", arguments: { amount: 7 } } }] },
    });
  });
});
