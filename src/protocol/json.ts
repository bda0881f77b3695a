import { z } from "zod";

/** Any value JSON can carry. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** An object JSON can carry. */
export type JsonObject = { [key: string]: Json };

/** Parses any JSON value. */
export const jsonSchema: z.ZodType<Json> = z.json().meta({ id: "Json", description: "Any JSON." }) as z.ZodType<Json>;

/** Parses a JSON object. */
export const jsonObjectSchema: z.ZodType<JsonObject> = z.record(z.string(), jsonSchema) as z.ZodType<JsonObject>;

/**
 * True when no string in the value holds half of a UTF-16 pair, which has no bytes that a digest could cover.
 * JSON.stringify writes a lone surrogate, and nothing else, as an escape that begins with \ud;
 * after an odd number of backslashes more it is text that only looks like one.
 */
export function isWellFormedJson(value: unknown): boolean {
  return !/(?<!\\)(?:\\\\)*\\ud[89a-f]/i.test(JSON.stringify(value) ?? "null");
}

/**
 * True when Postgres can hold the value as jsonb: it refuses \u0000 and lone surrogates.
 * Metadata must pass this, because it is filtered by containment; everything else is kept as JSON text.
 */
export function isStorableJson(value: unknown): boolean {
  return isWellFormedJson(value) && !/(?<!\\)(?:\\\\)*\\u0000/.test(JSON.stringify(value) ?? "null");
}

/** Metadata: an object that jsonb can hold. */
export const metadataSchema = z
  .record(z.string(), z.unknown())
  .refine(isStorableJson, "metadata must not contain NUL characters or lone surrogates");

/** A UUID in any version, lower case, as Postgres writes it. */
export const uuidSchema = z
  .string()
  .regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i, "must be a UUID")
  .transform((id) => id.toLowerCase())
  .meta({ format: "uuid" });
