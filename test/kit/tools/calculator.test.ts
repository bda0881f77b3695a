import { Decimal } from "decimal.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { calculate } from "../../../src/kit/tools/calculator/evaluate.ts";
import { calculator } from "../../../src/kit/tools/calculator.ts";
import { isHoldpointError } from "../../../src/protocol/errors.ts";
import { withTestPorts } from "../../../src/testing.ts";

const text = (expression: string, variables?: Record<string, string>) => {
  const { value, unit } = calculate(expression, variables);
  return unit === null ? value : `${value} ${unit}`;
};
const attempt = (expression: string, variables?: Record<string, string>): unknown => {
  try {
    return calculate(expression, variables);
  } catch (error) {
    return error;
  }
};
const complaint = (expression: string, variables?: Record<string, string>) => {
  const error = attempt(expression, variables);
  if (!isHoldpointError(error)) throw new Error(`no complaint about ${expression}: ${String(error)}`);
  expect(error.facts["class"]).toBe("validation");
  return error.message;
};

describe("numbers", () => {
  test.each([
    ["0.1 + 0.2", "0.3"],
    ["1 - 0.9 - 0.1", "0"],
    ["2 + 3 * 4", "14"],
    ["(2 + 3) * 4", "20"],
    ["2^3^2", "512"],
    ["-2^2", "-4"],
    ["(-2)^2", "4"],
    ["2^-2", "0.25"],
    ["-(-3)", "3"],
    ["- - 3", "3"],
    ["12 ÷ 4 × 3 − 1", "8"],
    ["10 / 4 / 5", "0.5"],
    ["7 mod 3", "1"],
    ["-1 mod 7", "6"],
    ["7.5 mod 2", "1.5"],
    ["5% * 200", "10"],
    ["200 * (1 + 5%)", "210"],
    ["1e3 + 2.5E-1", "1000.25"],
    [".5 + 1.", "1.5"],
    ["round(2.345, 2)", "2.35"],
    ["round(-2.5)", "-3"],
    ["round(1234, -2)", "1200"],
    ["floor(-1.5) + ceil(1.2) + abs(-4)", "4"],
    ["min(3, 1, 2) + max(3, 1, 2)", "4"],
    ["sum(0.1, 0.2, 0.3)", "0.6"],
    ["avg(1, 2, 3, 4)", "2.5"],
    ["sqrt(2.25)", "1.5"],
    ["9007199254740993 + 0.0000000001", "9007199254740993.0000000001"],
    ["round(27^(1/3), 20)", "3"],
  ])("%s is %s", (expression, expected) => {
    expect(text(expression)).toBe(expected);
  });

  test("whole numbers come out as BigInt has them", () => {
    const number = fc.bigInt({ min: -(10n ** 25n), max: 10n ** 25n });
    fc.assert(
      fc.property(number, number, number, (a, b, c) => {
        expect(text(`(${a}) * (${b}) + (${c}) - (${a})`)).toBe(String(a * b + c - a));
        const modulus = b === 0n ? 7n : b;
        const rest = ((a % modulus) + modulus) % modulus;
        expect(text(`(${a}) mod (${modulus})`)).toBe(String(rest));
      }),
      { numRuns: 150 },
    );
  });

  test("decimals come out as whole numbers of ever smaller parts do", () => {
    const cents = fc.integer({ min: -1_000_000_000, max: 1_000_000_000 });
    const written = (units: bigint, places: number) => {
      const digits = String(units < 0n ? -units : units).padStart(places + 1, "0");
      return `${units < 0n ? "-" : ""}${digits.slice(0, -places)}.${digits.slice(-places)}`;
    };
    fc.assert(
      fc.property(cents, cents, (a, b) => {
        const { value, exact } = calculate("a * b + a", {
          a: written(BigInt(a), 2),
          b: written(BigInt(b), 2),
        });
        expect(exact).toBe(true);
        expect(new Decimal(value).equals(written(BigInt(a) * BigInt(b) + BigInt(a) * 100n, 4))).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  test("a quotient says whether it lost digits, and has sixty that are right", () => {
    expect(calculate("1 / 8")).toMatchObject({ value: "0.125", exact: true });
    expect(calculate("1 / 3")).toMatchObject({ value: `0.${"3".repeat(60)}`, exact: false });
    expect(calculate("2 / 3 * 0")).toMatchObject({ value: "0", exact: false });
    expect(calculate("1e100 + 1")).toMatchObject({ exact: false });
    expect(calculate("1e59 + 1")).toMatchObject({ exact: true });
    expect(calculate("1e300 + 1e-300")).toMatchObject({ exact: false });
  });

  test("what was asked is on record step by step", () => {
    const { steps } = calculate("round((now / before - 1) * 100, 1)", { now: "477.53", before: "469.58" });
    expect(steps.map(({ does }) => does)).toEqual([
      "477.53 / 469.58",
      expect.stringMatching(/^1\.0169\d+ - 1$/),
      expect.stringMatching(/^0\.0169\d+ \* 100$/),
      expect.stringMatching(/^round\(1\.69\d+, 1\)$/),
    ]);
    expect(steps.at(-1)?.gives).toBe("1.7");
  });
});

describe("units", () => {
  test.each([
    ["3 km + 200 m", "3.2 km"],
    ["3 km + 200 m to mi", "1.988387815159468702775789389962 mi"],
    ["90 km / 1.5 h", "60 km/h"],
    ["36 km/h to m/s", "10 m/s"],
    ["2 km * 500 m", "1 km^2"],
    ["sqrt(9 m^2)", "3 m"],
    ["(9 m)^2", "81 m^2"],
    ["10 m / 2 s^2", "5 m/s^2"],
    ["1 mi to km", "1.609344 km"],
    ["12 inch to ft", "1 ft"],
    ["1 week to h", "168 h"],
    ["1 GiB / 1 MiB", "1024"],
    ["8 bit to B", "1 B"],
    ["100 MB / 10 s to MB/min", "600 MB/min"],
    ["20 degC to degF", "68 degF"],
    ["-40 degF to degC", "-40 degC"],
    ["100 degC to K", "373.15 K"],
    ["0 K to degF", "-459.67 degF"],
    ["19.99 EUR * 3", "59.97 EUR"],
    ["10 EUR / 4 kg", "2.5 EUR/kg"],
    ["10 EUR * 1.1 USD / 1 EUR", "11 USD"],
    ["5% * 80 EUR", "4 EUR"],
    ["max(1 km, 1500 m)", "1500 m"],
    ["avg(1 h, 30 min)", "0.75 h"],
    ["1 lb in g", "453.59237 g"],
    ["1 / (2 s)", "0.5 1/s"],
  ])("%s is %s", (expression, expected) => {
    const got = text(expression);
    const [digits, ...unit] = got.split(" ");
    expect([digits?.slice(0, 32), ...unit].join(" ")).toBe(expected);
  });

  test("a variable has a unit, and a unit's name in front of nothing is one of it", () => {
    expect(text("price * count", { price: "12.50 EUR", count: "4" })).toBe("50 EUR");
    expect(text("3 * m", { m: "2 EUR" })).toBe("6 EUR");
    expect(text("3 m to cm", { m: "2" })).toBe("300 cm");
  });

  test.each([
    ["3 km + 2 h", /km \(length\) and h \(time\)|h \(time\) and km \(length\)/],
    ["3 km + 2", /a plain number/],
    ["10 EUR + 3 USD", /currencies are not converted/],
    ["10 EUR to USD", /currencies are not converted/],
    ["3 km to kg", /length.*mass/],
    ["20 degC + 5 degC", /convert it "to K"/],
    ["5 degC^2 to K^2", /convert it "to K"/],
    ["2 ^ (3 m)", /a power is a plain number/],
    ["(2 m) ^ 0.5", /whole powers/],
    ["sqrt(2 m)", /no square/],
    ["3 m to 2", /followed by a unit/],
    ["3 m to 2 km", /followed by a unit/],
    ["max(1 km, 1 kg)", /length.*mass|mass.*length/],
    ["(1 m)^13", /power beyond/],
    ["1 m^13", /power beyond/],
    ["1 m^x", /no whole number/],
  ])("%s is refused and says why", (expression, why) => {
    expect(complaint(expression)).toMatch(why);
  });
});

describe("what is no calculation", () => {
  test.each([
    ["9^9^9^9", /power is beyond/],
    ["9^999", /more than 300 places/],
    ["1e301", /more than 300 places/],
    ["1e999999999999", /more than 300 places/],
    ["1e-301", /more than 300 places/],
    ["1e200 * 1e200", /more than 300 places/],
    ["0.1^400", /more than 300 places/],
    ["1 / 0", /divides by zero/],
    ["1 mod 0", /divides by zero/],
    ["0^0", /zero/],
    ["0^-1", /zero/],
    ["(-8)^(1/3)", /below zero/],
    ["sqrt(-1)", /below zero/],
    ["200 + 5%", /two ways/],
    ["200 + -5%", /two ways/],
    ["5 % 3", /mod/],
    ["1 +", /ends where a value/],
    ["(1", /"\)" is missing/],
    ["1)", /not expected/],
    ["1 2", /not expected/],
    ["1,5", /not expected/],
    ["", /ends where a value/],
    ["  ", /ends where a value/],
    ["process.exit()", /"\." at 7|no part/],
    ["constructor", /neither a variable nor a unit/],
    ["__proto__", /neither a variable nor a unit/],
    ["toString()", /no function "toString"/],
    ["constructor(1)", /no function/],
    ["eval(1)", /no function "eval"/],
    ["x => x", /no part of an expression/],
    ["`1`", /no part of an expression/],
    ["1;2", /no part of an expression/],
    ["a[0]", /no part of an expression/],
    ["NaN", /neither/],
    ["Infinity", /neither/],
    ["0x10", /is no unit/],
    ["1_000", /is no unit/],
    ["😀 + 1", /"😀" at 0/],
    ["١ + ١", /no part of an expression/],
    ["1e", /is no unit/],
    ["round(1.5, 99)", /-50 to 50/],
    ["round(1.5, 0.5)", /-50 to 50/],
    ["round()", /takes 1 to 2 values/],
    ["avg()", /takes 1 to 200 values/],
    ["abs(1, 2)", /takes 1 values/],
  ])("%s is refused and says why", (expression, why) => {
    expect(complaint(expression)).toMatch(why);
  });

  test.each([
    ["parentheses in parentheses", `${"(".repeat(60)}1${")".repeat(60)}`, /nested/],
    ["a row of signs", `${"-".repeat(200)}1`, /nested/],
    ["a tower of powers", `1${"^1".repeat(100)}`, /nested/],
    ["a function of a function", `${"abs(".repeat(60)}1${")".repeat(60)}`, /nested/],
    ["too many parts", `1${"+1".repeat(400)}`, /more than 500 parts/],
    ["a number that never ends", "1".repeat(61), /more than 60 digits/],
  ])("%s is refused and says why", (_name, expression, why) => {
    expect(complaint(expression)).toMatch(why);
  });

  test.each([
    [{ a: "NaN" }],
    [{ a: "1e9" }],
    [{ a: "Infinity" }],
    [{ a: "" }],
    [{ a: "1 lightyear" }],
    [{ a: "0x1" }],
    [{ "a b": "1" }],
    [{ mod: "1" }],
    [{ "": "1" }],
  ] satisfies [Record<string, string>][])("the variables %j are refused", (variables) => {
    complaint("1", variables);
  });

  test("any text at all either computes or is refused in words, and at once", () => {
    const piece = fc.constantFrom(
      "1",
      "2.5",
      "9",
      "^",
      "*",
      "/",
      "+",
      "-",
      "%",
      "(",
      ")",
      " ",
      "km",
      "to ",
      "mod ",
      "e9",
      "x",
      "sqrt(",
      ",",
    );
    const anything = fc.oneof(
      fc.string({ maxLength: 60 }),
      fc.array(piece, { maxLength: 40 }).map((all) => all.join("")),
    );
    fc.assert(
      fc.property(anything, (expression) => {
        const result = attempt(expression);
        if (isHoldpointError(result)) expect(result.facts["class"]).toBe("validation");
        else expect(result).toMatchObject({ value: expect.stringMatching(/^-?\d+(\.\d+)?$/) });
      }),
      { numRuns: 400 },
    );
  });
});

test("as a tool it answers what was asked, and takes no more than it can read", async () => {
  const tool = calculator();
  const input = { expression: "a / b", variables: { a: "12 EUR", b: "8" } };
  const answer = { value: "1.5", unit: "EUR", exact: true, steps: [{ does: "12 EUR / 8", gives: "1.5 EUR" }] };
  expect(await withTestPorts({}, () => tool.call(input))).toEqual(answer);
  expect(tool.input.safeParse({ expression: "" }).success).toBe(false);
  expect(tool.input.safeParse({ expression: "1".repeat(2001) }).success).toBe(false);
  expect(tool.input.safeParse({ expression: "1", variables: { a: 1 } }).success).toBe(false);
  const many = Object.fromEntries(Array.from({ length: 201 }, (_, index) => [`v${index}`, "1"]));
  expect(tool.input.safeParse({ expression: "1", variables: many }).success).toBe(false);
});
