import {
  getConfigTypeSchema,
  getInputTypeSchema,
  getOutputTypeSchema,
  getStateTypeSchema,
} from "@langchain/langgraph/zod/schema";
import type { CompiledGraph, LoadedGraph } from "./graph-set.ts";

type JsonSchema = Record<string, unknown>;

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

/** The schemas of a graph. A factory is asked for its graph with an empty config. */
export async function describeSchemas(graph: LoadedGraph): Promise<GraphSchemas> {
  const compiled = await graph.build({});
  const context = schemaOf(() => getConfigTypeSchema(compiled));
  return {
    graph_id: graph.graph_id,
    input_schema: schemaOf(() => getInputTypeSchema(compiled)),
    output_schema: schemaOf(() => getOutputTypeSchema(compiled)),
    state_schema: schemaOf(() => getStateTypeSchema(compiled)),
    config_schema: context,
    context_schema: context,
  };
}

/** The nodes and edges of a graph; `xray` opens subgraphs, all of them or so many levels. */
export async function drawGraph(graph: LoadedGraph, xray: boolean | number = false): Promise<GraphDrawing> {
  const compiled = await graph.build({});
  const drawable = await compiled.getGraphAsync({ xray } as Parameters<typeof compiled.getGraphAsync>[0]);
  return drawable.toJSON() as unknown as GraphDrawing;
}

/** The names of a graph's nodes. */
export function nodeNames(compiled: CompiledGraph): string[] {
  return Object.keys(compiled.nodes).filter((name) => name !== "__start__");
}

// A state of channels or annotations has no schema, and some zod types have no JSON Schema: neither is an error.
function schemaOf(read: () => unknown): JsonSchema | null {
  try {
    const schema = read();
    return typeof schema === "object" && schema !== null ? (schema as JsonSchema) : null;
  } catch {
    return null;
  }
}
