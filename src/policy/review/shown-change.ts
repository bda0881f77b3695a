import type { Json } from "../../protocol/json.ts";
import { valueAt } from "../json-pointer.ts";
import { changedPaths } from "./diff.ts";

/** A place where a question shows something else than it did, with both as JSON text; null: there is nothing there. */
export interface ShownChange {
  pointer: string;
  was: string | null;
  is: string | null;
}

const MOST_KEPT = 20;
const MOST_TOLD = 5;
const LONGEST_KEPT = 200;
const LONGEST_TOLD = 60;
// Follows from everything else.
const DIGEST = "/value_digest";

/** What a question shows now that it did not show before; the first few places, in the order of their pointers. */
export function shownChanges(before: Json, after: Json): ShownChange[] {
  return [...new Set(changedPaths(before, after))]
    .filter((pointer) => pointer !== DIGEST)
    .sort()
    .slice(0, MOST_KEPT)
    .map((pointer) => ({ pointer, was: textAt(before, pointer), is: textAt(after, pointer) }));
}

/** The same in words: `/actions/0/args/amount was 100 and is 200`. */
export function describeChanges(changes: readonly ShownChange[]): string {
  const told = changes.slice(0, MOST_TOLD).map(({ pointer, was, is }) => {
    const place = pointer === "" ? "the whole" : clipped(pointer, LONGEST_KEPT);
    if (was === null) return `${place} was not there and is ${clipped(is ?? "", LONGEST_TOLD)}`;
    return `${place} was ${clipped(was, LONGEST_TOLD)} and is ${is === null ? "gone" : clipped(is, LONGEST_TOLD)}`;
  });
  const more = changes.length - told.length;
  return [...told, ...(more > 0 ? [`and ${more} more`] : [])].join("; ");
}

function textAt(value: Json, pointer: string): string | null {
  const found = valueAt(value, pointer);
  return found === undefined ? null : clipped(JSON.stringify(found), LONGEST_KEPT);
}

/** Never half a character, and nothing Postgres could not hold: both end on a review's row and in its chain. */
function clipped(text: string, longest: number): string {
  return (text.length <= longest ? text : `${text.slice(0, longest - 1)}…`).toWellFormed().replaceAll("\0", "\ufffd");
}
