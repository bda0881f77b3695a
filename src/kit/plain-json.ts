import type { Json } from "../protocol/json.ts";

// Deeper than any answer that somebody reads; far below what ends the stack.
const DEEPEST = 100;

/** Text as records and digests can hold it: no NUL, no half characters. */
export function plainText(text: string): string {
  return text.replaceAll("\0", "\ufffd").toWellFormed();
}

/** JSON of others as records and digests can hold it; undefined when it is nested too deep. */
export function plainJson(value: Json): Json | undefined {
  return isDeep(value) ? undefined : plain(value);
}

function isDeep(value: Json): boolean {
  const left: [Json, number][] = [[value, 0]];
  // Bound: each value is looked at once.
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const [current, depth] = next;
    if (typeof current !== "object" || current === null) continue;
    if (depth >= DEEPEST) return true;
    for (const inner of Object.values(current)) left.push([inner as Json, depth + 1]);
  }
  return false;
}

function plain(value: Json): Json {
  if (typeof value === "string") return plainText(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [plainText(key), plain(inner as Json)]));
}
