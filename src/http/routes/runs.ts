import { z } from "zod";
import { attemptsOfRun } from "../../postgres/attempts.sql.ts";
import { listRuns, type RunRow, selectRun } from "../../postgres/runs.sql.ts";
import { HoldpointError } from "../../protocol/errors.ts";
import { RUN_MEMBERS, RUN_STATUSES, type Run, runCreateSchema } from "../../protocol/run.ts";
import { runPartWire, runWire } from "../../protocol/wire-schemas.ts";
import { anyObject, lists, shows } from "../answers.ts";
import { pickMembers } from "../pick-members.ts";
import { limitSchema, listParameter, offsetSchema, wholeNumber } from "../read-request.ts";
import { NOT_STARTED } from "../refusal-codes.ts";
import { json, page } from "../reply.ts";
import { type Call, defineRoute, type Route } from "../route.ts";
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
  defineRoute({
    method: "POST",
    path: "/threads/:thread_id/runs",
    permission: "runs:create",
    event: "threads:create_run",
    summary: "Start a run on a thread",
    description: "With command.resume it is an answer to what the thread asks, and needs review:decide.",
    body: runCreateSchema,
    example: { assistant_id: "triage", input: { amount: 120 } },
    keyed: true,
    answers: { 200: shows(runWire, "The run, which has been queued.", ["content-location"]) },
    refuses: NOT_STARTED,
    async handle(call) {
      const run = await startRun(call, call.params.thread_id, call);
      return json(wireRun(run), 200, { "content-location": addressOf(run) });
    },
  }),
  defineRoute({
    method: "GET",
    path: "/threads/:thread_id/runs",
    permission: "runs:read",
    event: "threads:read",
    summary: "List the runs of a thread, newest first",
    query: listSchema,
    answers: { 200: lists(runPartWire, "The runs, each with the members that were asked for.") },
    async handle(call) {
      const { limit, offset, status, select } = call.query;
      const { tenant_id, thread_id } = await findThread(call);
      const filter = { status: status ?? null, limit, offset };
      const runs = (await call.deps.database.many(listRuns(tenant_id, thread_id, filter))).map(wireRun);
      return page(pickMembers(runs, select as (keyof Run)[] | undefined), filter);
    },
  }),
  defineRoute({
    method: "GET",
    path: "/threads/:thread_id/runs/:run_id",
    permission: "runs:read",
    event: "threads:read",
    summary: "Read a run of a thread",
    answers: { 200: shows(runWire, "The run.") },
    handle: async (call) => json(wireRun(await findRun(call))),
  }),
  defineRoute({
    method: "GET",
    path: "/threads/:thread_id/runs/:run_id/attempts",
    permission: "runs:read",
    event: "threads:read",
    summary: "List the attempts at a run",
    answers: { 200: shows(z.array(anyObject), "When they began and ended, and where they were executed.") },
    async handle(call) {
      const { tenant_id, run_id } = await findRun(call);
      return json(await call.deps.database.many(attemptsOfRun(tenant_id, run_id)));
    },
  }),
];

/** Where a run is found. */
export function addressOf({ thread_id, run_id }: Pick<RunRow, "thread_id" | "run_id">): string {
  return `/threads/${thread_id}/runs/${run_id}`;
}

/** The run that the path names. Throws `not_found`, `invalid`. */
export async function findRun(call: Call<"thread_id" | "run_id">): Promise<RunRow> {
  const { thread_id, run_id } = call.params;
  const run = await call.deps.database.maybeOne(selectRun(call.principal.tenant_id, thread_id, run_id));
  if (run !== undefined) return run;
  throw new HoldpointError("not_found", `Run with ID ${run_id} not found on thread ${thread_id}`);
}
