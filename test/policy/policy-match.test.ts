import { describe, expect, test } from "vitest";
import { matchesGlob } from "../../src/policy/glob.ts";
import { commonPointers, valueAt } from "../../src/policy/json-pointer.ts";
import { parsePolicyFile } from "../../src/policy/review/policy-file.ts";
import { ruleMatches } from "../../src/policy/review/policy-match.ts";
import type { Json } from "../../src/protocol/json.ts";
import { fc } from "../support/properties.ts";

/** Whether a rule with this match, as it is written, is about an action. */
function matches(
  match: object,
  about: { graph_id?: string; node?: string; flavour?: string; name?: string; args?: Json } = {},
) {
  const parsed = parsePolicyFile(JSON.stringify({ rules: [{ match, set: { due: "1h" } }] }));
  if (!parsed.ok) throw new Error(parsed.faults.map(({ message }) => message).join("\n"));
  const { graph_id = "refund-eu", node = "ask", flavour = "hitl", name = "pay", args = { amount: 5 } } = about;
  return ruleMatches(parsed.value.rules[0]!.match, { graph_id, node, flavour, action: { name, args } });
}

describe("a glob", () => {
  test.each([
    ["pay", "pay", true],
    ["pay", "pay_all", false],
    ["*", "", true],
    ["pay*", "pay", true],
    ["*pay", "repay", true],
    ["a*a", "a", false],
    ["a*b*c", "a-b-c", true],
    ["a*b*c", "acb", false],
    ["*a*", "bab", true],
    ["ab*ba", "aba", false],
    ["a**b", "ab", true],
    ["a.b", "axb", false],
    ["[a-z]", "a", false],
    ["A", "a", false],
  ])("%s and %s: %s", (pattern, text, expected) => {
    expect(matchesGlob(pattern, text)).toBe(expected);
  });

  test("means what a regular expression of the same form means", () => {
    const letters = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 8 });
    const pattern = fc.string({ unit: fc.constantFrom("a", "b", "*"), maxLength: 6 });
    fc.assert(
      fc.property(pattern, letters, (glob, text) => {
        expect(matchesGlob(glob, text)).toBe(new RegExp(`^${glob.replaceAll("*", "[^]*")}$`).test(text));
      }),
      { numRuns: 500 },
    );
  });

  test("takes a text of a megabyte that was made to keep it busy", () => {
    expect(matchesGlob(`${"*a".repeat(80)}*b`, "a".repeat(1_000_000))).toBe(false);
  });
});

describe("a pointer", () => {
  test("leads to what a value itself holds", () => {
    const value = { a: { "b/c": [10, { "~": null }] }, "": 1 };
    expect(valueAt(value, "")).toEqual(value);
    expect(valueAt(value, "/")).toBe(1);
    expect(valueAt(value, "/a/b~1c/1/~0")).toBeNull();
    for (const nowhere of [
      "/a/x",
      "/a/b~1c/2",
      "/a/b~1c/-",
      "/a/b~1c/01",
      "/a/b~1c/length",
      "/constructor",
      "/a/__proto__",
      "/a/toString",
    ])
      expect(valueAt(value, nowhere), nowhere).toBeUndefined();
    expect(valueAt("text", "/0")).toBeUndefined();
    expect(valueAt(null, "/a")).toBeUndefined();
  });

  test("in common are those that lie inside of the others", () => {
    expect(commonPointers(["/a", "/b/c"], ["/a/x", "/b", "/ab"])).toEqual(["/a/x", "/b/c"]);
    expect(commonPointers([""], ["/a"])).toEqual(["/a"]);
    expect(commonPointers(["/a"], ["/b"])).toEqual([]);
  });
});

describe("a rule", () => {
  test("is about what all of its words are about", () => {
    expect(matches({ graph: "refund-*" })).toBe(true);
    expect(matches({ graph: ["x", "refund-*"], node: "ask", tool: "p*", flavour: ["raw", "hitl"] })).toBe(true);
    expect(matches({ graph: "refund" })).toBe(false);
    expect(matches({ graph: "refund-*", node: "other" })).toBe(false);
    expect(matches({ graph: "refund-*", tool: "refund" })).toBe(false);
    expect(matches({ graph: "refund-*", flavour: "raw" })).toBe(false);
  });

  type Case = [string, object, Json, boolean];
  const cases: Case[] = [
    ["above its limit", { at: "/amount", above: 5 }, { amount: 5.01 }, true],
    ["at its limit", { at: "/amount", above: 5 }, { amount: 5 }, false],
    ["between two", { at: "/amount", above: 5, below: 10 }, { amount: 7 }, true],
    ["beyond both", { at: "/amount", above: 5, below: 10 }, { amount: 10 }, false],
    ["a number in quotes", { at: "/amount", above: 5 }, { amount: "6" }, true],
    ["a number in quotes with an exponent", { at: "/amount", above: 5 }, { amount: " 1e3 " }, true],
    ["a word where a number belongs", { at: "/amount", above: 5 }, { amount: "lots" }, false],
    ["nothing in quotes", { at: "/amount", below: 5 }, { amount: "" }, false],
    ["true where a number belongs", { at: "/amount", below: 5 }, { amount: true }, false],
    ["no argument at all", { at: "/amount", below: 5 }, {}, false],
    ["null", { at: "/amount", below: 5 }, { amount: null }, false],
    ["equal text", { at: "/to", equals: "ACME" }, { to: "ACME" }, true],
    ["an equal object in another order", { at: "/to", equals: { a: 1, b: [2] } }, { to: { b: [2], a: 1 } }, true],
    ["an unequal object", { at: "/to", equals: { a: 1 } }, { to: { a: 1, b: 2 } }, false],
    ["null that is there", { at: "/to", equals: null }, { to: null }, true],
    ["null that is not there", { at: "/to", equals: null }, {}, false],
    ["one of a list", { at: "/to", in: ["a", "b"] }, { to: "b" }, true],
    ["none of a list", { at: "/to", in: ["a", "b"] }, { to: "c" }, false],
    ["text of a form", { at: "/to", matches: ["*@example.com", "x"] }, { to: "ana@example.com" }, true],
    ["text of another form", { at: "/to", matches: "*@example.com" }, { to: "ana@example.org" }, false],
    ["a number where text belongs", { at: "/to", matches: "*" }, { to: 5 }, false],
    ["what is there", { at: "/to", exists: true }, { to: null }, true],
    ["what is not there", { at: "/to", exists: false }, {}, true],
    ["what is there and should not be", { at: "/to", exists: false }, { to: 1 }, false],
    ["the whole of a plain question", { at: "", equals: "delete?" }, "delete?", true],
    ["half a character", { at: "/to", equals: "x" }, { to: "\ud800" }, false],
  ];
  test.each(cases)("with %s", (_name, condition, args, expected) => {
    expect(matches({ arguments: [condition] }, { args })).toBe(expected);
  });

  test("with several conditions wants them all", () => {
    const conditions = [
      { at: "/amount", above: 5 },
      { at: "/to", equals: "a" },
    ];
    expect(matches({ arguments: conditions }, { args: { amount: 6, to: "a" } })).toBe(true);
    expect(matches({ arguments: conditions }, { args: { amount: 6, to: "b" } })).toBe(false);
  });
});
