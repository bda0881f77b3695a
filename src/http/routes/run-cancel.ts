import { z } from "zod";
import { selectOpenRuns } from "../../postgres/cancel.sql.ts";
import { type RunRow, selectRun } from "../../postgres/runs.sql.ts";
import { HoldpointError, isHoldpointError } from "../../protocol/errors.ts";
import { uuidSchema } from "../../protocol/json.ts";
import { says } from "../answers.ts";
import { awaitRun } from "../await-run.ts";
import { cancel, remove } from "../cancel.ts";
import { invalid } from "../failure.ts";
import { flag } from "../read-request.ts";
import { empty } from "../reply.ts";
import { type Call, defineRoute, type Route } from "../route.ts";
import { findRun } from "./runs.ts";

// Longer than any node should need to notice; the cancellation stands all the same.
const CANCEL_WAIT_MS = 60_000;
const PAGE = 100;

const actionSchema = z.enum(["interrupt", "rollback"]).default("interrupt");
const cancelSchema = z
  .object({
    wait: flag.default(false),
    action: actionSchema,
    reason: z.enum(["taken"]).optional().describe("Another run has taken over what this one was given."),
  })
  .refine(({ action, reason }) => reason === undefined || action === "interrupt", {
    path: ["reason"],
    message: 'is given with action "interrupt" only',
  });
const cancelManyQuery = z.object({ action: actionSchema });
const cancelManySchema = z.object({
  thread_id: uuidSchema.nullish(),
  run_ids: z.array(uuidSchema).max(1000).nullish(),
  status: z.enum(["pending", "running", "all"]).nullish(),
});

/** Runs that are stopped or taken back. */
export const runCancelRoutes: readonly Route[] = [
  defineRoute({
    method: "POST",
    path: "/threads/:thread_id/runs/:run_id/cancel",
    permission: "runs:cancel",
    event: "threads:update",
    summary: "Stop a run, or take it back with its checkpoints",
    query: cancelSchema,
    answers: { 202: says("It is asked to stop."), 204: says("It has stopped.") },
    refuses: ["guarded", "superseded"],
    async handle(call) {
      const { wait, action, reason } = call.query;
      const run = await findRun(call);
      await cancel(call, run, action, reason);
      return empty(wait && (await hasStopped(call, run)) ? 204 : 202);
    },
  }),
  defineRoute({
    method: "POST",
    path: "/runs/cancel",
    permission: "runs:cancel",
    event: "threads:update",
    summary: "Stop runs, many at once",
    query: cancelManyQuery,
    body: cancelManySchema,
    example: { status: "pending" },
    answers: { 204: says("They are asked to stop.") },
    refuses: ["guarded", "superseded"],
    async handle(call) {
      const { action } = call.query;
      const { thread_id = null, run_ids = null, status = null } = call.body;
      if (status === null && run_ids === null) {
        const message = 'name the runs, as thread_id and run_ids, or their status: "pending", "running" or "all"';
        throw invalid([{ pointer: "", message }]);
      }
      const wanted = status === "all" ? null : status;
      const seen = call.access.of("threads");
      await cancelMany(call, { thread_id, run_ids, status: wanted, seen }, action);
      return empty(204);
    },
  }),
  defineRoute({
    method: "DELETE",
    path: "/threads/:thread_id/runs/:run_id",
    permission: "runs:cancel",
    event: "threads:delete",
    summary: "Delete a run that has ended, with its checkpoints",
    answers: { 204: says("It is gone.") },
    refuses: ["thread_busy", "guarded", "superseded"],
    async handle(call) {
      await remove(call, await findRun(call));
      return empty(204);
    },
  }),
];

/** True when it has ended or is gone; false when that took too long, or the caller or the server went away. */
async function hasStopped(call: Call, run: RunRow): Promise<boolean> {
  const stop = AbortSignal.any([call.draining, call.request.signal]);
  if ((await awaitRun(call.deps, run, stop, CANCEL_WAIT_MS)) !== undefined) return true;
  return (await call.deps.database.maybeOne(selectRun(run.tenant_id, run.thread_id, run.run_id))) === undefined;
}

type OpenFilter = Parameters<typeof selectOpenRuns>[1];

/** Stops every run that can be. Bound: the runs that are open; one that comes meanwhile may be among them. */
async function cancelMany(call: Call, filter: OpenFilter, action: "interrupt" | "rollback"): Promise<void> {
  const refused: HoldpointError[] = [];
  let after = 0;
  for (;;) {
    const page = await call.deps.database.many(selectOpenRuns(call.principal.tenant_id, filter, after, PAGE));
    for (const run of page) {
      after = run.queue_seq;
      await cancel(call, run, action).catch((error: unknown) => {
        if (!isHoldpointError(error)) throw error;
        // It may have been taken back between the look and the lock.
        if (error.code !== "not_found") refused.push(error);
      });
    }
    if (page.length < PAGE) break;
  }
  const [first] = refused;
  if (first === undefined) return;
  const facts = { refused: refused.map((error) => error.facts["run_id"]) };
  throw new HoldpointError(first.code, `${refused.length} runs were not stopped; the first: ${first.message}`, {
    facts,
  });
}
