import { HoldpointError } from "../protocol/errors.ts";

// Deeper than any real payload, far from the end of the stack.
const MAX_DEPTH = 1000;

/**
 * RFC 8785 (JCS): the one way to write a JSON value, so that equal values have equal bytes.
 * Properties that are undefined are left out, as JSON.stringify does, so that a value has the same digest before and
 * after it was stored. Anything else that JSON cannot carry is refused and its place is named.
 */
export function canonicalJson(value: unknown): string {
  return write(value, "", 0);
}

function write(value: unknown, pointer: string, depth: number): string {
  if (depth > MAX_DEPTH) throw notJson(pointer, `is nested deeper than ${MAX_DEPTH} levels, or contains itself`);
  switch (typeof value) {
    case "boolean":
      return String(value);
    case "number":
      if (!Number.isFinite(value)) throw notJson(pointer, `is ${value}`);
      // ECMAScript's number to string is RFC 8785's; JSON.stringify also writes -0 as 0.
      return JSON.stringify(value);
    case "string":
      return writeString(value, pointer);
    case "object":
      if (value === null) return "null";
      return Array.isArray(value) ? writeArray(value, pointer, depth) : writeObject(value, pointer, depth);
    default:
      throw notJson(pointer, `is ${typeof value === "undefined" ? "undefined" : `a ${typeof value}`}`);
  }
}

function writeString(value: string, pointer: string): string {
  // A lone surrogate has no UTF-8 form: two different strings would hash alike.
  if (!value.isWellFormed()) throw notJson(pointer, "contains a lone surrogate (half of a UTF-16 pair)");
  return JSON.stringify(value);
}

function writeArray(value: unknown[], pointer: string, depth: number): string {
  // Array.from, because map skips holes and would lose them.
  const items = Array.from(value, (item, index) => write(item, `${pointer}/${index}`, depth + 1));
  return `[${items.join(",")}]`;
}

function writeObject(value: object, pointer: string, depth: number): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    throw notJson(pointer, `is a ${value.constructor?.name || "class instance"}, not a plain object`);
  }
  const record = value as Record<string, unknown>;
  const members = Object.keys(record)
    .filter((key) => record[key] !== undefined)
    // The default order compares UTF-16 code units, which is what RFC 8785 asks for.
    .sort()
    .map((key) => {
      const at = `${pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
      return `${writeString(key, at)}:${write(record[key], at, depth + 1)}`;
    });
  return `{${members.join(",")}}`;
}

function notJson(pointer: string, what: string): HoldpointError {
  return new HoldpointError(
    "invalid",
    `the value at "${pointer.slice(0, 200)}" ${what}; only JSON values can be used here`,
    {
      facts: { pointer },
    },
  );
}
