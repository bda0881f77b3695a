import type { Json } from "../protocol/json.ts";

/** What a JSON pointer (RFC 6901) can look like. */
export const JSON_POINTER = /^(\/([^~/]|~[01])*)*$/;

/** The value a pointer leads to, of the value's own fields only; undefined where there is none. */
export function valueAt(value: Json, pointer: string): Json | undefined {
  let found: Json = value;
  for (const step of pointer.split("/").slice(1)) {
    const key = step.replaceAll("~1", "/").replaceAll("~0", "~");
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, key)) return undefined;
    if (Array.isArray(found) && !/^(0|[1-9]\d*)$/.test(key)) return undefined;
    found = (found as Record<string, Json>)[key] as Json;
  }
  return found;
}

/** The pointers that both lists reach: of each pair the one that lies inside of the other. */
export function commonPointers(one: readonly string[], other: readonly string[]): string[] {
  const inside = one.flatMap((a) => other.flatMap((b) => (isWithin(a, b) ? [a] : isWithin(b, a) ? [b] : [])));
  return [...new Set(inside)];
}

function isWithin(pointer: string, around: string): boolean {
  return pointer === around || pointer.startsWith(`${around}/`);
}
