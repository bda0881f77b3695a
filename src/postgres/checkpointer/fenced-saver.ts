import type { RunnableConfig } from "@langchain/core/runnables";
import type { ChannelVersions, Checkpoint, CheckpointMetadata, PendingWrite } from "@langchain/langgraph-checkpoint";
import { failpoint } from "../../failpoint.ts";
import { HoldpointError, isHoldpointError } from "../../protocol/errors.ts";
import type { Lease as ThreadLease } from "../fence.ts";
import { PostgresSaver } from "./postgres-saver.ts";
import { parentOf, preparePut, storedConfig, storePut } from "./put.ts";
import { putTaskWrites } from "./put-writes.ts";
import type { CheckpointStore } from "./store.ts";

/** The lease under which a fenced saver writes. */
export interface SaverLease {
  thread_id: string;
  lease_epoch: number;
  run_id: string;
  /** Called once, when a write was refused because the lease is lost: stop executing. */
  onLost?: () => void;
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
    const put = preparePut(this.store.tenant_id, this.#lease, config, checkpoint, labelled, newVersions);
    await this.#underLease(config, async () => {
      await storePut(this.store, this.#lease, put, await parentOf(this.store, put));
    });
    failpoint("checkpoint.after_put");
    return storedConfig(put);
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
