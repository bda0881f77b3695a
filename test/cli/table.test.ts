import { describe, expect, test } from "vitest";
import { type Column, renderPairs, renderTable, renderTsv } from "../../src/cli/table.ts";
import { clip, pad, textWidth, wrap } from "../../src/cli/text-width.ts";
import { fc } from "../support/properties.ts";

interface Row {
  id: string;
  title: string;
  amount: string;
}

const columns: Column<Row>[] = [
  { name: "ID", show: ({ id }) => id.slice(0, 3), value: ({ id }) => id },
  { name: "TITLE", show: ({ title }) => title, shrinks: true },
  { name: "AMOUNT", show: ({ amount }) => amount, align: "right" },
];
const rows: Row[] = [
  { id: "abcdef", title: "Refund to 東京 shop", amount: "5.00" },
  { id: "123456", title: "A long title that will not fit into a narrow terminal", amount: "1250.00" },
];

describe("renderTable()", () => {
  test("aligns columns by the cells they take, numbers to the right", () => {
    expect(renderTable(columns, rows, 200)).toEqual([
      "ID   TITLE                                                   AMOUNT",
      "abc  Refund to 東京 shop                                       5.00",
      "123  A long title that will not fit into a narrow terminal  1250.00",
    ]);
  });

  test("shortens the one column that may give way, and says so", () => {
    const lines = renderTable(columns, rows, 40);
    expect(lines[2]).toBe("123  A long title that will no…  1250.00");
    expect(Math.max(...lines.map(textWidth))).toBe(40);
  });

  test("lets no cell break out of its line", () => {
    const [, line] = renderTable(columns, [{ id: "x", title: "a\nb\u001b[2J", amount: "\u202e1" }], 200);
    expect(line).toBe("x   a\\nb\\x1b[2J  \\u202e1");
  });
});

test("piped lists have no heading, whole ids and as many columns as ever, whatever the cells hold", () => {
  expect(renderTsv(columns, rows)[0]).toBe("abcdef\tRefund to 東京 shop\t5.00");
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (title) => {
      const [line = ""] = renderTsv(columns, [{ id: "1", title, amount: "" }]);
      expect(line.split("\n")).toHaveLength(1);
      expect(line.split("\t")).toHaveLength(3);
    }),
  );
});

test("pairs hang their further lines under the first", () => {
  expect(
    renderPairs([
      ["a", "1"],
      ["long", "one\ntwo"],
    ]),
  ).toEqual(["  a     1", "  long  one", "        two"]);
});

describe("text width", () => {
  test("counts cells: two for wide letters and emoji, none for marks on a letter", () => {
    expect(textWidth("abc")).toBe(3);
    expect(textWidth("東京")).toBe(4);
    expect(textWidth("😀")).toBe(2);
    expect(textWidth("e\u0301")).toBe(1);
  });

  test("clips and pads to cells, and never cuts a character in two", () => {
    expect(clip("東京都", 5)).toBe("東京…");
    expect(clip("東京都", 4)).toBe("東…");
    expect(clip("abc", 3)).toBe("abc");
    expect(pad("東", 4)).toBe("東  ");
  });

  test("wraps between words, and within one that is too long, and loses nothing", () => {
    expect(wrap("one two three", 8)).toEqual(["one two", "three"]);
    expect(wrap("abcdefghij", 4)).toEqual(["abcd", "efgh", "ij"]);
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 2, max: 20 }), (text, width) => {
        const lines = wrap(text, width);
        expect(lines.join("").replaceAll(" ", "")).toBe(text.replaceAll(" ", ""));
        expect(Math.max(...lines.map(textWidth))).toBeLessThanOrEqual(width);
      }),
    );
  });
});
