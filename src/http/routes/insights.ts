import { z } from "zod";
import { readGraphInsights, readRunInsights } from "../../postgres/insights.ts";
import { HoldpointError } from "../../protocol/errors.ts";
import { anyObject, shows } from "../answers.ts";
import { json } from "../reply.ts";
import { type Call, defineRoute, type Route } from "../route.ts";
import { sinceSchema } from "./run-list.ts";

const WEEK = { seconds_ago: 7 * 86_400 };
const querySchema = z.object({ since: sinceSchema.optional() });

/** Where time and money went: of one run, and of the runs of a graph. */
export const insightRoutes: readonly Route[] = [
  defineRoute({
    method: "GET",
    path: "/insights/runs/:run_id",
    permission: "runs:read",
    event: "threads:read",
    summary: "Read where the time and money of a run went",
    answers: { 200: shows(anyObject, "Its figures.") },
    refuses: ["too_much"],
    async handle(call) {
      const { run_id } = call.params;
      const insights = await readRunInsights(call.deps.database, call.principal.tenant_id, run_id);
      if (insights === undefined) throw new HoldpointError("not_found", `Run with ID ${run_id} not found`);
      return json(insights);
    },
  }),
  defineRoute({
    method: "GET",
    path: "/insights/graphs/:graph_id",
    permission: "runs:read",
    event: { none: "figures of all runs of a graph, whoever started them" },
    summary: "Read where the time and money of a graph's runs went",
    query: querySchema,
    answers: { 200: shows(anyObject, "Their figures.") },
    refuses: ["too_much"],
    handle: ofGraph,
  }),
];

async function ofGraph(call: Call<"graph_id", unknown, z.infer<typeof querySchema>>): Promise<Response> {
  const { graph_id } = call.params;
  const { database, graphs } = call.deps;
  const insights = await readGraphInsights(database, call.principal.tenant_id, graph_id, call.query.since ?? WEEK);
  if (insights.runs.total > 0 || graphs().graphs.has(graph_id)) return json(insights);
  const message = `there is no graph ${JSON.stringify(graph_id)} here, and no run of one since ${insights.since}`;
  throw new HoldpointError("not_found", message);
}
