import type { ReviewAction } from "../../../protocol/interrupt.ts";
import type { Json } from "../../../protocol/json.ts";
import { isRecord, own } from "./shape.ts";

type Kind = "string" | "number" | "boolean" | "null" | "array" | "object";

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/**
 * Edited arguments with the types they were proposed with: forms such as Agent Inbox's send everything they show as
 * text. What the schema says comes first, then the type of the proposed value; text that is meant as text stays text.
 */
export function coerceArgs(args: Record<string, Json>, action: ReviewAction): Record<string, Json> {
  const proposed = isRecord(action.args) ? action.args : {};
  // fromEntries makes `__proto__` a member like any other.
  return Object.fromEntries(
    Object.entries(args).map(([key, value]) => {
      if (typeof value !== "string") return [key, value];
      const kinds = kindsOf(propertySchema(action.args_schema, key), own(proposed, key));
      return [key, kinds.has("string") ? value : coerced(value, kinds)];
    }),
  );
}

/** The arguments that are still text although neither the schema nor the proposed value is. */
export function uncoerced(args: Record<string, Json>, action: ReviewAction): { key: string; wanted: string }[] {
  const proposed = isRecord(action.args) ? action.args : {};
  return Object.entries(args).flatMap(([key, value]) => {
    if (typeof value !== "string") return [];
    const kinds = kindsOf(propertySchema(action.args_schema, key), own(proposed, key));
    return kinds.size === 0 || kinds.has("string") ? [] : [{ key, wanted: [...kinds].join(" or ") }];
  });
}

function coerced(text: string, kinds: ReadonlySet<Kind>): Json {
  const trimmed = text.trim();
  if (kinds.has("number") && isExactNumber(trimmed)) return Number(trimmed);
  if (kinds.has("boolean") && (trimmed === "true" || trimmed === "false")) return trimmed === "true";
  if (kinds.has("null") && trimmed === "null") return null;
  const parsed = kinds.has("array") || kinds.has("object") ? parsedJson(trimmed) : undefined;
  if (parsed === undefined || parsed === null || typeof parsed !== "object") return text;
  return kinds.has(Array.isArray(parsed) ? "array" : "object") ? parsed : text;
}

function isExactNumber(text: string): boolean {
  // An account number of twenty digits would become another one.
  return (
    NUMBER.test(text) && Number.isFinite(Number(text)) && (!/^-?\d+$/.test(text) || Number.isSafeInteger(Number(text)))
  );
}

function parsedJson(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

/** What a value may be; nothing when neither the schema nor the proposed value says. */
function kindsOf(schema: Json | undefined, proposed: unknown): ReadonlySet<Kind> {
  const bySchema = schemaKinds(schema, 0);
  if (bySchema.size > 0) return bySchema;
  if (proposed === undefined || proposed === null) return new Set();
  return new Set([kindOf(proposed)]);
}

function kindOf(value: unknown): Kind {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return typeof value as Kind;
}

function propertySchema(schema: Record<string, Json> | undefined, key: string): Json | undefined {
  const properties = schema === undefined ? undefined : own(schema, "properties");
  return isRecord(properties) ? (own(properties, key) as Json | undefined) : undefined;
}

const SCHEMA_DEPTH = 5;

function schemaKinds(schema: unknown, depth: number): Set<Kind> {
  if (!isRecord(schema) || depth > SCHEMA_DEPTH) return new Set();
  const type = own(schema, "type");
  const named = (Array.isArray(type) ? type : [type]).flatMap((name): Kind[] => {
    if (name === "integer") return ["number"];
    return KINDS.has(name as Kind) ? [name as Kind] : [];
  });
  if (named.length > 0) return new Set(named);
  const listed = own(schema, "enum");
  if (Array.isArray(listed)) return new Set(listed.map(kindOf));
  if (Object.hasOwn(schema, "const")) return new Set([kindOf(schema["const"])]);
  const choices = own(schema, "anyOf") ?? own(schema, "oneOf");
  const kinds = Array.isArray(choices) ? choices.map((choice) => [...schemaKinds(choice, depth + 1)]) : [];
  // A choice that says nothing allows everything.
  return new Set(kinds.some((choice) => choice.length === 0) ? [] : kinds.flat());
}

const KINDS = new Set<Kind>(["string", "number", "boolean", "null", "array", "object"]);
