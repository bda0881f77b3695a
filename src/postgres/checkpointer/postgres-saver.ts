import type { RunnableConfig } from "@langchain/core/runnables";
import {
  BaseCheckpointSaver,
  type CheckpointListOptions,
  type CheckpointTuple,
  type DeltaChannelHistory,
} from "@langchain/langgraph-checkpoint";
import { addressToRead, checkpointIdToRead } from "./address.ts";
import { readDeltaHistory } from "./delta-history.ts";
import { readTuple } from "./get-tuple.ts";
import { listTuples } from "./list.ts";
import type { CheckpointStore } from "./store.ts";

/** What both savers read in the same way. */
export abstract class PostgresSaver extends BaseCheckpointSaver {
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
