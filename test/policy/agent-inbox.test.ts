import { describe, expect, test } from "vitest";
import { digest } from "../../src/policy/digest.ts";
import { humanInterrupt, opened, resumed } from "./pause.ts";

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
