import { HoldpointError } from "../protocol/errors.ts";
import type { Database, Transaction } from "./database.ts";
import { leaseHeld } from "./fence.sql.ts";
import { openRunsForUpdate, type RunRow } from "./runs.sql.ts";
import { lockThread, lockThreadShared, type ThreadRow, threadForUpdate } from "./threads.sql.ts";

/** The right to execute a thread: good as long as nobody has raised the thread's epoch. */
export interface Lease {
  tenant_id: string;
  thread_id: string;
  run_id: string;
  lease_epoch: number;
}

/**
 * A worker's write: thread advisory lock (shared), then the verdict, then `body`.
 * Throws `lease_lost` and writes nothing when another worker has been given the thread.
 */
export async function fencedWrite<Result>(
  database: Database,
  lease: Lease,
  body: (tx: Transaction) => Promise<Result>,
): Promise<Result> {
  const { tenant_id, thread_id, lease_epoch } = lease;
  return await database.transaction(async (tx) => {
    // Two statements: one that locked and checked at once would check with a snapshot older than its lock.
    const [, held] = await tx.pipeline([lockThreadShared(thread_id), leaseHeld(tenant_id, thread_id, lease_epoch)]);
    if (held.length === 0) throw leaseLost(lease);
    return await body(tx);
  });
}

/** The thread as it stands under its lock. */
export interface LockedThread {
  thread: ThreadRow & { now: string };
  openRuns: RunRow[];
}

/**
 * The same with the lock held alone, and then the thread's row and its open runs: for the writes that must not race a
 * decision or a cancellation.
 */
export async function fencedExclusive<Result>(
  database: Database,
  lease: Lease,
  body: (tx: Transaction, locked: LockedThread) => Promise<Result>,
): Promise<Result> {
  const { tenant_id, thread_id, lease_epoch } = lease;
  return await database.transaction(async (tx) => {
    const [, held, [thread], openRuns] = await tx.pipeline([
      lockThread(thread_id),
      leaseHeld(tenant_id, thread_id, lease_epoch),
      threadForUpdate(tenant_id, thread_id),
      openRunsForUpdate(tenant_id, thread_id),
    ]);
    if (held.length === 0 || thread === undefined) throw leaseLost(lease);
    return await body(tx, { thread, openRuns });
  });
}

/** Throws `lease_lost` when another worker has been given the thread. */
export async function verifyLease(database: Database, lease: Lease): Promise<void> {
  await fencedWrite(database, lease, async () => {});
}

function leaseLost({ thread_id, run_id, lease_epoch }: Lease): HoldpointError {
  const message = `run ${run_id} lost its lease on thread ${thread_id}; it writes nothing more`;
  return new HoldpointError("lease_lost", message, { facts: { thread_id, run_id, lease_epoch } });
}
