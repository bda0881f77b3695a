import { changedPaths } from "../policy/review/diff.ts";
import type { Json } from "../protocol/json.ts";
import { formatValue } from "./format.ts";
import { sanitiseLine, sanitiseText } from "./sanitise.ts";
import type { Terminal } from "./terminal.ts";
import { type Piece, wordDiff } from "./word-diff.ts";

/** One place at which the arguments differ; undefined: not there. */
export interface Change {
  path: string;
  before: Json | undefined;
  after: Json | undefined;
}

/** Where the edited arguments differ from the proposed ones. */
export function changesBetween(before: Json, after: Json): Change[] {
  return changedPaths(before, after).map((pointer) => ({
    path: pointer,
    before: valueAt(before, pointer),
    after: valueAt(after, pointer),
  }));
}

/**
 * A change as it is shown: `amount: 25.00 → 12.50`, or, of a text of several words, what was removed and what was added
 * with signs around it. Words and signs say which is which, not colours.
 */
export function changeLines({ path, before, after }: Change, { colours }: Pick<Terminal, "colours">): string[] {
  const name = path === "" ? "the arguments" : sanitiseLine(unescapePointer(path).join("."));
  if (before === undefined) return lines(`${name}: added ${formatValue(after)}`);
  if (after === undefined) return lines(`${name}: removed (was ${formatValue(before)})`);
  if (!isProse(before) || !isProse(after)) return lines(`${name}: ${formatValue(before)} → ${formatValue(after)}`);
  const { removed, added } = wordDiff(before, after);
  const marked = (pieces: Piece[], sign: "-" | "+", colour: (text: string) => string) =>
    pieces.map(({ text, changed }) => (changed ? colour(`[${sign}${sanitiseText(text)}${sign}]`) : sanitiseText(text)));
  return [
    `${name}:`,
    ...hanging("  removed  ", marked(removed, "-", colours.red).join("")),
    ...hanging("  added    ", marked(added, "+", colours.green).join("")),
  ];
}

function isProse(value: Json): value is string {
  return typeof value === "string" && /\S\s+\S/.test(value);
}

function hanging(label: string, text: string): string[] {
  return text.split("\n").map((line, at) => (at === 0 ? label : " ".repeat(label.length)) + line);
}

/** What has several lines stands behind its name, so that none of them can pass for another change. */
function lines(text: string): string[] {
  return text.split("\n").map((line, at) => (at === 0 ? line : `  │ ${line}`));
}

function valueAt(value: Json, pointer: string): Json | undefined {
  return unescapePointer(pointer).reduce<Json | undefined>((current, key) => {
    if (typeof current !== "object" || current === null || !Object.hasOwn(current, key)) return undefined;
    return (current as Record<string, Json>)[key];
  }, value);
}

function unescapePointer(pointer: string): string[] {
  if (pointer === "") return [];
  return pointer
    .slice(1)
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}
