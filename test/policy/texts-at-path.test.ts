import { expect, test } from "vitest";
import { textsAtPath } from "../../src/policy/texts-at-path.ts";

const VALUE = {
  title: "T",
  count: 3,
  gone: null,
  list: ["x", "y", { z: "z" }],
  chapters: [{ content: "one" }, { content: "two", notes: [{ text: "n" }] }, { other: "no" }],
  author: { name: "Ana", age: 30 },
};

test.each<[string, string[]]>([
  ["title", ["T"]],
  ["$.title", ["T"]],
  ["count", ["3"]],
  ["author.name", ["Ana"]],
  ["author", [JSON.stringify(VALUE.author, null, 2)]],
  ["chapters[*].content", ["one", "two"]],
  ["chapters[*].notes[*].text", ["n"]],
  ["chapters[1].content", ["two"]],
  ["chapters[-2].content", ["two"]],
  ["list[0]", ["x"]],
  ["author.*", ["Ana", "30"]],
  ["{title,author.name}", ["T", "Ana"]],
  ["chapters[*].{content,other}", ["one", "two", "no"]],
  ["$", [JSON.stringify(VALUE, null, 2)]],
  ["gone", []],
  ["gone.deeper", []],
  ["title.length", []],
  ["list.length", []],
  ["missing.at.all", []],
  ["list[9]", []],
  ["list[-9]", []],
  ["title[0]", []],
  ["author[0]", []],
  ["__proto__", []],
  ["constructor.name", []],
  ["[[[", []],
  ["{a,{b}}", []],
  ["a]b", []],
  ["..", []],
])("%s", (path, texts) => {
  expect(textsAtPath(VALUE, path)).toEqual(texts);
});

test("a path takes no more than a bounded number of texts along, however often it says every", () => {
  const wide = Array.from({ length: 100 }, () =>
    Array.from({ length: 100 }, () => Array.from({ length: 100 }, () => "x")),
  );
  expect(textsAtPath(wide, "*.*.*")).toHaveLength(1_000);
  const deep = JSON.parse(`${"[".repeat(2_000)}${"]".repeat(2_000)}`) as unknown;
  expect(textsAtPath(deep, "*".repeat(1).concat(".*".repeat(249)))).toHaveLength(1);
  expect(textsAtPath(wide, `{${"a,".repeat(240)}a}`.repeat(1))).toEqual([]);
});
