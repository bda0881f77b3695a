import type { RunnableConfig } from "@langchain/core/runnables";
import {
  getConfigTypeSchema,
  getInputTypeSchema,
  getOutputTypeSchema,
  getStateTypeSchema,
} from "@langchain/langgraph/zod/schema";
import type { GraphDrawing, GraphSchemas, JsonSchema, SubgraphSchemas } from "../protocol/assistant.ts";
import type { CompiledGraph, LoadedGraph } from "./graph-set.ts";
import type { StaticSchemaReader } from "./static-schemas.ts";

/**
 * The schemas of a graph. A factory is asked for its graph with this config. Where the state says nothing of itself at
 * run time, the types are read.
 */
export async function describeSchemas(
  graph: LoadedGraph,
  config: RunnableConfig = {},
  types?: StaticSchemaReader,
): Promise<GraphSchemas> {
  const atRunTime = schemasOf(await graph.build(config));
  const isSilent = atRunTime.state === null && atRunTime.input === null;
  const inTypes = isSilent ? (await types?.read(graph))?.get("") : undefined;
  const { state, input, output, config: context } = together(atRunTime, inTypes);
  return {
    graph_id: graph.graph_id,
    input_schema: input === null || graph.examples === undefined ? input : { ...input, examples: graph.examples },
    output_schema: output,
    state_schema: state,
    config_schema: context,
    context_schema: context,
  };
}

/** The schemas of the graphs inside a graph by their path: those directly inside, those of one path, or all there are. */
export async function describeSubgraphs(
  graph: LoadedGraph,
  {
    namespace,
    recurse = false,
    config = {},
    types,
  }: {
    namespace?: string | undefined;
    recurse?: boolean;
    config?: RunnableConfig;
    types?: StaticSchemaReader | undefined;
  },
): Promise<Record<string, SubgraphSchemas>> {
  const compiled = await graph.build(config);
  const found: [string, SubgraphSchemas][] = [];
  for await (const [name, inner] of compiled.getSubgraphsAsync(namespace, recurse)) {
    found.push([name, schemasOf(inner as CompiledGraph)]);
  }
  const areSilent = found.some(([, { state, input }]) => state === null && input === null);
  const inTypes = areSilent ? await types?.read(graph) : undefined;
  return Object.fromEntries(found.map(([name, schemas]) => [name, together(schemas, inTypes?.get(name))]));
}

/** What is known at run time, and what only the types say. */
function together(atRunTime: SubgraphSchemas, inTypes: SubgraphSchemas | undefined): SubgraphSchemas {
  if (inTypes === undefined || atRunTime.state !== null || atRunTime.input !== null) return atRunTime;
  return { ...inTypes, config: atRunTime.config ?? inTypes.config };
}

/** The nodes and edges of a graph; `xray` opens subgraphs, all of them or so many levels. */
export async function drawGraph(
  graph: LoadedGraph,
  xray: boolean | number = false,
  config: RunnableConfig = {},
): Promise<GraphDrawing> {
  const compiled = await graph.build(config);
  const drawable = await compiled.getGraphAsync({ xray } as Parameters<typeof compiled.getGraphAsync>[0]);
  return drawable.toJSON() as unknown as GraphDrawing;
}

/** The names of a graph's nodes. */
export function nodeNames(compiled: CompiledGraph): string[] {
  return Object.keys(compiled.nodes).filter((name) => name !== "__start__");
}

function schemasOf(compiled: CompiledGraph): SubgraphSchemas {
  return {
    state: schemaOf(() => getStateTypeSchema(compiled)),
    input: schemaOf(() => getInputTypeSchema(compiled)),
    output: schemaOf(() => getOutputTypeSchema(compiled)),
    config: schemaOf(() => getConfigTypeSchema(compiled)),
  };
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
