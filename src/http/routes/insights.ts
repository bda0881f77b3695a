import { z } from "zod";
import { readGraphInsights, readRunInsights } from "../../postgres/insights.ts";
import { HoldpointError } from "../../protocol/errors.ts";
import { invalid } from "../failure.ts";
import { checkWith, readQuery, textSchema, uuidParameter } from "../read-request.ts";
import { json } from "../reply.ts";
import type { Call, Route } from "../route.ts";
import { sinceSchema } from "./run-list.ts";

const WEEK = { seconds_ago: 7 * 86_400 };
const querySchema = z.object({ since: sinceSchema.optional() });

/** Where time and money went: of one run, and of the runs of a graph. */
export const insightRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/insights/runs/:run_id",
    permission: "runs:read",
    async handle(call) {
      const run_id = uuidParameter(call, "run_id");
      const insights = await readRunInsights(call.deps.database, call.principal.tenant_id, run_id);
      if (insights === undefined) throw new HoldpointError("not_found", `Run with ID ${run_id} not found`);
      return json(insights);
    },
  },
  { method: "GET", path: "/insights/graphs/:graph_id", permission: "runs:read", handle: ofGraph },
];

async function ofGraph(call: Call): Promise<Response> {
  const { since } = readQuery(call, querySchema);
  const graph_id = checkWith(textSchema, call.params["graph_id"]);
  if (!graph_id.ok) throw invalid(graph_id.faults);
  const { database, graphs } = call.deps;
  const insights = await readGraphInsights(database, call.principal.tenant_id, graph_id.value, since ?? WEEK);
  if (insights.runs.total > 0 || graphs().graphs.has(graph_id.value)) return json(insights);
  const message = `there is no graph ${JSON.stringify(graph_id.value)} here, and no run of one since ${insights.since}`;
  throw new HoldpointError("not_found", message);
}
