import { expect, test } from "vitest";
import { describeChanges, shownChanges } from "../../src/policy/review/shown-change.ts";
import type { Json } from "../../src/protocol/json.ts";

const said = (before: Json, after: Json) => describeChanges(shownChanges(before, after));

test("what changed is told by pointer with both values, what came and what went too", () => {
  expect(said({ a: { "b/c": 1 }, d: [1, 2], e: "x" }, { a: { "b/c": 2 }, d: [1], f: null })).toBe(
    '/a/b~1c was 1 and is 2; /d/1 was 2 and is gone; /e was "x" and is gone; /f was not there and is null',
  );
});

test("the digest, which follows from the rest, is not named", () => {
  expect(said({ value_digest: "one", a: 1 }, { value_digest: "two", a: 1 })).toBe("");
});

test.each<[string, Json, Json, string]>([
  ["a scalar for another", 1, 2, "the whole was 1 and is 2"],
  ["an object for a list", {}, [], "the whole was {} and is []"],
])("a value that is another as a whole: %s", (_what, before, after, words) => {
  expect(said(before, after)).toBe(words);
});

test("many changes are counted, long and strange ones are cut to what can be stored", () => {
  const before = Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`k${at}`, at]));
  const after = Object.fromEntries(Object.keys(before).map((key) => [key, "\ud83d\ude00\0".repeat(10_000)]));
  const changes = shownChanges(before, after);
  expect(changes).toHaveLength(20);
  const words = describeChanges(changes);
  expect(words).toContain("and 15 more");
  expect(words.length).toBeLessThan(1_000);
  for (const text of [words, JSON.stringify(changes)]) {
    expect(text.isWellFormed()).toBe(true);
    expect(text).not.toContain("\0");
  }
});

test("a name that is a hostile key is a name like any other", () => {
  const before = JSON.parse('{"__proto__": 1, "constructor": 1}') as Json;
  const after = JSON.parse('{"__proto__": 2, "constructor": 1}') as Json;
  expect(said(before, after)).toBe("/__proto__ was 1 and is 2");
});
