import { expect, test } from "vitest";
import { aliasedByTask, aliasedEvent, aliasedInterrupts, aliasedOutput } from "../../src/http/hitl-aliases.ts";
import { hitlPyValue, hitlValue, humanInterrupt } from "../policy/pause.ts";
import { fc } from "../support/properties.ts";

const value = hitlValue([{ name: "pay", args: { amount: 5 } }], ["approve", "edit"], { type: "object" });
const aliased = {
  ...value,
  action_requests: value.actionRequests,
  review_configs: [{ action_name: "pay", allowed_decisions: ["approve", "edit"], args_schema: { type: "object" } }],
};

test("a question of LangChain.js is told in both spellings, and what is stored is not touched", () => {
  const interrupts = [
    { id: "a", value },
    { id: "b", value: "other" },
  ];
  const before = JSON.stringify(interrupts);
  expect(aliasedInterrupts(interrupts)).toEqual([{ id: "a", value: aliased }, interrupts[1]]);
  expect(aliasedByTask({ task: interrupts })).toEqual({ task: [{ id: "a", value: aliased }, interrupts[1]] });
  expect(JSON.stringify(interrupts)).toBe(before);
});

test.each([
  ["one of Python", hitlPyValue([{ name: "pay", args: {} }])],
  ["a HumanInterrupt", humanInterrupt({})],
  ["one that has both spellings already", { ...value, action_requests: [], review_configs: [] }],
  ["one that only nearly fits", { ...value, reviewConfigs: [] }],
  ["free JSON", { actionRequests: "none" }],
])("%s is told as it is", (_what, other) => {
  const interrupts = [{ id: "a", value: other }];
  expect(aliasedInterrupts(interrupts)).toEqual(interrupts);
});

test("one that says itself how it is to be answered is told as it is", () => {
  const interrupts = [{ id: "a", value, response_schema: { type: "object" } }];
  expect(aliasedInterrupts(interrupts)).toEqual(interrupts);
});

test("only what an event says of interrupts is read, not a state that looks like it", () => {
  const asked = [{ id: "a", value }];
  const told = [{ id: "a", value: aliased }];
  expect(aliasedEvent("values", { __interrupt__: asked, interrupts: asked })).toEqual({
    __interrupt__: told,
    interrupts: asked,
  });
  expect(aliasedEvent("tasks", { id: "t", interrupts: asked })).toEqual({ id: "t", interrupts: told });
  const checkpoint = { values: { tasks: asked }, tasks: [{ interrupts: asked }, null] };
  expect(aliasedEvent("checkpoints", checkpoint)).toEqual({ ...checkpoint, tasks: [{ interrupts: told }, null] });
  expect(aliasedEvent("debug", { payload: { interrupts: asked } })).toEqual({ payload: { interrupts: told } });
  expect(aliasedEvent("custom", { __interrupt__: asked })).toEqual({ __interrupt__: asked });
});

test("a run that asked nothing is given as it is stored, byte for byte", () => {
  for (const output of ['{ "a": 1 }', "null", "3", '{"text":"__interrupt__ and actionRequests"}']) {
    expect(aliasedOutput(output)).toBe(output);
  }
  expect(JSON.parse(aliasedOutput(JSON.stringify({ __interrupt__: [{ id: "a", value }] })))).toEqual({
    __interrupt__: [{ id: "a", value: aliased }],
  });
});

const SCALE = Number(process.env["HOLDPOINT_TEST_SCALE"] ?? 1);

test("whatever is streamed, telling of it neither fails nor loses anything", { timeout: 30_000 * SCALE }, () => {
  const mode = fc.constantFrom("values", "updates", "tasks", "checkpoints", "debug", "custom", "messages");
  const key = fc.constantFrom(
    "__interrupt__",
    "interrupts",
    "tasks",
    "payload",
    "value",
    "actionRequests",
    "__proto__",
  );
  const data = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 4 },
      fc.constant(value),
      fc.jsonValue({ maxDepth: 1 }),
      fc.array(tie("any"), { maxLength: 2 }),
      fc.array(fc.tuple(key, tie("any")), { maxLength: 3 }).map((members) => Object.fromEntries(members)),
    ),
  })).any;
  fc.assert(
    fc.property(mode, data, (name, told) => {
      const text = JSON.stringify(aliasedEvent(name, told));
      const without = JSON.stringify(JSON.parse(text), (_key, member) => {
        if (member === null || typeof member !== "object" || Array.isArray(member)) return member;
        if (!Object.hasOwn(member, "review_configs")) return member;
        const { action_requests: _requests, review_configs: _configs, ...rest } = member;
        return rest;
      });
      expect(JSON.parse(without)).toEqual(JSON.parse(JSON.stringify(told)));
    }),
    { numRuns: 500 * SCALE },
  );
});
