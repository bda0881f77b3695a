import type { ReviewAction } from "../../../src/protocol/interrupt.ts";
import type { Json } from "../../../src/protocol/json.ts";

/** What a graph takes, keeps and gives; null where nothing describes it. */
export interface Schemas {
  graph_id: string;
  input_schema: Schema | null;
}

type Schema = Record<string, Json>;

/** An input that is there to be tried. */
export interface Example {
  label: string;
  input: Json;
}

const MOST_EXAMPLES = 6;
const LABEL = 72;
const LONG_TEXT = 24;

/** The input's schema as the form reads it; undefined where only JSON can say it. */
export function formOf(schemas: Schemas | undefined): Pick<ReviewAction, "args_schema" | "allowed"> | undefined {
  const schema = schemas?.input_schema;
  const properties = schema?.["properties"];
  if (schema == null || !isObject(properties) || Object.keys(properties).length === 0) return undefined;
  return { args_schema: schema as ReviewAction["args_schema"], allowed: ["edit"] } as Pick<
    ReviewAction,
    "args_schema" | "allowed"
  >;
}

/** The examples that the schema gives: as a whole, or member by member, the first of each belonging together. */
export function examplesOf(schemas: Schemas | undefined): Example[] {
  const schema = schemas?.input_schema ?? {};
  const whole = schema["examples"];
  const inputs = Array.isArray(whole) ? whole : fromMembers(schema["properties"]);
  return inputs.slice(0, MOST_EXAMPLES).map((input) => ({ label: labelOf(input), input }));
}

function fromMembers(properties: Json | undefined): Json[] {
  if (!isObject(properties)) return [];
  const lists = Object.entries(properties).flatMap(([name, schema]): [string, Json[]][] => {
    const examples = isObject(schema) ? schema["examples"] : undefined;
    return Array.isArray(examples) && examples.length > 0 ? [[name, examples]] : [];
  });
  const length = Math.min(...lists.map(([, examples]) => examples.length));
  if (lists.length === 0) return [];
  return Array.from({ length }, (_, place) =>
    Object.fromEntries(lists.map(([name, all]) => [name, all[place] as Json])),
  );
}

/** Whether the schema says what has to be there: LangGraph leaves it out, because a node may add the rest. */
export function namesRequired(schemas: Schemas | undefined): boolean {
  return Array.isArray(schemas?.input_schema?.["required"]);
}

/** What tells an example from the others: its longest text, or its short ones together. */
function labelOf(input: Json): string {
  const texts = isObject(input) ? Object.values(input).filter((value) => typeof value === "string") : [];
  const [longest = ""] = texts.toSorted((a, b) => b.length - a.length);
  const text = longest.length > LONG_TEXT ? longest : texts.join(", ") || JSON.stringify(input);
  return text.length > LABEL ? `${text.slice(0, LABEL)}…` : text;
}

/** What is wrong with an input, by the pointer of its place, out of what the server says in words. */
export function faultsIn(message: string): Record<string, string> {
  const faults = message.split("; ").flatMap((told): [string, string][] => {
    const [, pointer, what] = /^\/input(\/[^\s:]*): (.+)$/s.exec(told) ?? [];
    return pointer === undefined || what === undefined ? [] : [[pointer, what]];
  });
  return Object.fromEntries(faults);
}

/** Whether a text is usually longer than a line. */
export function isLong(schemas: Schemas | undefined, pointer: string): boolean {
  const properties = schemas?.input_schema?.["properties"];
  const name = pointer.slice(1);
  const schema = isObject(properties) && Object.hasOwn(properties, name) ? properties[name] : undefined;
  return isObject(schema) && typeof schema["maxLength"] === "number" && schema["maxLength"] > 1_000;
}

function isObject(value: Json | undefined): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
