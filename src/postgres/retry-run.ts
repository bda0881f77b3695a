import { randomUUID } from "node:crypto";
import { HoldpointError } from "../protocol/errors.ts";
import type { RunKwargs } from "../protocol/run.ts";
import { createRunIn } from "./create-run.ts";
import type { Database, Queryable } from "./database.ts";
import { type KeyedRequest, startedRun, takeKey } from "./idempotency.ts";
import { newestRunOfThread } from "./retry-run.sql.ts";
import { type RunRow, selectLastCheckpointOfRun } from "./runs.sql.ts";
import { lockThread, selectHeadCheckpoint } from "./threads.sql.ts";

/** What a retry of a run would do. */
export interface RetryPlan {
  /** It goes on where the run stopped, or gets the run's input again because nothing of it was stored. */
  from: "checkpoint" | "start";
  kwargs: RunKwargs;
}

/** Who wants which run tried again. */
export interface RetryRun {
  run: RunRow;
  principal_id: string;
  guarded: boolean;
  isGuarded: (graph_id: string) => boolean;
  /** False where whoever asks may not let a thread go on from a static breakpoint. */
  may_decide?: boolean | undefined;
  idempotency?: KeyedRequest | undefined;
}

/**
 * T-retry: starts a run that goes on where a failed one stopped. Locks: as T-create-run, whose last words it is.
 * The checkpoint keeps what the finished tasks of the failed step wrote, and the tasks keep their names, by which effects
 * find their receipts. Throws `not_failed`, `superseded`, `thread_busy`, `guarded`, `idempotency_key_reused`.
 */
export async function retryRun(database: Database, request: RetryRun): Promise<RunRow> {
  const { run, principal_id, idempotency } = request;
  const { tenant_id, thread_id, graph_id, assistant_id, priority } = run;
  return await database.transaction(async (tx) => {
    const earlier = await takeKey(tx, idempotency);
    if (earlier !== undefined) return await startedRun(tx, tenant_id, earlier);
    await tx.run(lockThread(thread_id));
    const { kwargs } = await planRetry(tx, run);
    return await createRunIn(tx, {
      tenant_id,
      thread_id,
      run_id: randomUUID(),
      principal_id,
      kind: "run",
      graph_id,
      guarded: request.guarded,
      isGuarded: request.isGuarded,
      assistant_id,
      kwargs,
      metadata: { ...run.metadata, retry_of: run.run_id },
      multitask_strategy: "reject",
      after_seconds: 0,
      priority,
      if_not_exists: "reject",
      may_decide: request.may_decide,
      idempotency,
    });
  });
}

/** What a retry would do, as things stand. Throws `not_failed`, `superseded`, `thread_busy`. */
export async function planRetry(queryable: Queryable, run: RunRow): Promise<RetryPlan> {
  const { tenant_id, thread_id, run_id, status, kind } = run;
  if ((status !== "error" && status !== "timeout") || (kind !== "run" && kind !== "resume")) {
    throw new HoldpointError(
      "not_failed",
      `run ${run_id} ${kind === "run" || kind === "resume" ? `is ${status}` : "edits or copies a thread"}: only a run that ended with error or timeout can be retried`,
    );
  }
  const newest = await queryable.maybeOne(newestRunOfThread(tenant_id, thread_id));
  if (newest !== undefined && newest.run_id !== run_id) throw movedOn(run, newest);
  const own = await queryable.maybeOne(selectLastCheckpointOfRun(tenant_id, thread_id, run_id));
  const head = await queryable.maybeOne(selectHeadCheckpoint(tenant_id, thread_id));
  if (own !== undefined && own.checkpoint_id !== head?.checkpoint_id) throw movedOn(run, undefined);
  const kwargs = JSON.parse(run.kwargs) as RunKwargs;
  // What was answered is stored where it was asked; a run that carries an answer never begins anywhere else.
  if (own === undefined && kind === "run") return { from: "start", kwargs };
  // What has gone back once does not go back again.
  const reask = kwargs.reask === undefined ? {} : { reask: { ...kwargs.reask, checkpoint_id: null } };
  return { from: "checkpoint", kwargs: { ...kwargs, input: null, command: null, checkpoint: null, ...reask } };
}

function movedOn({ run_id, thread_id }: RunRow, later: { run_id: string; status: string } | undefined): HoldpointError {
  if (later?.status === "pending" || later?.status === "running") {
    const message = `thread ${thread_id} is busy: run ${later.run_id} is ${later.status}`;
    return new HoldpointError("thread_busy", message, { facts: later });
  }
  const message = `thread ${thread_id} has moved on since run ${run_id} failed${later === undefined ? "" : ` (run ${later.run_id})`}; a new run without input goes on from where it stands now`;
  return new HoldpointError("superseded", message, { facts: later ?? {} });
}
