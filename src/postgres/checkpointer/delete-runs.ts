import { HoldpointError } from "../../protocol/errors.ts";
import { type Transaction, transaction } from "../database.ts";
import { lockThread } from "../threads.sql.ts";
import { isUuid } from "./address.ts";
import { selectHolds, selectRunWrites, takeBackWrites, threadsOfRuns, threadsOfWriters } from "./delete-runs.sql.ts";
import { planRollback } from "./delete-runs-plan.ts";
import { selectNodes } from "./prune.sql.ts";
import { addRows, type DeletedRows, deleteNodes } from "./prune.ts";
import type { CheckpointStore } from "./store.ts";

/**
 * Deletes all that runs have stored, also what they recorded on checkpoints of others. One transaction a thread: a
 * thread of which something cannot go is left as it was, and those after it in the order of their ids are not touched.
 */
export async function deleteRuns(store: CheckpointStore, run_ids: readonly string[]): Promise<DeletedRows> {
  const wanted = checkRunIds(run_ids);
  const total: DeletedRows = { checkpoints: 0, writes: 0, chunks: 0, threads: 0 };
  for (const thread_id of await findThreads(store, wanted)) {
    const { tenant_id } = store;
    try {
      addRows(total, await transaction(store.pool, store.prepare, (tx) => rollBack(tx, tenant_id, thread_id, wanted)));
    } finally {
      store.cache.forget({ tenant_id, thread_id });
    }
  }
  return total;
}

/**
 * T-delete-runs: the thread's lock alone. Runs, reviews and effects are read under it and not locked. `isPart`: the
 * caller, who ends the runs in the same transaction, has more to do in it. Throws before it changes anything.
 */
export async function rollBack(
  tx: Transaction,
  tenant_id: string,
  thread_id: string,
  wanted: readonly string[],
  { isPart = false } = {},
): Promise<Omit<DeletedRows, "threads">> {
  const [, nodes, writes, holds] = await tx.pipeline([
    lockThread(thread_id),
    selectNodes(tenant_id, thread_id),
    selectRunWrites(tenant_id, thread_id, wanted),
    selectHolds(tenant_id, thread_id, wanted),
  ]);
  const kept = isPart ? holds.filter(({ kind }) => kind !== "run") : holds;
  const going = planRollback({ thread_id, run_ids: new Set(wanted), nodes, writes, holds: kept });
  if (going.length === 0 && writes.length === 0) return { checkpoints: 0, writes: 0, chunks: 0 };
  const takenBack = await tx.one(takeBackWrites(tenant_id, thread_id, wanted));
  const deleted = await deleteNodes(tx, tenant_id, thread_id, going, { isLast: !isPart });
  return { ...deleted, writes: deleted.writes + takenBack.deleted };
}

async function findThreads(store: CheckpointStore, wanted: readonly string[]): Promise<string[]> {
  if (wanted.length === 0) return [];
  const known = await store.database.many(threadsOfRuns(store.tenant_id, wanted));
  const found = new Set(known.map(({ run_id }) => run_id));
  const missing = wanted.filter((run_id) => !found.has(run_id));
  const writers = missing.length === 0 ? [] : await store.database.many(threadsOfWriters(store.tenant_id, missing));
  return [...new Set([...known, ...writers].map(({ thread_id }) => thread_id))].sort();
}

function checkRunIds(run_ids: readonly string[]): string[] {
  if (!Array.isArray(run_ids)) {
    throw new HoldpointError("invalid", `deleteForRuns needs an array of run ids, got ${String(run_ids)}`);
  }
  const wrong: unknown = run_ids.find((run_id) => !isUuid(run_id));
  if (wrong !== undefined || run_ids.includes(undefined as never)) {
    throw new HoldpointError("invalid", `a run id must be a UUID, got ${JSON.stringify(wrong) ?? String(wrong)}`);
  }
  return [...new Set(run_ids.map((run_id) => run_id.toLowerCase()))];
}
