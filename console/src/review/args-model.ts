// Edited arguments: what was typed, field by field, and what it means. Text stays text until it can be read, so that
// nothing that was typed is ever lost.
import type { ReviewAction } from "../../../src/protocol/interrupt.ts";
import type { Json } from "../../../src/protocol/json.ts";

/** What was typed about the arguments of one action. */
export interface ArgsDraft {
  /** The whole as JSON text; while it is there it is what counts. */
  raw?: string;
  /** What the fields begin with where that is not what was proposed. */
  base?: Json;
  /** What was typed, by JSON pointer. */
  texts: Record<string, string>;
}

/** How a value is edited. */
export type FieldKind = "text" | "lines" | "number" | "integer" | "boolean" | "choice" | "json";

/** One field of a form. */
export interface Field {
  pointer: string;
  label: string;
  kind: FieldKind;
  value: Json;
  choices: Json[];
  isEditable: boolean;
  isRequired: boolean;
  hint: string;
  depth: number;
}

type Schema = Record<string, Json>;

const DEEPEST = 4;
const MOST_FIELDS = 200;
const LONG_TEXT = 60;

/** A change of one field. */
export interface Change {
  pointer: string;
  before: string;
  after: string;
}

/** What is wrong with a field. */
export type Errors = Record<string, string>;

/** The fields of a value, nested ones behind their parent. */
export function fieldsOf(
  value: Json,
  action: Pick<ReviewAction, "args_schema" | "editable_paths" | "allowed">,
): Field[] {
  const fields: Field[] = [];
  const isEditable = (pointer: string) =>
    action.allowed.includes("edit") &&
    (action.editable_paths === undefined ||
      action.editable_paths.some((path) => pointer === path || pointer.startsWith(`${path}/`)));
  const visit = (
    inner: Json,
    schema: Schema,
    place: { pointer: string; label: string; required: boolean },
    depth: number,
  ) => {
    if (fields.length >= MOST_FIELDS) return;
    if (isObject(inner) && depth < DEEPEST && (depth === 0 || Object.keys(inner).length > 0)) {
      const properties = recordOf(schema["properties"]);
      const required = Array.isArray(schema["required"]) ? schema["required"] : [];
      const names = [...new Set([...Object.keys(inner), ...Object.keys(properties)])];
      for (const name of names) {
        const label = place.label === "" ? name : `${place.label}.${name}`;
        const pointer = `${place.pointer}/${escapePointer(name)}`;
        const own = Object.hasOwn(inner, name) ? (inner[name] as Json) : undefined;
        if (own === undefined && !isEditable(pointer)) continue;
        visit(
          own ?? null,
          recordOf(properties[name]),
          { pointer, label, required: required.includes(name) },
          depth + 1,
        );
      }
      return;
    }
    fields.push({
      pointer: place.pointer,
      label: place.label === "" ? "value" : place.label,
      kind: kindOf(inner, schema),
      value: inner,
      choices: Array.isArray(schema["enum"]) ? schema["enum"] : [],
      isEditable: isEditable(place.pointer),
      isRequired: place.required,
      hint: hintOf(schema),
      depth,
    });
  };
  visit(value, recordOf(action.args_schema), { pointer: "", label: "", required: true }, 0);
  return fields;
}

function kindOf(value: Json, schema: Schema): FieldKind {
  if (Array.isArray(schema["enum"]) && schema["enum"].length > 0) return "choice";
  const types = [schema["type"]].flat().filter((type) => type !== "null");
  const [type] = types;
  if (types.length > 1) return typeof value === "string" ? "text" : "json";
  if (type === "integer" || type === "number" || type === "boolean") return type;
  if (type === "string" || (type === undefined && typeof value === "string")) {
    return typeof value === "string" && (value.length > LONG_TEXT || value.includes("\n")) ? "lines" : "text";
  }
  if (type === undefined && typeof value === "number") return "number";
  if (type === undefined && typeof value === "boolean") return "boolean";
  return "json";
}

function hintOf(schema: Schema): string {
  const limits = [
    typeof schema["description"] === "string" ? schema["description"].slice(0, 200) : undefined,
    schema["minimum"] === undefined || isHuge(schema["minimum"]) ? undefined : `at least ${schema["minimum"]}`,
    schema["maximum"] === undefined || isHuge(schema["maximum"]) ? undefined : `at most ${schema["maximum"]}`,
    schema["maxLength"] === undefined ? undefined : `at most ${schema["maxLength"]} characters`,
  ];
  return limits.filter((limit) => limit !== undefined).join(", ");
}

const isHuge = (limit: Json) => typeof limit === "number" && Math.abs(limit) >= Number.MAX_SAFE_INTEGER;

/** A value as it stands in its field. */
export function textOf(value: Json, kind: FieldKind): string {
  if (typeof value === "string" && kind !== "json" && kind !== "choice") return value;
  if (value === null && kind !== "json" && kind !== "choice") return "";
  return JSON.stringify(value, null, kind === "json" ? 2 : 0);
}

/** What was typed into a field as a value; what cannot be read says why. */
export function readField(field: Pick<Field, "kind" | "value">, text: string): { value: Json } | { error: string } {
  switch (field.kind) {
    case "text":
    case "lines":
      return { value: field.value === null && text === "" ? null : text };
    case "number":
    case "integer": {
      if (text.trim() === "" && field.value === null) return { value: null };
      const number = Number(text.trim());
      if (text.trim() === "" || !Number.isFinite(number)) return { error: "must be a number, such as 12.50" };
      if (field.kind === "integer" && !Number.isInteger(number)) return { error: "must be a whole number" };
      return { value: number };
    }
    default:
      return readJson(text);
  }
}

function readJson(text: string): { value: Json } | { error: string } {
  try {
    return { value: JSON.parse(text) as Json };
  } catch (error) {
    return { error: `is no JSON: ${(error as Error).message}` };
  }
}

/** What the arguments are with what was typed, and what is wrong with it, by pointer. */
export function editedArgs(
  proposed: Json,
  draft: ArgsDraft,
  action: Pick<ReviewAction, "args_schema" | "editable_paths" | "allowed">,
): { args: Json; errors: Errors } {
  if (draft.raw !== undefined) {
    const read = readJson(draft.raw);
    return "error" in read
      ? { args: draft.base ?? proposed, errors: { "": read.error } }
      : { args: read.value, errors: {} };
  }
  let args = structuredClone(draft.base ?? proposed);
  const errors: Errors = {};
  for (const field of fieldsOf(draft.base ?? proposed, action)) {
    const text = draft.texts[field.pointer];
    if (text === undefined || text === textOf(field.value, field.kind)) continue;
    const read = readField(field, text);
    if ("error" in read) errors[field.pointer] = read.error;
    else args = withValue(args, field.pointer, read.value);
  }
  return { args, errors: { ...limitErrors(args, action), ...errors } };
}

/** What a schema says simply enough to be said while somebody types; everything else the server says. */
function limitErrors(args: Json, action: Pick<ReviewAction, "args_schema" | "editable_paths" | "allowed">): Errors {
  const errors: Errors = {};
  for (const { pointer, value, kind } of fieldsOf(args, action)) {
    const schema = schemaAt(recordOf(action.args_schema), pointer);
    const { minimum, maximum, maxLength } = schema;
    if (typeof value === "number" && (kind === "number" || kind === "integer")) {
      if (typeof minimum === "number" && value < minimum) errors[pointer] = `must be at least ${minimum}`;
      if (typeof maximum === "number" && value > maximum) errors[pointer] = `must be at most ${maximum}`;
    }
    if (typeof value === "string" && typeof maxLength === "number" && [...value].length > maxLength)
      errors[pointer] = `has more than ${maxLength} characters`;
  }
  return errors;
}

function schemaAt(schema: Schema, pointer: string): Schema {
  return pointer
    .split("/")
    .slice(1)
    .reduce((inner, name) => recordOf(recordOf(inner["properties"])[unescapePointer(name)]), schema);
}

/** Where two values differ, as texts to be compared word by word. */
export function changesBetween(before: Json, after: Json, pointer = ""): Change[] {
  if (isObject(before) && isObject(after)) {
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return names.flatMap((name) => {
      const place = `${pointer}/${escapePointer(name)}`;
      if (!Object.hasOwn(after, name)) return [{ pointer: place, before: plain(before[name] as Json), after: "" }];
      if (!Object.hasOwn(before, name)) return [{ pointer: place, before: "", after: plain(after[name] as Json) }];
      return changesBetween(before[name] as Json, after[name] as Json, place);
    });
  }
  return JSON.stringify(before) === JSON.stringify(after)
    ? []
    : [{ pointer, before: plain(before), after: plain(after) }];
}

const ONE_LINE = 72;

/** A value as a person reads it: text as it is, what fits on a line on one. */
export function plain(value: Json): string {
  if (typeof value === "string") return value;
  const short = JSON.stringify(value);
  return short.length <= ONE_LINE ? short : JSON.stringify(value, null, 2);
}

/** A pointer as a label: "/customer/name" is "customer.name". */
export function labelOf(pointer: string): string {
  return pointer === "" ? "value" : pointer.slice(1).split("/").map(unescapePointer).join(".");
}

function withValue(value: Json, pointer: string, inner: Json): Json {
  if (pointer === "") return inner;
  const names = pointer.slice(1).split("/").map(unescapePointer);
  const last = names.pop() as string;
  let parent: Json | undefined = value;
  for (const name of names) parent = isObject(parent) ? parent[name] : undefined;
  // Never by assignment: a field may be called __proto__.
  if (isObject(parent))
    Object.defineProperty(parent, last, { value: inner, enumerable: true, writable: true, configurable: true });
  return value;
}

/** Whether it is an object with fields. */
export function isObject(value: Json | undefined): value is Record<string, Json> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function recordOf(value: Json | Record<string, Json> | undefined): Schema {
  return isObject(value as Json) ? (value as Schema) : {};
}

const escapePointer = (name: string) => name.replaceAll("~", "~0").replaceAll("/", "~1");
const unescapePointer = (name: string) => name.replaceAll("~1", "/").replaceAll("~0", "~");
