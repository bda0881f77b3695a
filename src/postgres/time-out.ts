import { auditRun } from "./audit.ts";
import { endCancelled } from "./cancel.ts";
import { dropLease } from "./claim.sql.ts";
import { LOCK_TIMEOUT } from "./claim.ts";
import { type Database, isPostgresError } from "./database.ts";
import { endUnfinished } from "./end-unfinished.ts";
import { type RunRow, runForUpdate } from "./runs.sql.ts";
import { lockThread, threadForUpdate } from "./threads.sql.ts";
import { overdueRuns } from "./time-out.sql.ts";

// Whoever executes a run ends it when its time is over, with the state it has reached. This much later it is plain that
// they cannot: a node keeps their event loop busy.
const GRACE_SECONDS = 5;

/** Ends the runs that are far over their time, whoever executes them. Bound: those that are when it starts, `limit` at most. */
export async function timeOutRuns(database: Database, limit = 100): Promise<{ thread_id: string; run_id: string }[]> {
  const ended: { thread_id: string; run_id: string }[] = [];
  for (const { tenant_id, thread_id, run_id } of await database.many(overdueRuns(GRACE_SECONDS, limit))) {
    if (await timeOut(database, tenant_id, thread_id, run_id)) ended.push({ thread_id, run_id });
  }
  return ended;
}

/** T-time-out. Locks: thread advisory lock, thread row, run, open runs, live reviews by id, audit. Raises the fence. */
async function timeOut(database: Database, tenant_id: string, thread_id: string, run_id: string): Promise<boolean> {
  try {
    return await database.transaction(async (tx) => {
      const [, , [thread], [run]] = await tx.pipeline([
        LOCK_TIMEOUT,
        lockThread(thread_id),
        threadForUpdate(tenant_id, thread_id),
        runForUpdate(tenant_id, thread_id, run_id),
      ]);
      if (thread === undefined || !isOverdue(run, thread.now)) return false;
      await tx.run(dropLease(tenant_id, thread_id));
      if (run.cancel_action !== null) {
        await endCancelled(tx, run, run.cancelled_by ?? "system:reaper", thread.now);
        return true;
      }
      const why = `run ${run_id} has executed for longer than the ${run.timeout_seconds} s it was given, and its worker did not stop it`;
      const error = { error: "timeout", message: why };
      const { message } = await endUnfinished(tx, run, { status: "timeout", ending: "timed_out", error }, thread.now);
      await auditRun(tx, run, "run.ended", "system:reaper", { status: "timeout", attempt: run.attempt, message });
      return true;
    });
  } catch (error) {
    // Somebody is writing to the thread; the next look finds the run again.
    if (!isPostgresError(error, "55P03")) throw error;
    return false;
  }
}

function isOverdue(run: RunRow | undefined, now: string): run is RunRow {
  return run?.status === "running" && run.deadline !== null && run.deadline < now;
}
