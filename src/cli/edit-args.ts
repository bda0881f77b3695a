import type { Json, JsonObject } from "../protocol/json.ts";
import { CommandError } from "./command-error.ts";
import { EXIT } from "./exit-codes.ts";
import { safeJson, sanitiseLine } from "./sanitise.ts";

/** One `--set`: where, and the text that stood behind the equals sign. */
interface Assignment {
  path: string[];
  text: string;
}

type Schema = Record<string, Json>;

/** The arguments with every `--set path=value` applied; each value gets the type its schema, or else its old value, has. */
export function applySets(args: Json, schema: Schema | undefined, sets: readonly string[]): Json {
  return sets.map(parseSet).reduce((current, set) => assign(current, schema, set, []), args);
}

function parseSet(set: string): Assignment {
  const at = set.indexOf("=");
  if (at < 1) throw invalid(`--set ${sanitiseLine(set)} says no value: write --set amount=12.50`);
  const name = set.slice(0, at);
  // A JSON pointer for names that have dots themselves.
  const path = name.startsWith("/")
    ? name
        .slice(1)
        .split("/")
        .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    : name.split(".");
  return { path, text: set.slice(at + 1) };
}

function assign(
  current: Json | undefined,
  schema: Schema | undefined,
  { path, text }: Assignment,
  done: string[],
): Json {
  const [key, ...rest] = path;
  if (key === undefined) return typed(text, typesOf(schema, current), done.join("."));
  const below = (value: Json | undefined, inner: Schema | undefined) =>
    assign(value, inner, { path: rest, text }, [...done, key]);
  if (Array.isArray(current)) {
    const index = Number(key);
    if (!/^\d{1,6}$/.test(key) || index > current.length) {
      throw invalid(`${sanitiseLine([...done, key].join("."))}: the list has ${current.length} items, the first is 0`);
    }
    return current.toSpliced(index, 1, below(current[index], itemSchema(schema)));
  }
  const record = isRecord(current) ? current : {};
  const known = propertiesOf(schema);
  if (!Object.hasOwn(record, key) && !Object.hasOwn(known, key)) {
    const names = [...new Set([...Object.keys(record), ...Object.keys(known)])].map(sanitiseLine).join(", ");
    throw invalid(`there is no argument "${sanitiseLine([...done, key].join("."))}"; there is: ${names || "none"}`);
  }
  const next = below(Object.hasOwn(record, key) ? record[key] : undefined, resolve(schema, known[key]));
  // From entries, so that a key like __proto__ stays a key.
  const entries = Object.entries(record).map(([name, value]) => [name, name === key ? next : value] as const);
  return Object.fromEntries(Object.hasOwn(record, key) ? entries : [...entries, [key, next]]);
}

function typed(text: string, types: ReadonlySet<string>, name: string): Json {
  if (types.has("null") && text === "null") return null;
  if (types.has("boolean") && (text === "true" || text === "false")) return text === "true";
  if (types.has("number") || types.has("integer")) {
    const number = numberOf(text, name, !types.has("number"));
    if (number !== undefined) return number;
  }
  if (types.has("object") || types.has("array")) {
    const value = parsed(text);
    if (value !== undefined && typeof value === "object" && value !== null) return value;
  }
  if (types.has("string")) return text;
  if (types.size === 0) return parsed(text) ?? text;
  throw invalid(`${sanitiseLine(name)}: ${safeJson(text)} is not of type ${[...types].map(sanitiseLine).join(" or ")}`);
}

function numberOf(text: string, name: string, whole: boolean): number | undefined {
  if (!/^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text)) return undefined;
  const number = Number(text);
  if (whole && !Number.isInteger(number)) return undefined;
  // What cannot be held exactly would be paid inexactly.
  const digits = text.replace(/e.*$/i, "").replaceAll(/[-.]/g, "").replace(/^0+/, "");
  if (!Number.isFinite(number) || digits.length > 15) {
    throw invalid(`${sanitiseLine(name)}: ${text} has more digits than a number can hold exactly`);
  }
  return number;
}

function typesOf(schema: Schema | undefined, current: Json | undefined): ReadonlySet<string> {
  const types = new Set(schemaTypes(schema, schema));
  if (types.size > 0 || current === undefined || current === null) return types;
  return new Set([Array.isArray(current) ? "array" : typeof current]);
}

function schemaTypes(root: Schema | undefined, given: Json | undefined): string[] {
  const schema = resolve(root, given);
  if (schema === undefined) return [];
  const { type, anyOf, oneOf } = schema;
  const allowed = [schema["const"], ...(Array.isArray(schema["enum"]) ? schema["enum"] : [])].filter(
    (v) => v !== undefined,
  );
  if (allowed.length > 0) return allowed.map((value) => (value === null ? "null" : typeof value));
  if (typeof type === "string") return [type];
  if (Array.isArray(type)) return type.map(String);
  const choices = Array.isArray(anyOf) ? anyOf : Array.isArray(oneOf) ? oneOf : [];
  return choices.flatMap((choice) => schemaTypes(root, withDefinitions(root, choice)));
}

/** A part of a schema, its reference followed; it keeps the definitions, so that references below it can be followed too. */
function resolve(root: Schema | undefined, part: Json | undefined): Schema | undefined {
  if (!isRecord(part)) return undefined;
  const reference = part["$ref"];
  const name = typeof reference === "string" ? /^#\/(?:\$defs|definitions)\/([^/]+)$/.exec(reference)?.[1] : undefined;
  const target = name === undefined ? part : definitionsOf(root)[name];
  return isRecord(target) ? withDefinitions(root, target) : undefined;
}

function withDefinitions(root: Schema | undefined, part: Json): Schema {
  return { ...(isRecord(part) ? part : {}), $defs: definitionsOf(root) };
}

function definitionsOf(schema: Schema | undefined): JsonObject {
  const definitions = schema?.["$defs"] ?? schema?.["definitions"];
  return isRecord(definitions) ? definitions : {};
}

function propertiesOf(schema: Schema | undefined): JsonObject {
  const properties = schema?.["properties"];
  return isRecord(properties) ? properties : {};
}

function itemSchema(schema: Schema | undefined): Schema | undefined {
  return resolve(schema, schema?.["items"]);
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function isRecord(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalid(message: string): CommandError {
  return new CommandError(EXIT.invalid, message);
}
