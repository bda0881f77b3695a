import type { RunnableConfig } from "@langchain/core/runnables";
import type {
  ChannelVersions,
  Checkpoint,
  CheckpointListOptions,
  CheckpointMetadata,
  CheckpointTuple,
  DeltaChannelHistory,
  PendingWrite,
} from "@langchain/langgraph-checkpoint";
import { failpoint } from "../../failpoint.ts";
import { HoldpointError, isHoldpointError } from "../../protocol/errors.ts";
import type { Lease as ThreadLease } from "../fence.ts";
import { createLandings, type Landings } from "./landings.ts";
import { PostgresSaver } from "./postgres-saver.ts";
import { parentOf, preparePut, storedConfig, storePut } from "./put.ts";
import { putTaskWrites } from "./put-writes.ts";
import type { CheckpointStore } from "./store.ts";
import { createWriteBehind, type WriteBehind } from "./write-behind.ts";

/** The lease under which a fenced saver writes. */
export interface SaverLease {
  thread_id: string;
  lease_epoch: number;
  run_id: string;
  /**
   * Acknowledge writes before they are committed, for runs with durability "async". Whoever shows or does something
   * that depends on a write awaits `flush` or `durable` first; the saver's own reads do so by themselves.
   */
  writeBehind?: boolean;
  /** Called once, when a write was refused because the lease is lost: stop executing. */
  onLost?: () => void;
}

/** The saver of a run that holds the lease of its thread. */
export class FencedSaver extends PostgresSaver {
  override readonly fenced = true;
  readonly #lease: ThreadLease;
  readonly #landings: Landings = createLandings();
  readonly #behind: WriteBehind | undefined;
  #onLost: (() => void) | undefined;

  constructor(store: CheckpointStore, { thread_id, lease_epoch, run_id, writeBehind = false, onLost }: SaverLease) {
    super(store);
    this.#lease = { tenant_id: store.tenant_id, thread_id, lease_epoch, run_id };
    this.#onLost = onLost;
    if (!writeBehind) return;
    const stored = (checkpoint_id: string) => this.#landings.landed(checkpoint_id);
    this.#behind = createWriteBehind(store, this.#lease, { stored, failed: (error) => this.#refused(error) });
  }

  override async getTuple(config: RunnableConfig): Promise<CheckpointTuple | undefined> {
    await this.flush();
    const tuple = await super.getTuple(config);
    if (tuple !== undefined) this.#landings.landed(tuple.checkpoint.id);
    return tuple;
  }

  override async *list(config: RunnableConfig, options?: CheckpointListOptions): AsyncGenerator<CheckpointTuple> {
    await this.flush();
    yield* super.list(config, options);
  }

  override async getDeltaChannelHistory(options: {
    config: RunnableConfig;
    channels: string[];
  }): Promise<Record<string, DeltaChannelHistory>> {
    await this.flush();
    return await super.getDeltaChannelHistory(options);
  }

  async put(
    config: RunnableConfig,
    checkpoint: Checkpoint,
    metadata: CheckpointMetadata,
    newVersions: ChannelVersions,
  ): Promise<RunnableConfig> {
    this.#checkThread(config);
    // What the run says about itself goes along, so that a thread's history can be searched by it.
    const labelled = { ...config.metadata, ...metadata };
    const put = preparePut(this.store.tenant_id, this.#lease, config, checkpoint, labelled, newVersions);
    failpoint("checkpoint.before_put");
    if (this.#behind !== undefined) await this.#behind.put(put);
    else {
      await this.#underLease(async () => storePut(this.store, this.#lease, put, await parentOf(this.store, put)));
      this.#landings.landed(checkpoint.id);
    }
    failpoint("checkpoint.after_put");
    return storedConfig(put);
  }

  async putWrites(config: RunnableConfig, writes: PendingWrite[], taskId: string, taskPath = ""): Promise<void> {
    this.#checkThread(config);
    const submit = () => putTaskWrites(this.store, this.#lease, config, writes, taskId, taskPath);
    if (this.#behind === undefined) await this.#underLease(submit);
    else this.#behind.write(submit);
  }

  /** Resolves when every write acknowledged so far is committed; throws what kept one from being committed. */
  async flush(): Promise<void> {
    await this.#behind?.flush();
  }

  /**
   * Resolves when these checkpoints of the run are committed; for what must not happen twice when the run is repeated
   * from the last checkpoint. Rejects with `not_durable` where one is not stored within the limit.
   */
  async durable(checkpoint_ids: readonly string[], signal: AbortSignal, limitMs: number): Promise<void> {
    await this.#landings.wait(checkpoint_ids, signal, limitMs);
  }

  /** Refused: a run does not delete its own thread. */
  async deleteThread(threadId: string): Promise<void> {
    throw new HoldpointError(
      "permission_denied",
      `a run cannot delete thread ${JSON.stringify(threadId)} through its leased saver; use the saver without a lease`,
    );
  }

  #checkThread(config: RunnableConfig): void {
    const thread_id: unknown = config.configurable?.["thread_id"];
    if (thread_id === this.#lease.thread_id) return;
    throw new HoldpointError(
      "invalid",
      `the lease is for thread ${JSON.stringify(this.#lease.thread_id)}, the write is for ${JSON.stringify(thread_id)}`,
    );
  }

  async #underLease<Result>(write: () => Promise<Result>): Promise<Result> {
    try {
      return await write();
    } catch (error) {
      this.#refused(error);
      throw error;
    }
  }

  #refused(error: unknown): void {
    this.#landings.failed(error);
    if (!isHoldpointError(error) || error.code !== "lease_lost") return;
    const onLost = this.#onLost;
    this.#onLost = undefined;
    this.store.cache.forget({ tenant_id: this.store.tenant_id, thread_id: this.#lease.thread_id });
    onLost?.();
  }
}
