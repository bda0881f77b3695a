import type { RunnableConfig } from "@langchain/core/runnables";
import {
  BaseCheckpointSaver,
  type ChannelVersions,
  type Checkpoint,
  type CheckpointListOptions,
  type CheckpointMetadata,
  type CheckpointTuple,
  type DeltaChannelHistory,
  type PendingWrite,
} from "@langchain/langgraph-checkpoint";
import { failpoint } from "../../failpoint.ts";
import { HoldpointError, isHoldpointError } from "../../protocol/errors.ts";
import type { Lease as ThreadLease } from "../fence.ts";
import { addressToRead, checkpointIdToRead } from "./address.ts";
import { readDeltaHistory } from "./delta-history.ts";
import { readTuple } from "./get-tuple.ts";
import { listTuples } from "./list.ts";
import {
  type CheckpointStore,
  deleteThreadCheckpoints,
  openStore,
  putCheckpoint,
  putTaskWrites,
  type SaverOptions,
} from "./store.ts";

/** The lease under which a fenced saver writes. */
export interface SaverLease {
  thread_id: string;
  lease_epoch: number;
  run_id: string;
  /** Called once, when a write was refused because the lease is lost: stop executing. */
  onLost?: () => void;
}

/** What both savers read in the same way. */
abstract class PostgresSaver extends BaseCheckpointSaver {
  protected readonly store: CheckpointStore;
  /** Whether writes carry the epoch of a lease and fail once it is lost. */
  abstract readonly fenced: boolean;

  constructor(store: CheckpointStore) {
    super();
    this.store = store;
  }

  async getTuple(config: RunnableConfig): Promise<CheckpointTuple | undefined> {
    const address = addressToRead(this.store.tenant_id, config);
    const checkpoint_id = checkpointIdToRead(config);
    if (address === undefined || checkpoint_id === undefined) return undefined;
    return await readTuple(this.store.database, this.store.cache, address, checkpoint_id);
  }

  async *list(config: RunnableConfig, options?: CheckpointListOptions): AsyncGenerator<CheckpointTuple> {
    yield* listTuples(this.store.database, this.store.tenant_id, config, options);
  }

  override async getDeltaChannelHistory(options: {
    config: RunnableConfig;
    channels: string[];
  }): Promise<Record<string, DeltaChannelHistory>> {
    if (options.channels.length === 0) return {};
    const address = addressToRead(this.store.tenant_id, options.config);
    const checkpoint_id = checkpointIdToRead(options.config);
    if (address === undefined || checkpoint_id === undefined) {
      return Object.fromEntries(options.channels.map((channel) => [channel, { writes: [] }]));
    }
    return await readDeltaHistory(this.store.database, address, checkpoint_id, options.channels);
  }
}

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
    return await putCheckpoint(this.store, undefined, config, checkpoint, metadata, newVersions);
  }

  async putWrites(config: RunnableConfig, writes: PendingWrite[], taskId: string, taskPath = ""): Promise<void> {
    await putTaskWrites(this.store, undefined, config, writes, taskId, taskPath);
  }

  /** Deletes all that is stored of a thread. One that the server knows keeps a tombstone, so that nothing comes back. */
  async deleteThread(threadId: string): Promise<void> {
    await deleteThreadCheckpoints(this.store, threadId);
  }

  /** Resolves when every write submitted so far is committed or refused. */
  async settled(): Promise<void> {
    await this.store.batcher.settled();
  }
}

/** The saver of a run that holds the lease of its thread. */
export class FencedSaver extends PostgresSaver {
  override readonly fenced = true;
  readonly #lease: ThreadLease;
  #onLost: (() => void) | undefined;

  constructor(store: CheckpointStore, { thread_id, lease_epoch, run_id, onLost }: SaverLease) {
    super(store);
    this.#lease = { tenant_id: store.tenant_id, thread_id, lease_epoch, run_id };
    this.#onLost = onLost;
  }

  async put(
    config: RunnableConfig,
    checkpoint: Checkpoint,
    metadata: CheckpointMetadata,
    newVersions: ChannelVersions,
  ): Promise<RunnableConfig> {
    // What the run says about itself goes along, so that a thread's history can be searched by it.
    const labelled = { ...config.metadata, ...metadata };
    failpoint("checkpoint.before_put");
    const write = () => putCheckpoint(this.store, this.#lease, config, checkpoint, labelled, newVersions);
    const stored = await this.#underLease(config, write);
    failpoint("checkpoint.after_put");
    return stored;
  }

  async putWrites(config: RunnableConfig, writes: PendingWrite[], taskId: string, taskPath = ""): Promise<void> {
    await this.#underLease(config, () => putTaskWrites(this.store, this.#lease, config, writes, taskId, taskPath));
  }

  /** Refused: a run does not delete its own thread. */
  async deleteThread(threadId: string): Promise<void> {
    throw new HoldpointError(
      "permission_denied",
      `a run cannot delete thread ${JSON.stringify(threadId)} through its leased saver; use the saver without a lease`,
    );
  }

  async #underLease<Result>(config: RunnableConfig, write: () => Promise<Result>): Promise<Result> {
    const thread_id: unknown = config.configurable?.["thread_id"];
    if (thread_id !== this.#lease.thread_id) {
      throw new HoldpointError(
        "invalid",
        `the lease is for thread ${JSON.stringify(this.#lease.thread_id)}, the write is for ${JSON.stringify(thread_id)}`,
      );
    }
    try {
      return await write();
    } catch (error) {
      if (isHoldpointError(error) && error.code === "lease_lost") {
        const onLost = this.#onLost;
        this.#onLost = undefined;
        this.store.cache.forget({ tenant_id: this.store.tenant_id, thread_id: this.#lease.thread_id });
        onLost?.();
      }
      throw error;
    }
  }
}

/** Creates a saver over a pool that has been set up (see `holdpoint/checkpointer` for one that sets itself up). */
export function createSaver(options: SaverOptions): HoldpointSaver {
  return new HoldpointSaver(openStore(options));
}
