import { describe, expect, test } from "vitest";
import { hasHiddenCharacters, safeJson, sanitiseLine, sanitiseText } from "../../src/cli/sanitise.ts";
import { fc } from "../support/properties.ts";

// Written again in other words than the program's: code points a terminal obeys or a person cannot see.
function isDangerous(character: string): boolean {
  const code = character.codePointAt(0) as number;
  return (
    code < 0x20 ||
    (code >= 0x7f && code <= 0x9f) ||
    code === 0xad ||
    code === 0x61c ||
    (code >= 0x200b && code <= 0x200f) ||
    (code >= 0x2028 && code <= 0x202e) ||
    (code >= 0x2060 && code <= 0x206f) ||
    code === 0xfeff ||
    (code >= 0xfe00 && code <= 0xfe0f) ||
    (code >= 0xd800 && code <= 0xdfff) ||
    code === 0x3164 ||
    code === 0x2800 ||
    (code >= 0xe0000 && code <= 0xe0fff)
  );
}

const hostile = fc.constantFrom(
  ..."\u001b\u009b\u0007\u0008\r\n\t\u0000\u007f\u202e\u202d\u2066\u2069\u200b\u200d\u200f\ufeff\u00ad\u2028\u3164\u2800\ufe0f\u034f",
  "\u{e0041}",
  "\ud83d",
  "\udc00",
  "\u001b[2J",
  "\u001b]8;;http://evil\u0007",
);
const text = fc
  .array(fc.oneof(hostile, fc.string({ unit: "binary" }), fc.string()), { maxLength: 20 })
  .map((parts) => parts.join(""));

describe("sanitiseLine()", () => {
  test("leaves nothing that a terminal obeys or a person cannot see, whatever comes in", () => {
    fc.assert(
      fc.property(text, (given) => ![...sanitiseLine(given)].some(isDangerous)),
      { numRuns: 2000 },
    );
  });

  test("changes nothing the second time", () => {
    fc.assert(fc.property(text, (given) => sanitiseLine(sanitiseLine(given)) === sanitiseLine(given)));
  });

  test("leaves plain text of any script as it is", () => {
    const plain = "Luís Gonçalves, 東京, مرحبا, Ελλάδα, 😀 → “ok” ½";
    expect(sanitiseLine(plain)).toBe(plain);
  });

  test.each([
    ["a colour", "\u001b[31mred\u001b[0m", "\\x1b[31mred\\x1b[0m"],
    ["a clipboard write", "\u001b]52;c;ZXZpbA==\u0007", "\\x1b]52;c;ZXZpbA==\\x07"],
    ["an eight-bit sequence", "\u009b2J", "\\x9b2J"],
    ["a line that overwrites itself", "pay 5000\rpay 5", "pay 5000\\rpay 5"],
    ["text that runs backwards", "refund \u202e05.31\u202c", "refund \\u202e05.31\\u202c"],
    ["text between the letters", "a\u200bb\u2060c", "a\\u200bb\\u2060c"],
    ["letters of the tag alphabet", "hi\u{e0041}\u{e0042}", "hi\\u{e0041}\\u{e0042}"],
    ["half a character", "cut \ud83d", "cut \\ud83d"],
    ["lines", "one\ntwo\tthree", "one\\ntwo\\tthree"],
  ])("shows %s as what it is", (_what, given, shown) => {
    expect(sanitiseLine(given)).toBe(shown);
  });

  test("takes the style of an emoji away without a trace, and only that", () => {
    expect(sanitiseLine("\u2714\ufe0f done")).toBe("\u2714 done");
    expect(sanitiseLine("a\ufe0f")).toBe("a\\ufe0f");
  });
});

describe("sanitiseText()", () => {
  test("keeps lines and nothing else that is dangerous", () => {
    fc.assert(
      fc.property(text, (given) => ![...sanitiseText(given).replaceAll("\n", "")].some(isDangerous)),
      { numRuns: 2000 },
    );
  });

  test("makes one line end of every kind of them, except the one that goes back", () => {
    expect(sanitiseText("a\r\nb\nc\rd")).toBe("a\nb\nc\\rd");
  });
});

describe("safeJson()", () => {
  test("is the same value to a program, and harmless to a terminal", () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue({ maxDepth: 3 }), text, fc.dictionary(text, text)), (value) => {
        for (const indent of [undefined, 2]) {
          const json = safeJson(value, indent);
          expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(value)));
          expect([...json.replaceAll("\n", "")].some(isDangerous)).toBe(false);
        }
      }),
    );
  });
});

test("hidden characters are found, line ends and emoji are not taken for them", () => {
  expect(hasHiddenCharacters("one\r\n\ttwo \u2714\ufe0f")).toBe(false);
  expect(hasHiddenCharacters("pay\u200b")).toBe(true);
  expect(hasHiddenCharacters("\u001b[1A")).toBe(true);
});
