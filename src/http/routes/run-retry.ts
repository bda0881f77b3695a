import { z } from "zod";
import { guardedIn } from "../../graphs/graph-set.ts";
import { startedRun } from "../../postgres/idempotency.ts";
import { planRetry, retryRun } from "../../postgres/retry-run.ts";
import { type RunRow, selectRunById } from "../../postgres/runs.sql.ts";
import { HoldpointError } from "../../protocol/errors.ts";
import { runWire } from "../../protocol/wire-schemas.ts";
import { anyObject, shows } from "../answers.ts";
import { graphOfThread } from "../find-graph.ts";
import { once } from "../idempotency.ts";
import { json } from "../reply.ts";
import { type Call, defineRoute, type Route } from "../route.ts";
import { wireRun } from "../wire.ts";
import { addressOf } from "./runs.ts";

const NOTHING = z.object({});

/** Trying a failed run again, and what that would do. */
export const runRetryRoutes: readonly Route[] = [
  defineRoute({
    method: "GET",
    path: "/runs/:run_id/retry",
    permission: "runs:read",
    event: "threads:read",
    summary: "See what trying a failed run again would do",
    answers: { 200: shows(anyObject, "The run, and where it would go on from.") },
    refuses: ["not_failed", "superseded", "thread_busy"],
    async handle(call) {
      const run = await findRunById(call);
      const { from } = await planRetry(call.deps.database, run);
      const { run_id, thread_id, graph_id, status, error } = run;
      const failure = error === null ? null : (JSON.parse(error) as unknown);
      return json({ run_id, thread_id, graph_id, status, error: failure, from });
    },
  }),
  defineRoute({
    method: "POST",
    path: "/runs/:run_id/retry",
    permission: "runs:create",
    event: "threads:create_run",
    summary: "Try a failed run again",
    body: NOTHING,
    keyed: true,
    answers: { 200: shows(runWire, "The run that goes on.", ["content-location"]) },
    refuses: ["not_failed", "superseded", "thread_busy", "graph_not_loaded", "guarded"],
    handle: retry,
  }),
];

async function retry(call: Call<"run_id">): Promise<Response> {
  const { deps, principal, keyed } = call;
  const make = async () => {
    const run = await findRunById(call);
    const { guarded } = graphOfThread(call, run.graph_id);
    const isGuarded = guardedIn(deps.graphs);
    const { principal_id, permissions } = principal;
    const may_decide = permissions.has("review:decide");
    return await retryRun(deps.database, { run, principal_id, guarded, isGuarded, may_decide, idempotency: keyed });
  };
  const run = await once(call, keyed, make, (started) => startedRun(deps.database, principal.tenant_id, started));
  deps.wakeups.wake("runs", run.thread_id);
  const { run_id, thread_id, graph_id } = run;
  deps.log.info({ run_id, thread_id, graph_id, retry_of: call.params.run_id }, "run retried");
  return json(wireRun(run), 200, { "content-location": addressOf(run) });
}

/** The run that the path names, wherever it is. Throws `not_found`, `invalid`. */
async function findRunById(call: Call<"run_id">): Promise<RunRow> {
  const { run_id } = call.params;
  const run = await call.deps.database.maybeOne(selectRunById(call.principal.tenant_id, run_id));
  if (run !== undefined) return run;
  throw new HoldpointError("not_found", `Run with ID ${run_id} not found`);
}
