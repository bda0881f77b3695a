import { HoldpointError } from "../protocol/errors.ts";
import type { Database, Queryable } from "./database.ts";
import { leaseHeld } from "./fence.sql.ts";
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
  body: (tx: Queryable) => Promise<Result>,
): Promise<Result> {
  return await database.transaction(async (tx) => {
    await tx.run(lockThreadShared(lease.thread_id));
    await requireLease(tx, lease);
    return await body(tx);
  });
}

/** The same with the lock held alone: for the writes that must not race a decision or a cancellation. */
export async function fencedExclusive<Result>(
  database: Database,
  lease: Lease,
  body: (tx: Queryable) => Promise<Result>,
): Promise<Result> {
  return await database.transaction(async (tx) => {
    await tx.run(lockThread(lease.thread_id));
    await requireLease(tx, lease);
    return await body(tx);
  });
}

/** Throws `lease_lost` when another worker has been given the thread. */
export async function verifyLease(database: Database, lease: Lease): Promise<void> {
  await fencedWrite(database, lease, async () => {});
}

async function requireLease(tx: Queryable, lease: Lease): Promise<void> {
  const held = await tx.maybeOne(leaseHeld(lease.tenant_id, lease.thread_id, lease.lease_epoch));
  if (held !== undefined) return;
  throw new HoldpointError(
    "lease_lost",
    `run ${lease.run_id} lost its lease on thread ${lease.thread_id}; it writes nothing more`,
    {
      facts: { thread_id: lease.thread_id, run_id: lease.run_id, lease_epoch: lease.lease_epoch },
    },
  );
}
