import { z } from "zod";
import { describeSchemas, describeSubgraphs, drawGraph } from "../../graphs/describe.ts";
import type { LoadedGraph } from "../../graphs/graph-set.ts";
import type { Assistant, SubgraphSchemas } from "../../protocol/assistant.ts";
import { HoldpointError, isHoldpointError } from "../../protocol/errors.ts";
import { graphDrawingWire, graphSchemasWire, subgraphsWire } from "../../protocol/wire-schemas.ts";
import { shows } from "../answers.ts";
import { graphOfThread } from "../find-graph.ts";
import { flag } from "../read-request.ts";
import { json } from "../reply.ts";
import { type Call, defineRoute, type Route } from "../route.ts";
import { namedAssistant } from "./assistants.ts";

// As deep as graphs are ever nested; to LangGraph a number means so many levels.
const levels = z
  .string()
  .regex(/^\d{1,3}$/, "must be true, false or how many levels")
  .transform(Number);
const drawQuery = z.object({
  xray: z.union([z.enum(["true", "false"]).transform((text) => text === "true"), levels]).default(false),
});
const subgraphQuery = z.object({ recurse: flag.default(false) });

/** What a graph looks like, and what it takes and gives. */
export const assistantGraphRoutes: readonly Route[] = [
  defineRoute({
    method: "GET",
    path: "/assistants/:assistant_id/graph",
    permission: "runs:read",
    event: "assistants:read",
    summary: "Draw an assistant's graph",
    query: drawQuery,
    answers: { 200: shows(graphDrawingWire, "Its nodes and edges.") },
    refuses: ["graph_not_loaded"],
    async handle(call) {
      return json(await described(call, (graph, config) => drawGraph(graph, call.query.xray, config)));
    },
  }),
  defineRoute({
    method: "GET",
    path: "/assistants/:assistant_id/schemas",
    permission: "runs:read",
    event: "assistants:read",
    summary: "Read what an assistant's graph takes, keeps and gives",
    answers: { 200: shows(graphSchemasWire, "JSON Schemas, null where the state is not described by any.") },
    refuses: ["graph_not_loaded"],
    async handle(call) {
      const { types } = call.deps;
      return json(await described(call, (graph, config) => describeSchemas(graph, config, types)));
    },
  }),
  defineRoute({
    method: "GET",
    path: "/assistants/:assistant_id/subgraphs",
    permission: "runs:read",
    event: "assistants:read",
    summary: "Read what the subgraphs of an assistant's graph take, keep and give",
    query: subgraphQuery,
    answers: { 200: shows(subgraphsWire, "JSON Schemas by the path of the subgraph.") },
    refuses: ["graph_not_loaded"],
    handle: async (call) => json(await subgraphs(call, call.query)),
  }),
  defineRoute({
    method: "GET",
    path: "/assistants/:assistant_id/subgraphs/:namespace",
    permission: "runs:read",
    event: "assistants:read",
    summary: "The same of one subgraph",
    query: subgraphQuery,
    answers: { 200: shows(subgraphsWire, "JSON Schemas by the path of the subgraph.") },
    refuses: ["graph_not_loaded"],
    handle: async (call) => json(await subgraphs(call, call.query, call.params.namespace)),
  }),
];

async function subgraphs(
  call: Call<"assistant_id">,
  { recurse }: z.infer<typeof subgraphQuery>,
  namespace?: string,
): Promise<Record<string, SubgraphSchemas>> {
  const { types } = call.deps;
  return await described(call, (graph, config) => describeSubgraphs(graph, { namespace, recurse, config, types }));
}

/** Asks the graph of the assistant that the path names. Throws `not_found`, `graph_not_loaded`. */
async function described<Description>(
  call: Call<"assistant_id">,
  describe: (graph: LoadedGraph, config: Assistant["config"]) => Promise<Description>,
): Promise<Description> {
  const { graph_id, config } = await namedAssistant(call);
  const graph = graphOfThread(call, graph_id);
  try {
    return await describe(graph, config);
  } catch (error) {
    if (isHoldpointError(error)) throw error;
    const why = error instanceof Error ? error.message : String(error);
    // A factory may need what only a run brings along.
    throw new HoldpointError("graph_not_loaded", `graph "${graph_id}" made nothing to describe: ${why.slice(0, 300)}`, {
      facts: { graph_id },
      cause: error,
    });
  }
}
