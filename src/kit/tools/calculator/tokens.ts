import { mistake } from "./mistake.ts";

/** A piece of an expression, and where it begins. */
export type Token =
  | { kind: "number"; text: string; at: number }
  | { kind: "name"; text: string; at: number }
  | { kind: "sign"; text: Sign; at: number }
  | { kind: "end"; text: ""; at: number };

/** The signs of the language, in the one spelling that the parser knows. */
export type Sign = "+" | "-" | "*" | "/" | "%" | "^" | "(" | ")" | ",";

const MOST_TOKENS = 500;
const MOST_DIGITS = 60;
const SIGNS: Readonly<Record<string, Sign>> = {
  "+": "+",
  "-": "-",
  "−": "-",
  "*": "*",
  "×": "*",
  "·": "*",
  "/": "/",
  "÷": "/",
  "%": "%",
  "^": "^",
  "(": "(",
  ")": ")",
  ",": ",",
};
const SPACE = /[ \t\r\n\u00a0\u202f]+/y;
const NUMBER = /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+(?![A-Za-z_0-9]))?/y;
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;

/** Cuts an expression into its pieces. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const take = (pattern: RegExp) => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    if (found !== undefined) at += found.length;
    return found;
  };
  for (;;) {
    take(SPACE);
    const from = at;
    if (at >= text.length) return [...tokens, { kind: "end", text: "", at }];
    if (tokens.length >= MOST_TOKENS) throw mistake(`it has more than ${MOST_TOKENS} parts; split it`);
    const number = take(NUMBER);
    if (number !== undefined) {
      tokens.push({ kind: "number", text: checkedNumber(number), at: from });
      continue;
    }
    const name = take(NAME);
    if (name !== undefined) {
      tokens.push({ kind: "name", text: name, at: from });
      continue;
    }
    const sign = SIGNS[text[at] ?? ""];
    if (sign === undefined) throw mistake(`"${[...text.slice(at)][0]}" at ${at} is no part of an expression`);
    tokens.push({ kind: "sign", text: sign, at: from });
    at += 1;
  }
}

function checkedNumber(text: string): string {
  if (text.replace(/[eE].*$/, "").length > MOST_DIGITS) {
    throw mistake(`a number has more than ${MOST_DIGITS} digits`);
  }
  return text;
}
