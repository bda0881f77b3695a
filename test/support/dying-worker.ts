import { randomUUID } from "node:crypto";
import type { WriteBatcher } from "../../src/postgres/batch.ts";
import { createSaver } from "../../src/postgres/checkpointer/saver.ts";
import { type ClaimedRun, claimRuns } from "../../src/postgres/claim.ts";
import type { Database } from "../../src/postgres/database.ts";
import { executeRun } from "../../src/runtime/execute.ts";
import type { RunnerParts } from "../../src/runtime/runner.ts";
import type { House } from "./house.ts";

/** What everything that a dead worker still tries ends with. */
class WorkerDied extends Error {
  override readonly name = "WorkerDied";
}

/** Claims the next due run for a worker of its own. */
export async function claimNext(house: House, leaseMs = 60_000): Promise<ClaimedRun> {
  const graph_ids = [...house.graphs.graphs.keys()];
  const [run] = await claimRuns(house.database, { graph_ids, worker_id: randomUUID(), leaseMs }, 1);
  if (run === undefined) throw new Error("nothing to claim");
  return run;
}

/** The lease that came with a claim. */
export const leaseOf = ({ tenant_id, thread_id, run_id, lease_epoch }: ClaimedRun) => ({
  tenant_id,
  thread_id,
  run_id,
  lease_epoch,
});

/**
 * Executes a claimed run in a worker that dies right after the `step`-th thing it commits: a checkpoint, a task's
 * writes, a batch of events, or a transaction; or right before it, so that what was done since the commit before is done
 * and not known. True when it died, false when the run ended before that.
 */
export async function executeAndDie(
  house: House,
  run: ClaimedRun,
  step: number,
  when: "after" | "before" = "after",
): Promise<boolean> {
  let commits = 0;
  let isDead = false;
  const commit = async <Result>(write: () => Promise<Result>): Promise<Result> => {
    commits += 1;
    if (when === "before" && commits >= step) isDead = true;
    if (isDead) throw new WorkerDied();
    const result = await write();
    if (commits >= step) isDead = true;
    if (isDead) throw new WorkerDied();
    return result;
  };
  const database: Database = {
    ...house.database,
    transaction: (body) => commit(() => house.database.transaction(body)),
  };
  // One after another, so that what is acknowledged before it is committed can be lost.
  let last: Promise<unknown> = Promise.resolve();
  const batcher: WriteBatcher = {
    ...house.parts.batcher,
    submit(write) {
      const committed = last.then(() => commit(() => house.parts.batcher.submit(write)));
      last = committed.catch(() => {});
      return committed;
    },
  };
  const saver = createSaver({ pool: house.database.pool, batcher });
  const parts: RunnerParts = { ...house.parts, database, saver, batcher };
  await executeRun(parts, { run, lease: leaseOf(run), controller: new AbortController() }).catch((error: unknown) => {
    if (!isDead) throw error;
  });
  return isDead;
}
