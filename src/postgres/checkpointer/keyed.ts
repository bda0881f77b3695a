/**
 * A plain object as lines of text, one for each member: `"key":value` sets it, `-"key"` removes it. Members are found
 * by their key as JSON text, which is unique for a key and need never be parsed.
 */
export type Members = ReadonlyMap<string, string>;

/** The line that sets a member. */
export const memberLine = (key: string, value: string) => `${key}:${value}`;

/** The JSON text of the object. */
export const membersText = (members: Members) => `{${[...members.values()].join(",")}}`;

/** What turns one object into another: the lines to apply, and how many members stay as they were. */
export interface MembersChange {
  readonly lines: readonly string[];
  readonly kept: number;
}

/**
 * Finds what changed. Undefined when applying the lines would leave the members in another order than they have:
 * a reader of the state must not be able to tell how it was stored.
 */
export function changeOf(before: Members, after: Members): MembersChange | undefined {
  const lines: string[] = [];
  let kept = 0;
  for (const [key, line] of before) {
    if (!after.has(key)) lines.push(`-${key}`);
    else if (after.get(key) === line) kept += 1;
  }
  for (const [key, line] of after) if (before.get(key) !== line) lines.push(line);
  return isSameOrder(before, after) ? { lines, kept } : undefined;
}

/** Applies the lines of one change, in place. */
export function applyLines(members: Map<string, string>, lines: readonly string[]): void {
  for (const line of lines) {
    if (line.startsWith("-")) members.delete(line.slice(1));
    else members.set(keyOf(line), line);
  }
}

/** The key of a line that sets a member, as JSON text. Scanned: a pattern overflows the stack on a key of megabytes. */
function keyOf(line: string): string {
  let end = line.indexOf('"', 1);
  while (end > 0 && isEscaped(line, end)) end = line.indexOf('"', end + 1);
  if (end < 0) throw new Error(`stored state has a member without a key: ${line.slice(0, 80)}`);
  return line.slice(0, end + 1);
}

/** True when an odd number of backslashes stands before this place. */
function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text[at - 1 - backslashes] === "\\") backslashes += 1;
  return backslashes % 2 === 1;
}

/** Applied to `before`, a change leaves what stays in its place and puts what is new at the end. */
function isSameOrder(before: Members, after: Members): boolean {
  const ordered = [...after.keys()].filter((key) => !isIndex(key));
  let next = 0;
  for (const key of before.keys()) {
    if (isIndex(key) || !after.has(key)) continue;
    if (ordered[next] !== key) return false;
    next += 1;
  }
  // The rest of `ordered` is new: those members are added in this very order.
  return true;
}

const LARGEST_INDEX = 4_294_967_294;

/** JavaScript keeps such members in numeric order before all others, whatever the order in which they were added. */
function isIndex(key: string): boolean {
  return /^"(?:0|[1-9]\d{0,9})"$/.test(key) && Number(key.slice(1, -1)) <= LARGEST_INDEX;
}
