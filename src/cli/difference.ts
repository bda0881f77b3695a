import { changedPaths } from "../policy/review/diff.ts";
import type { Json } from "../protocol/json.ts";
import { formatValue } from "./format.ts";
import { sanitiseLine } from "./sanitise.ts";

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

/** One line a change: `amount: 25.00 → 12.50`; words, not colours, say what was added and removed. */
export function describeChange({ path, before, after }: Change): string {
  const name = path === "" ? "the arguments" : sanitiseLine(unescapePointer(path).join("."));
  if (before === undefined) return `${name}: added ${formatValue(after)}`;
  if (after === undefined) return `${name}: removed (was ${formatValue(before)})`;
  return `${name}: ${formatValue(before)} → ${formatValue(after)}`;
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
