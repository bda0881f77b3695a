import { runPipeline } from "../pipeline.ts";
import { lockThread } from "../threads.sql.ts";
import { requireIdentifier } from "./address.ts";
import * as deletion from "./delete.sql.ts";
import type { CheckpointStore } from "./store.ts";

/**
 * T-delete-checkpoints: the thread's lock alone, then its row. The lock waits for the batches that are under way, and
 * the tombstone refuses all that come later.
 */
export async function deleteThreadCheckpoints(store: CheckpointStore, threadId: string): Promise<void> {
  const { tenant_id, cache } = store;
  const thread_id = requireIdentifier("thread_id", threadId);
  const client = await store.pool.connect();
  let broken: Error | undefined;
  const onError = (error: Error) => {
    broken = error;
  };
  client.on("error", onError);
  try {
    const steps = [
      lockThread(thread_id),
      deletion.markThreadDeleted(tenant_id, thread_id),
      deletion.deleteWrites(tenant_id, thread_id),
      deletion.deleteChunks(tenant_id, thread_id),
      deletion.deleteCheckpoints(tenant_id, thread_id),
    ];
    const outcome = await runPipeline(client, steps, { prepare: store.prepare }).catch((error: Error) => {
      broken = error;
      throw error;
    });
    if (!outcome.ok) throw outcome.error;
  } finally {
    cache.forget({ tenant_id, thread_id });
    client.off("error", onError);
    client.release(broken);
  }
}
