import { concurrencyLimits } from "../../graphs/stated-limits.ts";
import { viewQueue } from "../../policy/queue.ts";
import { limitOf } from "../../postgres/claim.ts";
import { listWorkers, queueRows } from "../../postgres/operations.sql.ts";
import { anyObject, shows } from "../answers.ts";
import { json } from "../reply.ts";
import { defineRoute, type Route } from "../route.ts";

// Past this many it is a backlog whatever its exact length, and counting it is work that it does not need beside it.
const COUNTED_AT_MOST = 100_000;
const WORKERS_AT_MOST = 1_000;
const SEEN_HOURS = 1;

/** What waits and what executes. */
export const queueRoutes: readonly Route[] = [
  defineRoute({
    method: "GET",
    path: "/queue",
    permission: "runs:read",
    event: { none: "what waits and executes for everybody" },
    summary: "See what waits and what executes",
    answers: { 200: shows(anyObject, "Figures by graph and priority.") },
    async handle({ deps, principal }) {
      const { database, settings, graphs } = deps;
      const [rows, workers] = await Promise.all([
        database.many(queueRows(principal.tenant_id, COUNTED_AT_MOST)),
        database.many(listWorkers(principal.tenant_id, SEEN_HOURS, WORKERS_AT_MOST)),
      ]);
      const loaded = workers.filter(({ state }) => state === "live").map(({ graph_ids }) => graph_ids);
      const limits = concurrencyLimits(settings.graphLimits ?? new Map(), graphs());
      const queue = viewQueue(rows, loaded, (graph_id) => limitOf({ limits }, graph_id));
      return json({ ...queue, is_cut: queue.pending + queue.running >= COUNTED_AT_MOST });
    },
  }),
];
