import { isWaiting } from "../policy/review/lifecycle.ts";
import { HoldpointError } from "../protocol/errors.ts";
import { auditRun } from "./audit.ts";
import { takeBackQuestions } from "./cancel.ts";
import { rollBack } from "./checkpointer/delete-runs.ts";
import type { Database, Queryable, Transaction } from "./database.ts";
import { liveReviewsForUpdate } from "./reviews.sql.ts";
import { restoreThread, selectHeadWithout, selectLastEnd } from "./rollback.sql.ts";
import { askAgain, refuseRollback, removeRow } from "./rollback.ts";
import { openRunsForUpdate, type RunRow, runForUpdate } from "./runs.sql.ts";
import { lockThread, type ThreadRow, threadForUpdate } from "./threads.sql.ts";

/** A thread without a run: its head, and what the graph reads there. */
export interface ThreadWithout {
  head_checkpoint_id: string | null;
  values: string | null;
  interrupts: string;
}

/** Who wants which run gone. */
export interface DeleteRun {
  tenant_id: string;
  thread_id: string;
  run_id: string;
  principal_id: string;
  guarded: boolean;
  /** Why somebody who may do so removes it though its graph is guarded. */
  bypass?: string | undefined;
  /** What is read of the thread before its locks are taken, because the graph has to be asked. */
  without: ThreadWithout;
}

/**
 * T-delete-run: removes a run that has ended, with its checkpoints; the thread is what it was before it. Questions that it
 * asks are taken back, and those its input had superseded are asked again. False, and nothing is changed, when the
 * thread has got another head since `without` was read.
 * Locks: thread advisory lock, thread row, open runs, run, live reviews by id, audit.
 * Throws `not_found`, `thread_busy`, `guarded`, `superseded`.
 */
export async function deleteRun(database: Database, request: DeleteRun): Promise<boolean> {
  const { tenant_id, thread_id, run_id, principal_id, guarded, without } = request;
  return await database.transaction(async (tx) => {
    const [, [thread], [open], [run]] = await tx.pipeline([
      lockThread(thread_id),
      threadForUpdate(tenant_id, thread_id),
      openRunsForUpdate(tenant_id, thread_id),
      runForUpdate(tenant_id, thread_id, run_id),
    ]);
    if (thread === undefined || run === undefined) {
      throw new HoldpointError("not_found", `Run with ID ${run_id} not found on thread ${thread_id}`);
    }
    refuseOpen(run, open);
    await refuseRollback(tx, run, { guarded, principal_id, bypass: request.bypass });
    const head = await tx.maybeOne(selectHeadWithout(tenant_id, thread_id, run_id));
    if ((head?.checkpoint_id ?? null) !== without.head_checkpoint_id) return false;
    await takeBackQuestions(tx, run, principal_id, thread.now);
    await rollBack(tx, tenant_id, thread_id, [run_id], { isPart: true });
    await auditRun(tx, run, "run.deleted", principal_id, { status: run.status });
    await removeRow(tx, run);
    await restore(tx, run, thread, without);
    return true;
  });
}

function refuseOpen(run: RunRow, open: RunRow | undefined): void {
  if (open === undefined) return;
  const message =
    open.run_id === run.run_id
      ? `run ${run.run_id} is ${run.status}; cancel it first, with the action rollback if nothing of it is to stay`
      : `run ${run.run_id} is not deleted while run ${open.run_id} of its thread is ${open.status}`;
  throw new HoldpointError("thread_busy", message, { facts: { run_id: open.run_id, status: open.status } });
}

async function restore(
  tx: Transaction,
  run: RunRow,
  thread: ThreadRow & { now: string },
  { values, interrupts }: ThreadWithout,
): Promise<void> {
  const { tenant_id, thread_id } = run;
  const asks = (await askAgain(tx, run, thread.now)) || (await waits(tx, run));
  const last = await tx.maybeOne(selectLastEnd(tenant_id, thread_id));
  const failed = last?.status === "error" || last?.status === "timeout";
  const status = asks ? "interrupted" : failed ? "error" : "idle";
  await tx.run(restoreThread(tenant_id, thread_id, { status, values, interrupts, error: failed ? last.error : null }));
}

async function waits(tx: Queryable, { tenant_id, thread_id }: RunRow): Promise<boolean> {
  const live = await tx.many(liveReviewsForUpdate(tenant_id, thread_id));
  return live.some((review) => isWaiting(review) || review.status === "stale");
}
