import { createHash } from "node:crypto";
import { z } from "zod";
import { isStorableJson, metadataSchema, uuidSchema } from "./json.ts";

/** An assistant, as the clients see it: a graph with a configuration. */
export interface Assistant {
  assistant_id: string;
  graph_id: string;
  name: string;
  description: string | null;
  config: Record<string, unknown>;
  context: Record<string, unknown>;
  metadata: Record<string, unknown>;
  version: number;
  created_at: string;
  updated_at: string;
}

/** What an assistant was at one of its versions. */
export type AssistantVersion = Omit<Assistant, "updated_at">;

/** A JSON Schema. */
export type JsonSchema = Record<string, unknown>;

/** JSON Schemas of what a graph takes, keeps and gives; null where its state is not described by a schema. */
export interface GraphSchemas {
  graph_id: string;
  input_schema: JsonSchema | null;
  output_schema: JsonSchema | null;
  state_schema: JsonSchema | null;
  config_schema: JsonSchema | null;
  context_schema: JsonSchema | null;
}

/** A graph as it can be drawn. */
export interface GraphDrawing {
  nodes: { id: string; type: string; data?: unknown; metadata?: unknown }[];
  edges: { source: string; target: string; data?: string; conditional: boolean }[];
}

/** JSON Schemas of a graph inside another one. */
export interface SubgraphSchemas {
  state: JsonSchema | null;
  input: JsonSchema | null;
  output: JsonSchema | null;
  config: JsonSchema | null;
}

/** The members of an assistant, which a search may ask for one by one. */
export const ASSISTANT_MEMBERS = [
  "assistant_id",
  "graph_id",
  "name",
  "description",
  "config",
  "context",
  "metadata",
  "version",
  "created_at",
  "updated_at",
] as const satisfies readonly (keyof Assistant)[];

const storable = (value: unknown) => isStorableJson(value);
const NOT_STORABLE = "must not contain NUL characters or lone surrogates";

/** How the runs of an assistant are configured. A member that is null counts as left out, as everywhere. */
const assistantConfigSchema = z
  .looseObject({
    tags: z.array(z.string()).nullish(),
    recursion_limit: z.number().int().min(1).max(10_000).nullish(),
    configurable: z.record(z.string(), z.unknown()).nullish(),
    metadata: z.record(z.string(), z.unknown()).nullish(),
  })
  .refine(storable, NOT_STORABLE)
  .transform((config) => Object.fromEntries(Object.entries(config).filter(([, value]) => value !== null)));

const contextSchema = z.record(z.string(), z.unknown()).refine(storable, NOT_STORABLE);

const wordsSchema = (max: number) => z.string().max(max).refine(storable, NOT_STORABLE);

/** The body of PATCH /assistants/:id: what is left out stays, metadata is added to. */
export const assistantUpdateSchema = z
  .object({
    graph_id: wordsSchema(500).min(1).nullish(),
    name: wordsSchema(500).nullish(),
    description: wordsSchema(10_000).nullish(),
    config: assistantConfigSchema.nullish(),
    context: contextSchema.nullish(),
    metadata: metadataSchema.nullish(),
  })
  .meta({ id: "AssistantUpdate" });

/** What is changed of an assistant. */
export type AssistantUpdate = z.infer<typeof assistantUpdateSchema>;

/** The body of POST /assistants. */
export const assistantCreateSchema = assistantUpdateSchema
  .extend({
    graph_id: wordsSchema(500).min(1),
    assistant_id: uuidSchema.nullish(),
    if_exists: z.enum(["raise", "do_nothing"]).nullish(),
  })
  .meta({ id: "AssistantCreate" });

/** An assistant that somebody wants. */
export type AssistantCreate = z.infer<typeof assistantCreateSchema>;

// The namespace with which the official server derives a graph's own assistant id; clients cache that id.
const NAMESPACE = Buffer.from("6ba7b8219dad11d180b400c04fd430c8", "hex");

/** The id of a graph's own assistant: UUID version 5 of its graph id. */
export function assistantIdOf(graph_id: string): string {
  const hash = createHash("sha1").update(NAMESPACE).update(graph_id).digest().subarray(0, 16);
  hash[6] = ((hash[6] as number) & 0x0f) | 0x50;
  hash[8] = ((hash[8] as number) & 0x3f) | 0x80;
  const hex = hash.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
