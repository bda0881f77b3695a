import { mistake } from "./mistake.ts";
import { type Token, tokenize } from "./tokens.ts";

/** An expression as a tree. */
export type Expression =
  | { kind: "number"; text: string; unit: { name: string; power: number } | null }
  | { kind: "name"; name: string }
  | { kind: "negate"; of: Expression }
  | { kind: "percent"; of: Expression }
  | { kind: "binary"; operator: Operator; left: Expression; right: Expression }
  | { kind: "call"; name: string; given: Expression[] }
  | { kind: "convert"; of: Expression; to: Expression };

/** What stands between two values. */
export type Operator = "+" | "-" | "*" | "/" | "mod" | "^";

const DEEPEST = 50;
const CONVERSIONS = new Set(["in", "to"]);

/** Reads an expression; `knowsUnit` tells which names may follow a number. */
export function parseExpression(text: string, knowsUnit: (name: string) => boolean): Expression {
  const reader = createReader(tokenize(text), knowsUnit);
  const whole = conversion(reader);
  const rest = reader.peek();
  if (rest.kind !== "end") throw unexpected(rest);
  return whole;
}

interface Reader {
  peek(): Token;
  /** The next token, which is then behind us; the end is never taken. */
  take(): Token;
  /** Takes it only if it is one of these, and says which. */
  takeIf(...texts: string[]): string | undefined;
  deeper<Result>(body: () => Result): Result;
  knowsUnit: (name: string) => boolean;
}

function createReader(tokens: readonly Token[], knowsUnit: (name: string) => boolean): Reader {
  let next = 0;
  let depth = 0;
  const peek = () => tokens[next] as Token;
  return {
    knowsUnit,
    peek,
    take() {
      const token = peek();
      if (token.kind !== "end") next += 1;
      return token;
    },
    takeIf(...texts) {
      const { kind, text } = peek();
      if (kind === "number" || !texts.includes(text)) return undefined;
      next += 1;
      return text;
    },
    deeper(body) {
      depth += 1;
      if (depth > DEEPEST) throw mistake(`it is nested more than ${DEEPEST} deep`);
      const result = body();
      depth -= 1;
      return result;
    },
  };
}

function conversion(reader: Reader): Expression {
  const of = sum(reader);
  const { kind, text } = reader.peek();
  if (kind !== "name" || !CONVERSIONS.has(text)) return of;
  reader.take();
  return { kind: "convert", of, to: product(reader) };
}

function sum(reader: Reader): Expression {
  let left = product(reader);
  for (;;) {
    const operator = reader.takeIf("+", "-") as "+" | "-" | undefined;
    if (operator === undefined) return left;
    const right = product(reader);
    // Calculators differ on what 200 + 5% is; a report must not.
    if (isPercent(right) && !isOne(left)) {
      throw mistake(
        `"… ${operator} …%" can be read in two ways; write "x * (1 ${operator} 5%)" or "x ${operator} 0.05"`,
      );
    }
    left = { kind: "binary", operator, left, right };
  }
}

function product(reader: Reader): Expression {
  let left = signed(reader);
  for (;;) {
    const operator = reader.takeIf("*", "/", "mod") as "*" | "/" | "mod" | undefined;
    if (operator === undefined) return left;
    left = { kind: "binary", operator, left, right: signed(reader) };
  }
}

function signed(reader: Reader): Expression {
  return reader.deeper(() => {
    if (reader.takeIf("-") !== undefined) return { kind: "negate", of: signed(reader) };
    if (reader.takeIf("+") !== undefined) return signed(reader);
    return power(reader);
  });
}

function power(reader: Reader): Expression {
  const left = percent(reader);
  if (reader.takeIf("^") === undefined) return left;
  // To the right first, as in mathematics: 2^3^2 is 2^9.
  return { kind: "binary", operator: "^", left, right: signed(reader) };
}

function percent(reader: Reader): Expression {
  const of = value(reader);
  if (reader.takeIf("%") === undefined) return of;
  const { kind } = reader.peek();
  if (kind === "number") throw mistake('"%" means a hundredth; for what a division leaves write "7 mod 3"');
  return { kind: "percent", of };
}

function value(reader: Reader): Expression {
  const token = reader.take();
  if (token.kind === "number") {
    const { kind, text } = reader.peek();
    const isUnit = kind === "name" && !CONVERSIONS.has(text) && reader.knowsUnit(text);
    if (kind === "name" && text !== "mod" && !CONVERSIONS.has(text) && !isUnit) {
      throw mistake(`"${text}" after ${token.text} is no unit`);
    }
    return { kind: "number", text: token.text, unit: isUnit ? unitOf(reader) : null };
  }
  if (token.kind === "sign" && token.text === "(")
    return closed(
      reader,
      reader.deeper(() => conversion(reader)),
    );
  if (token.kind !== "name" || CONVERSIONS.has(token.text) || token.text === "mod") throw unexpected(token);
  if (reader.takeIf("(") === undefined) return { kind: "name", name: token.text };
  return reader.deeper(() => call(reader, token.text));
}

// "9 m^2" are nine square metres; the square of nine metres is "(9 m)^2".
function unitOf(reader: Reader): { name: string; power: number } {
  const name = reader.take().text;
  if (reader.takeIf("^") === undefined) return { name, power: 1 };
  const sign = reader.takeIf("-") === undefined ? 1 : -1;
  const token = reader.take();
  if (token.kind !== "number" || !/^\d{1,2}$/.test(token.text))
    throw mistake(`the power of the unit ${name} is no whole number`);
  return { name, power: sign * Number(token.text) };
}

function isPercent(tree: Expression): boolean {
  return tree.kind === "negate" ? isPercent(tree.of) : tree.kind === "percent";
}

// One and five percent of one is the same either way.
function isOne(tree: Expression): boolean {
  return tree.kind === "number" && tree.unit === null && /^1(?:\.0*)?$/.test(tree.text);
}

function call(reader: Reader, name: string): Expression {
  const given: Expression[] = [];
  if (reader.takeIf(")") !== undefined) return { kind: "call", name, given };
  do given.push(conversion(reader));
  while (reader.takeIf(",") !== undefined);
  return closed(reader, { kind: "call", name, given });
}

function closed(reader: Reader, inside: Expression): Expression {
  const token = reader.take();
  if (token.kind === "sign" && token.text === ")") return inside;
  throw token.kind === "end" ? mistake('a ")" is missing') : unexpected(token);
}

function unexpected(token: Token): Error {
  if (token.kind === "end") return mistake("it ends where a value is expected");
  return mistake(`"${token.text}" at ${token.at} is not expected there`);
}
