import { z } from "zod";
import { guardedIn } from "../../graphs/graph-set.ts";
import { startedRun } from "../../postgres/idempotency.ts";
import { planRetry, retryRun } from "../../postgres/retry-run.ts";
import { type RunRow, selectRunById } from "../../postgres/runs.sql.ts";
import { HoldpointError } from "../../protocol/errors.ts";
import { graphOfThread } from "../find-graph.ts";
import { once, readCreation } from "../idempotency.ts";
import { uuidParameter } from "../read-request.ts";
import { json } from "../reply.ts";
import type { Call, Route } from "../route.ts";
import { wireRun } from "../wire.ts";
import { addressOf } from "./runs.ts";

const NOTHING = z.object({});

/** Trying a failed run again, and what that would do. */
export const runRetryRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/runs/:run_id/retry",
    permission: "runs:read",
    async handle(call) {
      const run = await findRunById(call);
      const { from } = await planRetry(call.deps.database, run);
      const { run_id, thread_id, graph_id, status, error } = run;
      const failure = error === null ? null : (JSON.parse(error) as unknown);
      return json({ run_id, thread_id, graph_id, status, error: failure, from });
    },
  },
  { method: "POST", path: "/runs/:run_id/retry", permission: "runs:create", handle: retry },
];

async function retry(call: Call): Promise<Response> {
  const { keyed } = await readCreation(call, NOTHING);
  const { deps, principal } = call;
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
  deps.log.info({ run_id, thread_id, graph_id, retry_of: call.params["run_id"] }, "run retried");
  return json(wireRun(run), 200, { "content-location": addressOf(run) });
}

/** The run that the path names, wherever it is. Throws `not_found`, `invalid`. */
async function findRunById(call: Call): Promise<RunRow> {
  const run_id = uuidParameter(call, "run_id");
  const run = await call.deps.database.maybeOne(selectRunById(call.principal.tenant_id, run_id));
  if (run !== undefined) return run;
  throw new HoldpointError("not_found", `Run with ID ${run_id} not found`);
}
