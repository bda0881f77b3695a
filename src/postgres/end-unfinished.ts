import { type Ending, threadStatusAfter } from "../policy/run-lifecycle.ts";
import type { AttemptOutcome } from "./attempts.sql.ts";
import type { Transaction } from "./database.ts";
import { moveGroup } from "./finish.ts";
import { endRun, openRunsForUpdate, type RunError, type RunRow, selectLastCheckpointOfRun } from "./runs.sql.ts";
import { failThread } from "./threads.sql.ts";

/** How a run ends that its worker cannot end. */
export interface UnfinishedEnd {
  status: "error" | "timeout";
  ending: Ending & ("failed" | "timed_out");
  error: RunError;
  /** How the attempt ended, where that says something else. */
  outcome?: AttemptOutcome;
}

/**
 * Ends a run that its worker cannot end, as T-finish would have, but for the thread's values: which channels of a
 * checkpoint they are only the graph knows, and reading it may be what the worker has died of. They stay what they were,
 * and the error says so where the run has stored more. The caller holds the thread's locks and has raised the fence.
 */
export async function endUnfinished(
  tx: Transaction,
  run: RunRow,
  { status, ending, error: { error, message: why }, outcome }: UnfinishedEnd,
  at: string,
): Promise<RunError> {
  const { tenant_id, thread_id, run_id } = run;
  const stored = await tx.maybeOne(selectLastCheckpointOfRun(tenant_id, thread_id, run_id));
  const behind = `; the thread's values are those from before it, its state is at checkpoint ${stored?.checkpoint_id}`;
  const message = stored === undefined ? why : why + behind;
  const isQueued = (await tx.many(openRunsForUpdate(tenant_id, thread_id))).some((open) => open.run_id !== run_id);
  const text = JSON.stringify({ error, message });
  await tx.run(failThread(tenant_id, thread_id, threadStatusAfter(ending, isQueued), text));
  await tx.run(endRun(tenant_id, run_id, status, null, { error, message }, outcome));
  await moveGroup(tx, run, "fail_resume", { reason: message }, at, "system:reaper");
  return { error, message };
}
