import type { Json } from "../protocol/json.ts";
import { valueAt } from "./json-pointer.ts";

/** What stands where something is not shown. */
export const MASK = "[redacted]";

/** The value with a mask at each place that a JSON pointer leads to; places that are not there stay so. */
export function masked(value: Json, pointers: readonly string[]): Json {
  return pointers.reduce((shown, pointer) => maskAt(shown, pointer.split("/").slice(1)), value);
}

function maskAt(value: Json, steps: readonly string[]): Json {
  const [step, ...rest] = steps;
  if (step === undefined) return MASK;
  const key = step.replaceAll("~1", "/").replaceAll("~0", "~");
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return value;
  if (Array.isArray(value)) return value.map((item, index) => (String(index) === key ? maskAt(item, rest) : item));
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, name === key ? maskAt(item, rest) : item]),
  );
}

// A digit or two would be masked in every number of the text.
const SHORTEST_SECRET = 4;

/** A text without the values that the pointers lead to, however it came by them. */
export function withoutValues(text: string, value: Json, pointers: readonly string[]): string {
  const secrets = pointers
    .flatMap((pointer) => leaves(valueAt(value, pointer)))
    .filter((secret) => secret.length >= SHORTEST_SECRET)
    .sort((one, other) => other.length - one.length);
  return secrets.reduce((left, secret) => left.replaceAll(secret, MASK), text);
}

function leaves(value: Json | undefined): string[] {
  if (value === undefined || value === null) return [];
  return typeof value === "object" ? Object.values(value).flatMap(leaves) : [String(value)];
}
