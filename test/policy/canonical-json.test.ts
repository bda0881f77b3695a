import { describe, expect, test } from "vitest";
import { canonicalJson } from "../../src/policy/canonical-json.ts";
import { digest } from "../../src/policy/digest.ts";
import { isHoldpointError } from "../../src/protocol/errors.ts";
import { fc } from "../support/properties.ts";

const json = fc.jsonValue({ stringUnit: "binary" });

/** The same value with every object's keys in reverse order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  // fromEntries defines properties, so that a key named __proto__ stays a key.
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, item]) => [key, reversed(item)]),
  );
}

describe("canonical JSON", () => {
  test("is JSON of the same value", () => {
    fc.assert(
      fc.property(json, (value) => {
        // Through JSON once, because -0 is written as 0: the one difference RFC 8785 makes.
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test("does not depend on the order of keys", () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(canonicalJson(reversed(value))).toBe(canonicalJson(value));
      }),
    );
  });

  test("is the same again after it was parsed", () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(canonicalJson(JSON.parse(canonicalJson(value)))).toBe(canonicalJson(value));
      }),
    );
  });

  test("sorts keys by UTF-16 code units, as the RFC's example does", () => {
    const value = { "€": 1, "\r": 2, "\ufb33": 3, "1": 4, "😀": 5, "\u0080": 6, ö: 7 };
    expect(canonicalJson(value)).toBe('{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}');
  });

  test.each([
    [0, "0"],
    [-0, "0"],
    [1e21, "1e+21"],
    [1e-7, "1e-7"],
    [Number("333333333.33333329"), "333333333.3333333"],
    [4.5, "4.5"],
    [2e-3, "0.002"],
    [Number("9007199254740993"), "9007199254740992"],
    [5e-324, "5e-324"],
  ])("writes the number %d as %s", (value, text) => {
    expect(canonicalJson(value)).toBe(text);
  });

  test("leaves out undefined properties, so that a stored value keeps its digest", () => {
    expect(canonicalJson({ b: undefined, a: 1 })).toBe('{"a":1}');
    expect(digest({ a: 1, b: undefined })).toBe(digest(JSON.parse('{"a":1}')));
  });

  test.each([
    ["NaN", { a: [Number.NaN] }, "/a/0"],
    ["infinity", { a: Number.POSITIVE_INFINITY }, "/a"],
    ["a bigint", [1n], "/0"],
    ["a function", { "a/b": () => 1 }, "/a~1b"],
    ["undefined in an array", [undefined], "/0"],
    ["a hole in an array", new Array(1), "/0"],
    ["a lone surrogate", { a: "x\ud800" }, "/a"],
    ["a lone surrogate as a key", { "\udc00": 1 }, "/\udc00"],
    ["a date", { at: new Date(0) }, "/at"],
    ["a map", new Map(), ""],
    ["undefined", undefined, ""],
  ])("refuses %s and names its place", (_name, value, pointer) => {
    const error = thrownBy(() => canonicalJson(value));
    expect(isHoldpointError(error) && error.code).toBe("invalid");
    expect(isHoldpointError(error) && error.facts["pointer"]).toBe(pointer);
  });

  test("refuses a value that contains itself instead of overflowing the stack", () => {
    const loop: Record<string, unknown> = {};
    loop["loop"] = loop;
    expect(() => canonicalJson(loop)).toThrow(/contains itself/);
  });
});

describe("a digest", () => {
  test("names its algorithm", () => {
    expect(digest({})).toBe("sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
  });
});

function thrownBy(body: () => unknown): unknown {
  try {
    body();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}
