import { toJsonSchema } from "@langchain/core/utils/json_schema";
import type { ShapeWish } from "./model-call.ts";

type JsonSchema = Readonly<Record<string, unknown>>;

// Working a schema out takes longer than all else that is done for a call.
const worked = new WeakMap<object, JsonSchema>();

/** What a provider is asked for: a zod schema or another one as JSON Schema, strictly where the schema can be. */
export function shapeOf(schema: unknown, { name, method, strict }: Partial<Omit<ShapeWish, "schema">> = {}): ShapeWish {
  const told = jsonSchemaOf(schema as object);
  const title = name ?? told["title"] ?? "extract";
  return {
    name: String(title),
    schema: told,
    ...(method === undefined ? {} : { method }),
    strict: strict ?? isStrict(told),
  };
}

function jsonSchemaOf(schema: object): JsonSchema {
  const known = worked.get(schema);
  if (known !== undefined) return known;
  const { $schema: _dialect, ...told } = toJsonSchema(schema as never) as Record<string, unknown>;
  worked.set(schema, told);
  return told;
}

/** Strict answers need every member named and none left out: a schema with an optional member has no strict form. */
function isStrict(schema: JsonSchema): boolean {
  const properties = schema["properties"];
  if (schema["type"] === "object" || properties !== undefined) {
    const names = Object.keys((properties ?? {}) as object);
    const required = new Set((schema["required"] ?? []) as string[]);
    if (schema["additionalProperties"] !== false || names.some((name) => !required.has(name))) return false;
  }
  return Object.values(schema).every(isStrictInside);
}

function isStrictInside(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isStrictInside);
  return typeof value !== "object" || value === null || isStrict(value as JsonSchema);
}
