/** A place of a state that one step changed. */
export interface Change {
  /** The names from the outside in. */
  path: string;
  kind: "added" | "removed" | "changed";
  before: unknown;
  after: unknown;
}

const MOST = 200;
const DEEPEST = 6;

/** What became different between two states, place by place; lists that only grew are shown as what came behind. */
export function stateDiff(before: unknown, after: unknown): { changes: Change[]; is_cut: boolean } {
  const changes: Change[] = [];
  walk(before, after, "", 0, changes);
  return { changes: changes.slice(0, MOST), is_cut: changes.length > MOST };
}

/** The outermost names of what became different. */
export function changedKeys(before: unknown, after: unknown): string[] {
  if (!isRecord(before) || !isRecord(after)) return same(before, after) ? [] : ["everything"];
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (key) => !same(own(before, key), own(after, key)),
  );
}

function walk(before: unknown, after: unknown, path: string, depth: number, changes: Change[]): void {
  if (changes.length > MOST || same(before, after)) return;
  if (depth < DEEPEST && isRecord(before) && isRecord(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      walk(own(before, key), own(after, key), path === "" ? key : `${path}.${key}`, depth + 1, changes);
    }
    return;
  }
  if (depth < DEEPEST && Array.isArray(before) && Array.isArray(after)) {
    for (let index = 0; index < Math.max(before.length, after.length); index += 1) {
      if (changes.length > MOST) return;
      walk(before[index], after[index], `${path}[${index}]`, depth + 1, changes);
    }
    return;
  }
  const kind = isNothing(before) ? "added" : isNothing(after) ? "removed" : "changed";
  changes.push({ path: path === "" ? "state" : path, kind, before, after });
}

const isNothing = (value: unknown) => value === undefined || value === null;
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const own = (record: Record<string, unknown>, key: string) => (Object.hasOwn(record, key) ? record[key] : undefined);

function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  return JSON.stringify(a) === JSON.stringify(b);
}
