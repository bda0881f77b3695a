import { z } from "zod";
import { attemptsOfRun } from "../../postgres/attempts.sql.ts";
import { listRuns, type RunRow, selectRun } from "../../postgres/runs.sql.ts";
import { HoldpointError } from "../../protocol/errors.ts";
import { RUN_MEMBERS, RUN_STATUSES, type Run, runCreateSchema } from "../../protocol/run.ts";
import { readCreation } from "../idempotency.ts";
import { pickMembers } from "../pick-members.ts";
import { limitSchema, listParameter, offsetSchema, readQuery, uuidParameter, wholeNumber } from "../read-request.ts";
import { json, page } from "../reply.ts";
import type { Call, Route } from "../route.ts";
import { startRun } from "../start-run.ts";
import { wireRun } from "../wire.ts";
import { findThread } from "./threads.ts";

const listSchema = z.object({
  limit: wholeNumber(limitSchema).default(10),
  offset: wholeNumber(offsetSchema).default(0),
  status: z.enum(RUN_STATUSES).optional(),
  select: listParameter(z.enum(RUN_MEMBERS)).optional(),
});

/** Runs in the background. */
export const runRoutes: readonly Route[] = [
  {
    method: "POST",
    path: "/threads/:thread_id/runs",
    permission: "runs:create",
    async handle(call) {
      const thread_id = uuidParameter(call, "thread_id");
      const run = await startRun(call, thread_id, await readCreation(call, runCreateSchema));
      return json(wireRun(run), 200, { "content-location": addressOf(run) });
    },
  },
  {
    method: "GET",
    path: "/threads/:thread_id/runs",
    permission: "runs:read",
    async handle(call) {
      const { limit, offset, status, select } = readQuery(call, listSchema);
      const { tenant_id, thread_id } = await findThread(call);
      const filter = { status: status ?? null, limit, offset };
      const runs = (await call.deps.database.many(listRuns(tenant_id, thread_id, filter))).map(wireRun);
      return page(pickMembers(runs, select as (keyof Run)[] | undefined), filter);
    },
  },
  {
    method: "GET",
    path: "/threads/:thread_id/runs/:run_id",
    permission: "runs:read",
    handle: async (call) => json(wireRun(await findRun(call))),
  },
  {
    method: "GET",
    path: "/threads/:thread_id/runs/:run_id/attempts",
    permission: "runs:read",
    async handle(call) {
      const { tenant_id, run_id } = await findRun(call);
      return json(await call.deps.database.many(attemptsOfRun(tenant_id, run_id)));
    },
  },
];

/** Where a run is found. */
export function addressOf({ thread_id, run_id }: Pick<RunRow, "thread_id" | "run_id">): string {
  return `/threads/${thread_id}/runs/${run_id}`;
}

/** The run that the path names. Throws `not_found`, `invalid`. */
export async function findRun(call: Call): Promise<RunRow> {
  const thread_id = uuidParameter(call, "thread_id");
  const run_id = uuidParameter(call, "run_id");
  const run = await call.deps.database.maybeOne(selectRun(call.principal.tenant_id, thread_id, run_id));
  if (run !== undefined) return run;
  throw new HoldpointError("not_found", `Run with ID ${run_id} not found on thread ${thread_id}`);
}
