import { HoldpointError } from "../protocol/errors.ts";
import { auditRun } from "./audit.ts";
import { deleteCheckpoints, deleteChunks, deleteWrites, markThreadDeleted } from "./checkpointer/delete.sql.ts";
import type { Database } from "./database.ts";
import { deedOfThread } from "./delete-thread.sql.ts";
import { endThreadRuns, takeBackReviews } from "./sweeps.ts";
import { lockThread, threadForUpdate } from "./threads.sql.ts";

/** Who wants which thread gone. */
export interface DeleteThread {
  tenant_id: string;
  thread_id: string;
  principal_id: string;
  /** Whether a graph, which the thread may belong to, is guarded; true where that is not known. */
  isGuarded: (graph_id: string) => boolean;
  /** Why somebody who may do so removes it though its graph is guarded. */
  bypass?: string | undefined;
  /** Removes it only while nothing is under way on it and nobody is asked. */
  isResting?: boolean;
}

/**
 * T-delete-thread: removes a thread with its checkpoints; what it executes is stopped by the fence, what it asks is taken
 * back. Its row stays, and refuses late writes; its events and crons are the sweep's. On a guarded graph a thread on which
 * somebody has decided, or something has begun to change the world, stays too.
 * Locks: thread advisory lock, thread row, open runs, live reviews by id, audit. Throws `not_found`, `guarded`, `thread_busy`.
 */
export async function deleteThread(database: Database, request: DeleteThread): Promise<void> {
  const { tenant_id, thread_id, principal_id, isGuarded, bypass: reason } = request;
  await database.transaction(async (tx) => {
    const [, [thread]] = await tx.pipeline([lockThread(thread_id), threadForUpdate(tenant_id, thread_id)]);
    if (thread === undefined) throw new HoldpointError("not_found", `Thread with ID ${thread_id} not found`);
    const { graph_id, now, status } = thread;
    if (request.isResting === true && (status === "busy" || status === "interrupted")) {
      throw new HoldpointError("thread_busy", `thread ${thread_id} is ${status}`, { facts: { thread_id } });
    }
    const deed = await tx.maybeOne(deedOfThread(tenant_id, thread_id));
    if (deed !== undefined && graph_id !== null && isGuarded(graph_id)) {
      const because = `its graph is guarded, and ${deed.what} is part of it`;
      if (reason === undefined) {
        throw new HoldpointError("guarded", `thread ${thread_id} is not deleted: ${because}`, { facts: { thread_id } });
      }
      await auditRun(tx, { tenant_id, thread_id, run_id: null }, "thread.bypassed", principal_id, {
        reason,
        door: because,
      });
    }
    const why = { reason: `${principal_id} deleted thread ${thread_id}`, principal_id };
    await endThreadRuns(tx, tenant_id, thread_id, why);
    await takeBackReviews(tx, tenant_id, thread_id, { ...why, now });
    await auditRun(tx, { tenant_id, thread_id, run_id: null }, "thread.deleted", principal_id, { graph_id });
    await tx.finish([
      markThreadDeleted(tenant_id, thread_id),
      deleteWrites(tenant_id, thread_id),
      deleteChunks(tenant_id, thread_id),
      deleteCheckpoints(tenant_id, thread_id),
    ]);
  });
}
