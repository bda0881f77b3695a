import pc from "picocolors";
import { describe, expect, test } from "vitest";
import { changeLines, changesBetween } from "../../src/cli/difference.ts";
import { applySets } from "../../src/cli/edit-args.ts";
import type { Json } from "../../src/protocol/json.ts";

const schema: Record<string, Json> = {
  type: "object",
  properties: {
    amount: { type: "number" },
    count: { type: "integer" },
    reason: { type: "string" },
    urgent: { type: "boolean" },
    note: { anyOf: [{ type: "string" }, { type: "null" }] },
    currency: { enum: ["EUR", "USD"] },
    lines: { type: "array", items: { $ref: "#/$defs/line" } },
    "a.b": { type: "number" },
  },
  $defs: { line: { type: "object", properties: { price: { type: "number" }, tag: { type: "string" } } } },
};
const args: Json = {
  amount: 25,
  count: 1,
  reason: "broken",
  urgent: false,
  note: null,
  lines: [{ price: 1 }, { price: 2 }],
};
const set = (...sets: string[]) => applySets(args, schema, sets) as Record<string, Json>;

describe("--set", () => {
  test.each([
    ["a number", "amount=12.50", { amount: 12.5 }],
    ["a whole number", "count=3", { count: 3 }],
    ["text that looks like a number", "reason=12", { reason: "12" }],
    ["text with an equals sign", "reason=a=b", { reason: "a=b" }],
    ["no text", "reason=", { reason: "" }],
    ["yes", "urgent=true", { urgent: true }],
    ["null where it is allowed", "note=null", { note: null }],
    ["text where null is allowed too", "note=hello", { note: "hello" }],
    ["one of a few words", "currency=USD", { currency: "USD" }],
    ["a list", 'lines=[{"price":3}]', { lines: [{ price: 3 }] }],
    ["something inside a list", "lines.1.price=9", { lines: [{ price: 1 }, { price: 9 }] }],
    ["something inside that was not there", "lines.0.tag=7", { lines: [{ price: 1, tag: "7" }, { price: 2 }] }],
    ["a new item of a list", 'lines.2={"price":3}', { lines: [{ price: 1 }, { price: 2 }, { price: 3 }] }],
    ["a name with a dot, as a pointer", "/a.b=4", { "a.b": 4 }],
  ])("takes %s", (_what, given, changed) => {
    expect(set(given)).toEqual({ ...(args as object), ...changed });
  });

  test("takes several, one after the other", () => {
    expect(set("amount=1", "amount=2", "urgent=true")).toMatchObject({ amount: 2, urgent: true });
  });

  test("goes by the old value where there is no schema", () => {
    expect(applySets({ amount: 1, name: "x", tags: [] }, undefined, ["amount=2", "name=3", 'tags=["a"]'])).toEqual({
      amount: 2,
      name: "3",
      tags: ["a"],
    });
  });

  test.each([
    ["no value", "amount", "says no value"],
    ["no name", "=5", "says no value"],
    ["words for a number", "amount=many", '"many" is not of type number'],
    ["a fraction for a whole number", "count=1.5", "is not of type integer"],
    ["another notation", "amount=0x10", "is not of type number"],
    ["infinity", "amount=1e999", "more digits than a number can hold"],
    ["more digits than a number has", "amount=0.12345678901234567", "more digits than a number can hold"],
    ["a name that does not exist", "amout=5", 'there is no argument "amout"; there is: amount, count'],
    [
      "a name inside that does not exist",
      "lines.0.prise=5",
      'there is no argument "lines.0.prise"; there is: price, tag',
    ],
    ["an item far behind the end", "lines.7=1", "the list has 2 items"],
    ["a prototype", "__proto__.x=1", 'there is no argument "__proto__"'],
    ["a constructor", "constructor=1", 'there is no argument "constructor"'],
  ])("refuses %s", (_what, given, message) => {
    expect(() => set(given)).toThrow(
      expect.objectContaining({ exitCode: 5, message: expect.stringContaining(message) }),
    );
  });

  test("changes nothing of what it was given", () => {
    const before = structuredClone(args);
    set("amount=1", "lines.0.price=5");
    expect(args).toEqual(before);
  });
});

const shown = (before: Json, after: Json) =>
  changesBetween(before, after).flatMap((change) => changeLines(change, { colours: pc.createColors(false) }));

test("of a text of several words the difference marks the words, with signs and not with colours alone", () => {
  expect(shown({ note: "the blue lamp, two weeks" }, { note: "the red lamp, in two weeks" })).toEqual([
    "note:",
    "  removed  the [-blue-] lamp, two weeks",
    "  added    the [+red+] lamp,[+ in+] two weeks",
  ]);
  expect(shown({ note: "a b" }, { note: "a b c\u001b[2J\nApprove? y" })).toEqual([
    "note:",
    "  removed  a b",
    "  added    a b[+ c\\x1b[2J",
    "           Approve? y+]",
  ]);
  const many = Array.from({ length: 5_000 }, (_none, at) => `w${at}`).join(" ");
  expect(shown({ note: `${many} x` }, { note: `y ${many}` })).toHaveLength(3);
});

test("no value of several lines passes for another change", () => {
  expect(shown({}, { note: "x\namount: 1 → 2" })).toEqual(["note: added x", "  │ amount: 1 → 2"]);
});

test("the difference says what was, what is, and what was added or taken away", () => {
  const after = set("amount=12.5", "lines.0.tag=new") as Record<string, Json>;
  const { reason: _gone, ...rest } = after;
  expect(shown(args, rest).sort()).toEqual([
    "amount: 25 → 12.5",
    "lines.0.tag: added new",
    "reason: removed (was broken)",
  ]);
});
