// What an answer may look like, read off the JSON Schema that the server holds it against.
import type { ReviewAction } from "../protocol/interrupt.ts";
import { shellJson } from "./shell-word.ts";

const ANSWERS_AT_MOST = 4;
const DEEPEST = 4;
const LONGEST_NAME = 40;

type Schema = Readonly<Record<string, unknown>>;

/** The options of `review respond` that a response to an action can be given with, each kind of answer once. */
export function answerOptions({ allowed, args_schema, response_schema }: ReviewAction): string[] {
  // As the server has it: where a response is the only answer, the one schema there is is the response's.
  const schema = response_schema ?? (allowed.every((type) => type === "respond") ? args_schema : undefined);
  if (schema === undefined || takesText(schema)) return ['-m "…"'];
  const answers = (kindsOf(schema) ?? [schema]).slice(0, ANSWERS_AT_MOST).map((kind) => example(kind, "value", 0));
  return [...new Set(answers.map((answer) => `--value ${shellJson(answer) ?? "answer.json"}`))];
}

/** What only a person knows stands in it as `<name>`. */
function example(schema: unknown, name: string, depth: number): string {
  if (!isSchema(schema) || depth > DEEPEST) return unknown(name);
  const { examples, enum: choices, description, type, properties } = schema;
  const said = ["const", "default"].find((key) => Object.hasOwn(schema, key));
  if (said !== undefined) return JSON.stringify(schema[said]);
  for (const listed of [examples, choices])
    if (Array.isArray(listed) && listed.length > 0) return JSON.stringify(listed[0]);
  const called = typeof description === "string" && description.length <= LONGEST_NAME ? description : name;
  const [kind, ...others] = kindsOf(schema) ?? [];
  if (kind !== undefined) return others.length === 0 ? example(kind, called, depth + 1) : unknown(called);
  if (type === "boolean") return "true";
  if (type === "string") return JSON.stringify(unknown(called));
  if (type === "array") return `[${example(schema["items"], called, depth + 1)}]`;
  return isSchema(properties) ? objectExample(schema, properties, depth) : unknown(called);
}

function objectExample({ required }: Schema, properties: Schema, depth: number): string {
  const names = Object.keys(properties);
  const needed = names.filter((name) => Array.isArray(required) && required.includes(name));
  const members = (needed.length === 0 ? names.slice(0, 1) : needed).map(
    (name) => `${JSON.stringify(name)}: ${example(properties[name], name, depth + 1)}`,
  );
  return `{${members.join(", ")}}`;
}

/** The alternatives of a schema, but for null; undefined where it has none. */
function kindsOf({ anyOf, oneOf }: Schema): readonly Schema[] | undefined {
  const kinds = anyOf ?? oneOf;
  const told = Array.isArray(kinds) ? kinds.filter(isSchema).filter(({ type }) => type !== "null") : [];
  return told.length === 0 ? undefined : told;
}

const NARROWER = ["const", "enum", "allOf", "not", "$ref", "properties", "items", "format", "pattern"];

function takesText(schema: Schema): boolean {
  const kinds = kindsOf(schema);
  if (kinds !== undefined) return kinds.some(takesText);
  const types = [schema["type"] ?? "string"].flat();
  return types.includes("string") && NARROWER.every((key) => !Object.hasOwn(schema, key));
}

const unknown = (name: string) => `<${name}>`;

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
