import type { StateFit } from "../protocol/graph-shape.ts";
import type { CompiledGraph } from "./graph-set.ts";

// The standard schema that zod and others speak, and the fields of LangGraph's StateSchema that carry one.
interface Schema {
  "~standard": { validate(value: unknown): Outcome | Promise<Outcome> };
}
interface Outcome {
  issues?: readonly { message: string; path?: readonly (PropertyKey | { key: PropertyKey })[] }[];
}
interface Field {
  valueSchema?: unknown;
  schema?: unknown;
}

interface Definition {
  fields?: Record<string, unknown>;
  shape?: unknown;
}

// Kept by LangGraph from the last snapshot and the writes since: what is stored is not the value.
const PIECEMEAL = "DeltaChannel";

/**
 * Holds the stored values of a thread against the graph's state schema, key by key; a state without a schema takes
 * everything. `values` are those of a checkpoint: what the graph itself reads leaves out the keys that it has lost.
 */
export async function stateFit(graph: CompiledGraph, values: Readonly<Record<string, unknown>>): Promise<StateFit> {
  const fit: StateFit = { held: Object.keys(values).sort(), faults: [], missing: [] };
  const channels = graph.channels as Record<string, { lc_graph_name?: string } | undefined>;
  for (const [key, schema] of Object.entries(schemasOf(graph))) {
    if (channels[key]?.lc_graph_name === PIECEMEAL) continue;
    const isHeld = Object.hasOwn(values, key);
    const problem = await problemOf(schema, values[key]);
    if (problem === undefined) continue;
    if (isHeld) fit.faults.push({ key: `${key}${problem.path}`, message: problem.message });
    else fit.missing.push(key);
  }
  return fit;
}

async function problemOf(schema: Schema, value: unknown): Promise<{ path: string; message: string } | undefined> {
  const { issues } = await outcomeOf(schema, value);
  const [first] = issues ?? [];
  if (first === undefined) return undefined;
  const path = (first.path ?? []).map((part) => `.${String(typeof part === "object" ? part.key : part)}`).join("");
  return { path, message: first.message };
}

// A check of the author's that throws has not said yes.
async function outcomeOf(schema: Schema, value: unknown): Promise<Outcome> {
  try {
    return await schema["~standard"].validate(value);
  } catch (error) {
    return { issues: [{ message: error instanceof Error ? error.message : String(error) }] };
  }
}

function schemasOf(graph: CompiledGraph): Record<string, Schema> {
  const { builder } = graph as { builder?: { _schemaRuntimeDefinition?: Definition } };
  const definition = builder?._schemaRuntimeDefinition;
  if (definition === undefined) return {};
  const fields = definition.fields ?? shapeOf(definition);
  const schemas = Object.entries(fields).map(([key, field]) => [key, schemaOf(field)] as const);
  return Object.fromEntries(schemas.filter((entry): entry is [string, Schema] => entry[1] !== undefined));
}

// zod 3 computes the shape on demand.
function shapeOf({ shape }: Definition): Record<string, unknown> {
  const given: unknown = typeof shape === "function" ? shape() : shape;
  return typeof given === "object" && given !== null ? (given as Record<string, unknown>) : {};
}

function schemaOf(field: unknown): Schema | undefined {
  if (isSchema(field)) return field;
  if (typeof field !== "object" || field === null) return undefined;
  const { valueSchema, schema } = field as Field;
  if (isSchema(valueSchema)) return valueSchema;
  return isSchema(schema) ? schema : undefined;
}

function isSchema(value: unknown): value is Schema {
  return (typeof value === "object" || typeof value === "function") && value !== null && "~standard" in value;
}
