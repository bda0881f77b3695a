import { z } from "zod";
import type { JsonSchema } from "../../protocol/assistant.ts";
import { shownSchema } from "../shown-as.ts";

/** Makes JSON Schemas; what has a name of its own is kept once, and referred to. */
export interface SchemaWriter {
  /** What a value has to be to be taken. */
  write(schema: z.ZodType): JsonSchema;
  /** What has a name, by its name. */
  named(): Record<string, JsonSchema>;
}

/** Makes a writer. */
export function createSchemaWriter(): SchemaWriter {
  const named = new Map<string, JsonSchema>();
  const written = new Map<z.ZodType, JsonSchema>();
  const keep = (name: string, { id: _id, ...shape }: JsonSchema) => named.set(name, moved(opened(shape)) as JsonSchema);
  const writeAnew = (schema: z.ZodType): JsonSchema => {
    const { $defs = {}, ...root } = convert(schema);
    for (const [name, definition] of Object.entries($defs as Record<string, JsonSchema>)) {
      if (!name.startsWith(NAMELESS)) keep(name, definition);
    }
    if (typeof root["id"] !== "string") return moved(root) as JsonSchema;
    keep(root["id"], root);
    return { $ref: `#/components/schemas/${root["id"]}` };
  };
  return {
    write(schema) {
      const made = written.get(schema) ?? writeAnew(shownSchema(schema));
      written.set(schema, made);
      return made;
    },
    named: () => Object.fromEntries([...named].sort(([one], [other]) => (one < other ? -1 : 1))),
  };
}

const NAMELESS = "__schema";

/** Any JSON is described by itself, at length, and by less just as well. */
function opened({ $ref, ...shape }: JsonSchema): JsonSchema {
  return typeof $ref !== "string" || $ref.includes(NAMELESS) ? shape : { $ref, ...shape };
}

function convert(schema: z.ZodType): JsonSchema {
  const { $schema: _dialect, ...converted } = z.toJSONSchema(schema, {
    io: "input",
    unrepresentable: "any",
    override({ zodSchema, jsonSchema }) {
      const own = zodSchema as unknown as z.ZodType;
      const shown = shownSchema(own);
      if (shown !== own) replace(jsonSchema, convert(shown));
      // What the format says already.
      if (jsonSchema.format === "uuid" || jsonSchema.format === "date-time") delete jsonSchema.pattern;
      // A member that must not be there.
      if (zodSchema._zod.def.type === "undefined") jsonSchema.not = {};
    },
  });
  return converted;
}

function replace(target: JsonSchema, source: JsonSchema): void {
  for (const key of Object.keys(target)) delete target[key];
  Object.assign(target, source);
}

/** The same with its references to where the named ones are. */
function moved(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(moved);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => {
    const isReference = key === "$ref" && typeof inner === "string";
    return [key, isReference ? inner.replace("#/$defs/", "#/components/schemas/") : moved(inner)];
  });
  return Object.fromEntries(entries);
}
