import { describe, expect, test } from "vitest";
import { digest } from "../../src/policy/digest.ts";
import { decided, hitlPyValue, hitlValue, humanInterrupt, opened, resumed } from "./pause.ts";

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

describe("a HumanInterrupt", () => {
  const args = { to: "a@b.c", retries: 2, urgent: true, tags: ["x"], note: null };
  const forms: [string, unknown][] = [
    ["an object", humanInterrupt(args)],
    ["a list", [humanInterrupt(args)]],
    ["JSON text", JSON.stringify(humanInterrupt(args))],
    ["JSON text of a list", ` ${JSON.stringify([humanInterrupt(args)])}`],
  ];
  test.each(forms)("is known as %s, and its digest covers what is stored", (_what, value) => {
    expect(opened(value)).toMatchObject({
      flavour: "agent_inbox",
      title: "refunds: asks about send_email",
      actions: [{ name: "send_email", args, allowed: ["approve", "edit", "reject", "respond"] }],
      value_digest: digest(value),
    });
  });
  test("its permits are what may be answered", () => {
    const config = { allow_accept: false, allow_edit: false, allow_ignore: true, allow_respond: true };
    const review = opened(humanInterrupt(args, config, { description: "Really?" }));
    expect(review.actions).toMatchObject([{ allowed: ["reject", "respond"], description: "Really?" }]);
    expect(resumed(review, [{ type: "accept", args: null }])).toEqual({ faults: ["/command/resume/0/type"] });
  });
  test.each([
    ["an acceptance", { type: "accept", args: null }, { type: "accept", args: { action: "send_email", args } }],
    [
      "what was proposed, whatever comes along with an acceptance",
      { type: "accept", args: { action: "send_email", args: { to: "eve" } } },
      { type: "accept", args: { action: "send_email", args } },
    ],
    ["ignoring", { type: "ignore", args: null }, { type: "ignore", args: null }],
    ["a response", { type: "response", args: "Ask Ben" }, { type: "response", args: "Ask Ben" }],
    [
      "an edit whose values came as text",
      {
        type: "edit",
        args: { action: "send_email", args: { to: "7", retries: "3", urgent: "false", tags: '["y"]', note: "hi" } },
      },
      {
        type: "edit",
        args: { action: "send_email", args: { to: "7", retries: 3, urgent: false, tags: ["y"], note: "hi" } },
      },
    ],
    ["a decision in our own words", { decisions: [{ type: "approve" }] }, { type: "accept" }],
  ])("is given %s, always in a list", (_what, resume, given) => {
    const review = opened(humanInterrupt(args));
    const list = "decisions" in resume ? resume : [resume];
    expect(resumed(review, list)).toMatchObject({ given: [given] });
    expect(resumed(review, resume)).toMatchObject({ given: [given] });
  });
  test("an acceptance is given nothing where nothing can be edited", () => {
    const review = opened(humanInterrupt(args, { allow_accept: true }));
    expect(resumed(review, [{ type: "accept", args: null }])).toMatchObject({
      given: [{ type: "accept", args: null }],
    });
  });
  test.each([
    ["a scalar", "yes", "/command/resume"],
    ["an empty list", [], "/command/resume"],
    ["two responses for one action", [{ type: "accept" }, { type: "accept" }], "/command/resume"],
    ["no response", ["accept"], "/command/resume/0"],
    ["an unknown word", [{ type: "approve" }], "/command/resume/0/type"],
    ["a response that is no text", [{ type: "response", args: null }], "/command/resume/0/args"],
    ["an edit of nothing", [{ type: "edit", args: null }], "/command/resume/0/args"],
    ["another action", [{ type: "edit", args: { action: "drop", args: {} } }], "/command/resume/0/args/action"],
    [
      "text that is no number",
      [{ type: "edit", args: { action: "send_email", args: { retries: "many" } } }],
      "/command/resume/0/args/args/retries",
    ],
    [
      "a number that JavaScript cannot hold",
      [{ type: "edit", args: { action: "send_email", args: { retries: "12345678901234567890" } } }],
      "/command/resume/0/args/args/retries",
    ],
  ])("is never given %s", (_what, resume, pointer) => {
    expect(resumed(opened(humanInterrupt(args)), resume)).toEqual({ faults: [pointer] });
  });
  test("several are several actions, answered in their order", () => {
    const review = opened([
      humanInterrupt(args),
      { ...humanInterrupt({}), action_request: { action: "pay", args: {} } },
    ]);
    expect(review.title).toBe("refunds: asks about send_email, pay");
    const responses = [{ type: "ignore" }, { type: "response", args: "later" }];
    expect(resumed(review, responses)).toMatchObject({
      given: [{ type: "ignore" }, { type: "response", args: "later" }],
    });
  });
});

describe("what only nearly fits", () => {
  const config = { actionName: "pay", allowedDecisions: ["approve"] };
  const near: [string, unknown][] = [
    ["no actions", { actionRequests: [], reviewConfigs: [] }],
    ["fewer configs than actions", { actionRequests: [pay, pay], reviewConfigs: [config] }],
    ["another tool's config", { actionRequests: [pay], reviewConfigs: [{ ...config, actionName: "mail" }] }],
    ["nothing allowed", { actionRequests: [pay], reviewConfigs: [{ ...config, allowedDecisions: [] }] }],
    ["unknown words allowed", { actionRequests: [pay], reviewConfigs: [{ ...config, allowedDecisions: ["maybe"] }] }],
    ["words that are none", { actionRequests: [pay], reviewConfigs: [{ ...config, allowedDecisions: [1] }] }],
    ["a name that is no text", hitlValue([{ name: 7 as unknown as string, args: {} }])],
    ["no name", hitlValue([{ name: "", args: {} }])],
    ["an endless name", hitlValue([{ name: "x".repeat(1_000), args: {} }])],
    ["arguments that are a list", hitlValue([{ name: "pay", args: [] }])],
    ["a description that is no text", hitlValue([{ ...pay, description: { html: "<b>" } }])],
    ["a schema that is none", hitlValue([pay], ["edit"], "string")],
    ["ten thousand actions", hitlValue(Array(10_000).fill(pay))],
    ["inherited members", { ["constructor"]: 1, actionRequests: [{ ["toString"]: 1 }], reviewConfigs: [config] }],
    ["`__proto__` for a request", JSON.parse('{"__proto__": {"actionRequests": [], "reviewConfigs": []}}')],
    ["a HumanInterrupt that allows nothing", humanInterrupt({}, {})],
    ["permits that are no permits", humanInterrupt({}, { allow_accept: "yes" })],
    ["no arguments", humanInterrupt(null)],
    ["one that fits beside one that does not", [humanInterrupt({}), 3]],
    ["an empty list", []],
    ["text that is no JSON", "{action_request"],
    ["text", "send?"],
    ["nothing", null],
  ];
  test.each(near)("%s is a plain question", (_what, value) => {
    expect(opened(value)).toMatchObject({
      flavour: "raw",
      actions: [{ allowed: ["respond"] }],
      value_digest: digest(value),
    });
  });
  test("a question with a schema of its own for the answer is answered by that schema", () => {
    const review = opened(hitlValue([pay]), { response_schema: { type: "boolean" } });
    expect(review).toMatchObject({ flavour: "schema", actions: [{ args_schema: { type: "boolean" } }] });
    expect(resumed(review, true)).toMatchObject({ given: true });
    expect(resumed(review, { decisions: [] })).toEqual({ faults: ["/command/resume"] });
  });
  test("a long description says what it leaves out, and the value keeps it", () => {
    const description = "x".repeat(25_000);
    const review = opened(hitlValue([{ ...pay, description }]));
    expect(review.actions[0]?.description).toMatch(/^x{20000}… \(5000 more characters\)$/);
    expect(JSON.stringify(review.value)).toContain(description);
  });
});

test("the fault of an answer by interrupt id is found below that id", async () => {
  const { decisionsFromResume } = await import("../../src/policy/review/normalise.ts");
  const sent = decisionsFromResume(opened(hitlValue([pay])), { decisions: [{ type: "no" }] }, "/command/resume/abc");
  expect(sent).toMatchObject({ ok: false, faults: [{ pointer: "/command/resume/abc/decisions/0/type" }] });
});

test("the title of any question is text that Postgres can hold", () => {
  const review = opened("what?", { node: "a\0b\ud800" });
  expect(review.title).toBe('refunds: "a\ufffdb\ufffd" asks');
});
