import { expect, test } from "vitest";
import { isHeld, narrowed, readAccessFilter, stamped } from "../../src/policy/access-filter.ts";

test.each([
  ["a value", { owner: "ana" }, { owner: "ana" }],
  ["$eq", { owner: { $eq: "ana" } }, { owner: "ana" }],
  ["$eq of nothing at all", { owner: { $eq: "" } }, { owner: "" }],
  ["$contains", { teams: { $contains: "red" } }, { teams: ["red"] }],
  ["$contains of several", { teams: { $contains: ["red", "blue"] } }, { teams: ["red", "blue"] }],
  ["numbers, booleans and null", { level: 2, on: false, of: null }, { level: 2, on: false, of: null }],
  ["no condition", {}, {}],
  ["names that mean something to JavaScript", JSON.parse('{"__proto__":"ana"}'), JSON.parse('{"__proto__":"ana"}')],
])("a filter may be %s", (_name, given, read) => {
  expect(JSON.stringify(readAccessFilter(given))).toBe(JSON.stringify(read));
});

test.each([
  ["undefined, as of a user without that member", { owner: undefined }],
  ["an object without an operator", { owner: {} }],
  ["an operator that nobody knows", { owner: { $ne: "ana" } }],
  ["two operators", { owner: { $eq: "ana", $contains: "ana" } }],
  ["an operator of nothing", { owner: { $eq: undefined } }],
  ["an object to be equal to", { owner: { $eq: { id: 1 } } }],
  ["a list", { owner: ["ana"] }],
  ["lists in $contains", { owner: { $contains: [["ana"]] } }],
  ["no number", { level: Number.NaN }],
  ["a NUL character", { owner: "a\0" }],
  ["half of a UTF-16 pair", { owner: "\ud800" }],
  ["a NUL character in a key", { "a\0": "ana" }],
  ["text without end", { owner: "a".repeat(10_001) }],
  ["keys without end", Object.fromEntries(Array.from({ length: 51 }, (_one, place) => [`k${place}`, "a"]))],
  ["a function", { owner: () => true }],
])("a filter of %s lets nobody in, rather than everybody", (_name, given) => {
  expect(() => readAccessFilter(given)).toThrow();
});

test.each([["text"], [7], [["owner"]], [new Date()], [new Map([["owner", "ana"]])]])("%j is no filter", (given) => {
  expect(() => readAccessFilter(given)).toThrow(/must be an object/);
});

test("metadata holds a filter whose every key it has, and no other", () => {
  const filter = readAccessFilter({ owner: "ana", teams: { $contains: ["red"] } });
  expect(isHeld(filter, { owner: "ana", teams: ["blue", "red"], more: 1 })).toBe(true);
  for (const metadata of [
    {},
    { owner: "ana" },
    { owner: "ana", teams: "red" },
    { owner: ["ana"], teams: ["red"] },
    { owner: "Ana", teams: ["red"] },
    { owner: "ana", teams: ["blue"] },
  ]) {
    expect(isHeld(filter, metadata), JSON.stringify(metadata)).toBe(false);
  }
  expect(isHeld(readAccessFilter({ constructor: "ana" }), {})).toBe(false);
});

test("what is made under a filter can be seen by its maker, and by nobody else in their stead", () => {
  const filter = readAccessFilter({ owner: "ana", teams: { $contains: "red" } });
  expect(stamped(filter, { topic: "refunds" })).toEqual({ topic: "refunds", owner: "ana", teams: ["red"] });
  expect(stamped(filter, { owner: "ana", teams: ["red", "blue"] })).toEqual({ owner: "ana", teams: ["red", "blue"] });
  expect(stamped(filter, { owner: "john" })).toBeUndefined();
  expect(stamped(filter, { owner: null })).toBeUndefined();
});

test("a search by metadata is made narrower by a filter, and finds nothing where the two exclude each other", () => {
  const filter = readAccessFilter({ owner: "ana", teams: { $contains: "red" } });
  expect(narrowed({ topic: "refunds" }, filter)).toEqual({ topic: "refunds", owner: "ana", teams: ["red"] });
  expect(narrowed({ owner: "ana", teams: ["blue"] }, filter)).toEqual({ owner: "ana", teams: ["blue", "red"] });
  expect(narrowed({ owner: "john" }, filter)).toBeUndefined();
  expect(narrowed({ owner: { $ne: 1 } }, filter)).toBeUndefined();
  expect(narrowed({ teams: "red" }, filter)).toBeUndefined();
});
