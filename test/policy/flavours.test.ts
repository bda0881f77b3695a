import { describe, expect, test } from "vitest";
import { digest } from "../../src/policy/digest.ts";
import { noteOfCallsBeside } from "../../src/policy/review/flavours/calls-beside.ts";
import { decisionsFromResume } from "../../src/policy/review/normalise.ts";
import { hitlValue, humanInterrupt, opened, resumed } from "./pause.ts";

const pay = { name: "pay", args: { amount: 5 } };

describe("what only nearly fits", () => {
  const config = { actionName: "pay", allowedDecisions: ["approve"] };
  const near: [string, unknown][] = [
    ["no actions", { actionRequests: [], reviewConfigs: [] }],
    ["fewer configs than actions", { actionRequests: [pay, pay], reviewConfigs: [config] }],
    ["more configs than actions", { actionRequests: [pay], reviewConfigs: [config, config] }],
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

test("the fault of an answer by interrupt id is found below that id", () => {
  const sent = decisionsFromResume(opened(hitlValue([pay])), { decisions: [{ type: "no" }] }, "/command/resume/abc");
  expect(sent).toMatchObject({ ok: false, faults: [{ pointer: "/command/resume/abc/decisions/0/type" }] });
});

test("the title of any question is text that Postgres can hold", () => {
  const review = opened("what?", { node: "a\0b\ud800" });
  expect(review.title).toBe('refunds: "a\ufffdb\ufffd" asks');
});

describe("calls beside those that are asked about", () => {
  const note = (messages: unknown, actions = hitlValue([pay])) => {
    const review = opened(actions);
    return noteOfCallsBeside(review.flavour, review.actions, { messages });
  };
  const calls = (...names: unknown[]) => ({ tool_calls: names.map((name) => ({ name })) });
  test("are named, each once", () => {
    expect(note([calls("old"), calls("look_up", "pay", "pay", "look_up"), {}])).toMatch(/also calls look_up, pay\./);
  });
  test.each([
    ["no other call", [calls("pay")]],
    ["a message that is not asked about", [calls("look_up")]],
    ["no messages", undefined],
    ["messages that are none", [null, 3, { tool_calls: "pay" }]],
    ["calls that are none", [{ tool_calls: [null, 3] }]],
  ])("are none with %s", (_what, messages) => {
    expect(note(messages)).toBe("");
  });
  test("are not looked for where a graph asks in other words", () => {
    expect(note([calls("send_email", "look_up")], humanInterrupt({}) as never)).toBe("");
  });
});
