import type { RunnableConfig } from "@langchain/core/runnables";
import type { ChannelVersions, Checkpoint, CheckpointMetadata, PendingWrite } from "@langchain/langgraph-checkpoint";
import { copyThreadCheckpoints } from "./copy.ts";
import { deleteRuns } from "./delete-runs.ts";
import { deleteThreadCheckpoints } from "./delete-thread.ts";
import { FencedSaver, type SaverLease } from "./fenced-saver.ts";
import { PostgresSaver } from "./postgres-saver.ts";
import { type DeletedRows, type PruneOptions, pruneThreads } from "./prune.ts";
import { parentOf, preparePut, storedConfig, storePut } from "./put.ts";
import { prepareWrites, storeWrites } from "./put-writes.ts";
import { openStore, type SaverOptions } from "./store.ts";

/**
 * Keeps LangGraph checkpoints in Postgres. Used alone it has no fence: two processes that run the same thread at the
 * same time both write. `withLease` gives the view that only the holder of a lease can write through.
 */
export class HoldpointSaver extends PostgresSaver {
  override readonly fenced = false;

  /** A view of the same pool and cache whose writes are refused with `lease_lost` once the lease has moved. */
  withLease(lease: SaverLease): FencedSaver {
    return new FencedSaver(this.store, lease);
  }

  async put(
    config: RunnableConfig,
    checkpoint: Checkpoint,
    metadata: CheckpointMetadata,
    newVersions: ChannelVersions,
  ): Promise<RunnableConfig> {
    const put = preparePut(this.store.tenant_id, undefined, config, checkpoint, metadata, newVersions);
    await storePut(this.store, undefined, put, await parentOf(this.store, put));
    return storedConfig(put);
  }

  async putWrites(config: RunnableConfig, writes: PendingWrite[], taskId: string, taskPath = ""): Promise<void> {
    const rows = prepareWrites(this.store.tenant_id, undefined, config, writes, taskId, taskPath);
    await storeWrites(this.store, undefined, rows);
  }

  /**
   * Deletes all that is stored of a thread. One that the server knows keeps a tombstone, so that nothing comes back. Of
   * one that it does not know no checkpoint comes back that continues another; a first one starts the thread again.
   */
  async deleteThread(threadId: string): Promise<void> {
    await deleteThreadCheckpoints(this.store, threadId);
  }

  /**
   * Rolls runs back: deletes their checkpoints, and what they recorded on checkpoints of others. Refused, with nothing
   * changed, where another run has built on them, a person is being asked, or an effect was started.
   */
  async deleteForRuns(run_ids: readonly string[]): Promise<DeletedRows> {
    return await deleteRuns(this.store, run_ids);
  }

  /** Copies a thread to one that does not exist yet, without the answers that were given in it. */
  async copyThread(sourceThreadId: string, targetThreadId: string): Promise<void> {
    await copyThreadCheckpoints(this.store, sourceThreadId, targetThreadId);
  }

  /**
   * Deletes old checkpoints, thread by thread. The newest of a namespace stays, and so does everything that somebody is
   * about to come back to. What stays reads as before, its link to a parent that has gone included: nothing can be put
   * onto that one any more.
   */
  async prune(options: PruneOptions): Promise<DeletedRows> {
    return await pruneThreads(this.store, options);
  }

  /** Resolves when every write submitted so far is committed or refused. */
  async settled(): Promise<void> {
    await this.store.batcher.settled();
  }
}

/** Creates a saver over a pool that has been set up (see `holdpoint/checkpointer` for one that sets itself up). */
export function createSaver(options: SaverOptions): HoldpointSaver {
  return new HoldpointSaver(openStore(options));
}
