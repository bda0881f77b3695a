import type { Json } from "../../../protocol/json.ts";

// What a person can take in, and far above what a graph asks; more is shown as a plain question.
const MAX_NAME = 300;
const MAX_DESCRIPTION = 20_000;
const NAMES_IN_TITLE = 5;
const MAX_NAME_IN_TITLE = 60;

/** True for an object that is no array. */
export function isRecord<Value>(value: Value): value is Value & Record<string, Json> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A member of its own: `constructor` and its like are not taken for one. */
export function own(record: Record<string, unknown>, key: string): unknown {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

/** True for what can be shown as the name of an action. */
export function isName(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= MAX_NAME;
}

/** Absent, null or text; undefined for absent and null, false for anything else. */
export function optionalText(value: unknown): string | undefined | false {
  if (value === undefined || value === null) return undefined;
  return typeof value === "string" ? cut(value, MAX_DESCRIPTION) : false;
}

/** Text that says what it leaves out. The whole stays in the value. */
function cut(text: string, max: number): string {
  if (text.length <= max) return text;
  return `${text.slice(0, max).toWellFormed()}… (${text.length - max} more characters)`;
}

/** Names for a title: each once, on one line, the first few of them. */
export function namesInTitle(names: readonly string[]): string {
  const once = [...new Set(names.map(inOneLine))];
  const told = once.slice(0, NAMES_IN_TITLE);
  const rest = once.length - told.length;
  return `${told.join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
}

function inOneLine(name: string): string {
  // Control characters would let a name draw over what stands beside it.
  const line = name.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ");
  return line.length <= MAX_NAME_IN_TITLE ? line : `${line.slice(0, MAX_NAME_IN_TITLE).toWellFormed()}…`;
}

/** As Postgres can hold it: it refuses NUL and half a character. */
export function storable(text: string): string {
  return text.replaceAll("\0", "\ufffd").toWellFormed();
}
