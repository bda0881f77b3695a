import { describe, expect, test } from "vitest";
import { canonicalJson } from "../../src/policy/canonical-json.ts";
import { changedPaths, decisionDiff } from "../../src/policy/review/diff.ts";
import {
  answerForGraph,
  canonicalDecisions,
  checkDecisions,
  decisionsFromResume,
  outcomeOf,
} from "../../src/policy/review/normalise.ts";
import type { CanonicalDecision } from "../../src/protocol/decision.ts";
import type { Flavour, ReviewAction } from "../../src/protocol/interrupt.ts";
import type { Json } from "../../src/protocol/json.ts";
import { fc } from "../support/properties.ts";

const action = (extra: Partial<ReviewAction> = {}): ReviewAction => ({
  index: 0,
  name: "pay",
  args: { amount: 5, to: { name: "ACME", iban: "DE1" } },
  allowed: ["approve", "edit", "reject"],
  ...extra,
});

const edit = (args: unknown): CanonicalDecision => ({ action: 0, type: "edit", args: args as Json });

describe("canonical decisions", () => {
  test("one action need not be named, and order does not matter", () => {
    expect(canonicalDecisions([{ type: "approve" }], 1)).toEqual({ ok: true, value: [{ action: 0, type: "approve" }] });
    const both = canonicalDecisions(
      [
        { action: 1, type: "reject" },
        { action: 0, type: "approve" },
      ],
      2,
    );
    expect(both).toEqual({
      ok: true,
      value: [
        { action: 0, type: "approve" },
        { action: 1, type: "reject" },
      ],
    });
  });
  test.each([
    [
      "an unnamed action of several",
      [{ type: "approve" as const }, { action: 1, type: "approve" as const }],
      2,
      "/decisions/0/action",
    ],
    ["an action that is not there", [{ action: 3, type: "approve" as const }], 1, "/decisions/0/action"],
    [
      "an action decided twice",
      [
        { action: 0, type: "approve" as const },
        { action: 0, type: "reject" as const },
      ],
      1,
      "/decisions/1/action",
    ],
    ["an action left out", [{ action: 0, type: "approve" as const }], 2, "/decisions"],
    ["no decision", [], 1, "/decisions"],
  ])("%s is a fault at its place", (_what, decisions, count, pointer) => {
    expect(canonicalDecisions(decisions, count)).toMatchObject({ ok: false, faults: [{ pointer }] });
  });
});

describe("checks", () => {
  test("a type that is not offered", () => {
    expect(checkDecisions([{ action: 0, type: "respond", message: "hm" }], [action()])).toMatchObject([
      { pointer: "/decisions/0/type" },
    ]);
  });
  test("edited arguments are held against the schema", () => {
    const args_schema = {
      type: "object",
      properties: { amount: { type: "number", maximum: 10 } },
      required: ["amount"],
      additionalProperties: false,
    };
    const faults = (args: unknown) =>
      checkDecisions([edit(args)], [action({ args_schema })]).map(({ pointer }) => pointer);
    expect(faults({ amount: 10 })).toEqual([]);
    expect(faults({ amount: 11 })).toEqual(["/decisions/0/args/amount"]);
    expect(faults({ amount: 1, more: true })).toEqual(["/decisions/0/args"]);
    expect(faults("x")).toEqual(["/decisions/0/args"]);
  });
  test("money in cents passes a step of 0.01", () => {
    const args_schema = { properties: { amount: { multipleOf: 0.01 } } };
    for (const amount of [1.1, 13.86, 0.07, 1234567.89])
      expect(checkDecisions([edit({ amount })], [action({ args_schema })])).toEqual([]);
    expect(checkDecisions([edit({ amount: 1.001 })], [action({ args_schema })])).toHaveLength(1);
  });
  test("only editable paths may change, and what lies below them", () => {
    const faults = (args: unknown, editable_paths: string[]) =>
      checkDecisions([edit(args)], [action({ editable_paths })]).map(({ pointer }) => pointer);
    expect(faults({ amount: 6, to: { name: "ACME", iban: "DE1" } }, ["/amount"])).toEqual([]);
    expect(faults({ amount: 5, to: { name: "X", iban: "DE1" } }, ["/amount"])).toEqual(["/decisions/0/args/to/name"]);
    expect(faults({ amount: 5, to: { name: "X", iban: "Y" } }, ["/to"])).toEqual([]);
    expect(faults({ amount: 5, to: { name: "ACME", iban: "DE1" }, toll: 1 }, ["/to"])).toEqual([
      "/decisions/0/args/toll",
    ]);
    expect(faults({ amount: 5 }, ["/amount"])).toEqual(["/decisions/0/args/to"]);
    expect(faults([], ["/amount"])).toEqual(["/decisions/0/args"]);
    expect(faults({ amount: 5, to: { name: "ACME", iban: "DE1" } }, [])).toEqual([]);
  });
  test("a schema that is no schema refuses nothing here: the graph's own check has the last word", () => {
    const args_schema = { $ref: "#/nowhere" };
    expect(checkDecisions([edit({ amount: 6 })], [action({ args_schema })])).toEqual([]);
  });
  test("a response is held against the schema where it is the only answer", () => {
    const only = action({ allowed: ["respond"], args_schema: { type: "number" } });
    expect(checkDecisions([{ action: 0, type: "respond", value: 3 }], [only])).toEqual([]);
    expect(checkDecisions([{ action: 0, type: "respond", value: "x" }], [only])).toMatchObject([
      { pointer: "/decisions/0/value" },
    ]);
    expect(checkDecisions([{ action: 0, type: "respond", message: "x" }], [only])).toHaveLength(1);
  });
  test("__proto__ is a key like any other: seen as a change, and nobody's prototype", () => {
    const args = JSON.parse('{"amount": 5, "to": {"name": "ACME", "iban": "DE1"}, "__proto__": {"admin": true}}');
    expect(checkDecisions([edit(args)], [action({ editable_paths: ["/amount"] })])).toHaveLength(1);
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
    expect(changedPaths(JSON.parse('{"__proto__": 1}'), JSON.parse('{"__proto__": 2}'))).toHaveLength(1);
    expect(
      decisionDiff([action({ args: { amount: 5 } })], [edit(JSON.parse('{"amount": 5, "constructor": 1}'))]),
    ).toHaveLength(1);
  });
});

describe("what changed", () => {
  const json = fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<Json>;
  test("is nothing exactly when the bytes are the same", () => {
    fc.assert(
      fc.property(json, json, (before, after) => {
        expect(changedPaths(before, before)).toEqual([]);
        expect(changedPaths(before, after).length === 0).toBe(canonicalJson(before) === canonicalJson(after));
      }),
      { numRuns: 2_000 },
    );
  });
  test("in an object with the names that objects have by themselves is seen too", () => {
    for (const key of [
      "__proto__",
      "constructor",
      "hasOwnProperty",
      "toString",
      "toJSON",
      "length",
      "a/b",
      "a~b",
      "",
    ]) {
      const without: Json = { kept: 1 };
      const added = JSON.parse(JSON.stringify({ kept: 1 }).replace("}", `,${JSON.stringify(key)}:{"x":1}}`)) as Json;
      const changed = JSON.parse(JSON.stringify({ kept: 1 }).replace("}", `,${JSON.stringify(key)}:{"x":2}}`)) as Json;
      expect(changedPaths(without, added), key).toHaveLength(1);
      expect(changedPaths(added, without), key).toHaveLength(1);
      expect(changedPaths(added, changed), key).toHaveLength(1);
    }
  });
});

describe("resumes", () => {
  const fromResume = (flavour: Flavour, value: unknown) => decisionsFromResume({ flavour, actions: [action()] }, value);
  const toGraph = (flavour: Flavour, decisions: CanonicalDecision[]) => {
    const question = { flavour, value: null, value_digest: "sha256:d", actions: [action()], answers: null };
    return answerForGraph(question, decisions);
  };
  test("a plain question takes any JSON as it is", () => {
    for (const value of [null, false, 0, "", [], { a: 1 }, "approve"]) {
      expect(fromResume("raw", value)).toMatchObject({ ok: true, value: [{ type: "respond", value }] });
      expect(toGraph("raw", [{ action: 0, type: "respond", value: value as Json }])).toEqual(value);
    }
  });
  test("a breakpoint takes no answer", () => {
    expect(fromResume("breakpoint", "no matter")).toEqual({ ok: true, value: [{ type: "approve" }] });
    expect(toGraph("breakpoint", [{ action: 0, type: "approve" }])).toBeUndefined();
  });
  test("a review() takes decisions and nothing else", () => {
    for (const value of [
      null,
      true,
      "approve",
      [],
      [{ type: "approve" }],
      { decisions: [] },
      { decisions: [{ type: "ignore" }] },
      { decisions: "approve" },
    ]) {
      expect(fromResume("review", value), JSON.stringify(value)).toMatchObject({ ok: false });
    }
    expect(fromResume("review", { decisions: [{ type: "approve" }] })).toMatchObject({
      ok: true,
      value: [{ type: "approve" }],
    });
    expect(toGraph("review", [{ action: 0, type: "approve" }])).toEqual({
      value_digest: "sha256:d",
      decisions: [{ action: 0, type: "approve" }],
    });
  });
  test("the outcome is the one word for all decisions, or mixed", () => {
    expect(
      outcomeOf([
        { action: 0, type: "approve" },
        { action: 1, type: "approve" },
      ]),
    ).toBe("approved");
    expect(
      outcomeOf([
        { action: 0, type: "approve" },
        { action: 1, type: "reject" },
      ]),
    ).toBe("mixed");
    expect(outcomeOf([edit({})])).toBe("edited");
    expect(outcomeOf([{ action: 0, type: "respond" }])).toBe("responded");
  });
});
