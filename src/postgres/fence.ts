import { HoldpointError } from "../protocol/errors.ts";
import type { Database, Transaction } from "./database.ts";
import { leaseHeld } from "./fence.sql.ts";
import type { Statement } from "./sql.ts";
import { lockThread, lockThreadShared } from "./threads.sql.ts";

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
  return await underLease(database, lease, lockThreadShared(lease.thread_id), body);
}

/** The same with the lock held alone: for the writes that must not race a decision or a cancellation. */
export async function fencedExclusive<Result>(
  database: Database,
  lease: Lease,
  body: (tx: Transaction) => Promise<Result>,
): Promise<Result> {
  return await underLease(database, lease, lockThread(lease.thread_id), body);
}

/** Throws `lease_lost` when another worker has been given the thread. */
export async function verifyLease(database: Database, lease: Lease): Promise<void> {
  await fencedWrite(database, lease, async () => {});
}

async function underLease<Result>(
  database: Database,
  lease: Lease,
  lock: Statement,
  body: (tx: Transaction) => Promise<Result>,
): Promise<Result> {
  const { tenant_id, thread_id, run_id, lease_epoch } = lease;
  return await database.transaction(async (tx) => {
    // Two statements: one that locked and checked at once would check with a snapshot older than its lock.
    const [, held] = await tx.pipeline([lock, leaseHeld(tenant_id, thread_id, lease_epoch)]);
    if (held.length > 0) return await body(tx);
    throw new HoldpointError(
      "lease_lost",
      `run ${run_id} lost its lease on thread ${thread_id}; it writes nothing more`,
      { facts: { thread_id, run_id, lease_epoch } },
    );
  });
}
