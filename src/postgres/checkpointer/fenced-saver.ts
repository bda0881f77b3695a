import type { RunnableConfig } from "@langchain/core/runnables";
import {
  type ChannelVersions,
  type Checkpoint,
  type CheckpointListOptions,
  type CheckpointMetadata,
  type CheckpointTuple,
  type DeltaChannelHistory,
  ERROR,
  type PendingWrite,
} from "@langchain/langgraph-checkpoint";
import { failpoint } from "../../failpoint.ts";
import { HoldpointError, isHoldpointError } from "../../protocol/errors.ts";
import type { Lease as ThreadLease } from "../fence.ts";
import type { Statement } from "../sql.ts";
import { createLandings, type Landings } from "./landings.ts";
import { PostgresSaver } from "./postgres-saver.ts";
import { type PreparedPut, parentOf, preparePut, storedConfig, storePut } from "./put.ts";
import { prepareWrites, storeWrites } from "./put-writes.ts";
import type { CheckpointStore } from "./store.ts";
import type { WriteRow } from "./write.sql.ts";
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
  /**
   * The run's input is stored elsewhere, so that a run without a checkpoint is begun again with it: then the checkpoints
   * that hold no more than the input are acknowledged before they are committed, whatever the durability.
   */
  inputIsStored?: boolean;
  /** What else is committed with the last writes of a task. Must carry the guard of the lease itself. */
  besideTask?: (end: TaskEnd) => Statement | undefined;
  /** Called once, when a write was refused because the lease is lost: stop executing. */
  onLost?: () => void;
}

/** What a task left, as its writes are about to be stored. */
export interface TaskEnd {
  readonly checkpoint_ns: string;
  readonly checkpoint_id: string;
  readonly task_id: string;
  readonly task_path: string;
  /** What it wrote to, in order; also LangGraph's own channels. */
  readonly channels: readonly string[];
  /** How much it wrote, as it is stored. */
  readonly bytes: number;
  /** The class of the error it ended with. */
  readonly error_class: string | null;
}

function taskEnd(row: WriteRow, rows: readonly WriteRow[], writes: readonly PendingWrite[]): TaskEnd {
  const { checkpoint_ns, checkpoint_id, task_id, task_path } = row;
  const error = writes.find(([channel]) => channel === ERROR)?.[1];
  return {
    checkpoint_ns,
    checkpoint_id,
    task_id,
    task_path,
    channels: writes.map(([channel]) => channel),
    bytes: rows.reduce((bytes, { body }) => bytes + Buffer.byteLength(body), 0),
    error_class: error === undefined ? null : ((error as { name?: string } | null)?.name ?? "Error"),
  };
}

/** The saver of a run that holds the lease of its thread. */
export class FencedSaver extends PostgresSaver {
  override readonly fenced = true;
  readonly #lease: ThreadLease;
  readonly #landings: Landings = createLandings();
  readonly #behind: WriteBehind;
  readonly #isBehind: boolean;
  readonly #inputIsStored: boolean;
  /** Where each namespace took its input. */
  readonly #inputs = new Map<string, { step: number; checkpoint_id: string }>();
  readonly #besideTask: SaverLease["besideTask"];
  /** The checkpoint each namespace stands at. */
  readonly #newest = new Map<string, string>();
  #onLost: (() => void) | undefined;

  constructor(store: CheckpointStore, lease: SaverLease) {
    super(store);
    const { thread_id, lease_epoch, run_id, besideTask, onLost } = lease;
    this.#lease = { tenant_id: store.tenant_id, thread_id, lease_epoch, run_id };
    this.#besideTask = besideTask;
    this.#onLost = onLost;
    this.#isBehind = lease.writeBehind ?? false;
    this.#inputIsStored = lease.inputIsStored ?? false;
    const stored = (checkpoint_id: string) => this.#landings.landed(checkpoint_id);
    this.#behind = createWriteBehind(store, this.#lease, { stored, failed: (error) => this.#refused(error) });
  }

  override async getTuple(config: RunnableConfig): Promise<CheckpointTuple | undefined> {
    await this.flush();
    const tuple = await super.getTuple(config);
    if (tuple === undefined) return undefined;
    this.#landings.landed(tuple.checkpoint.id);
    this.#newest.set(config.configurable?.["checkpoint_ns"] ?? "", tuple.checkpoint.id);
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
    this.#newest.set(put.address.checkpoint_ns, checkpoint.id);
    failpoint("checkpoint.before_put");
    if (this.#isBehind || this.#holdsInputOnly(put, metadata)) await this.#behind.put(put);
    else {
      await this.flush();
      await this.#underLease(async () => storePut(this.store, this.#lease, put, await parentOf(this.store, put)));
      this.#landings.landed(checkpoint.id);
    }
    failpoint("checkpoint.after_put");
    return storedConfig(put);
  }

  async putWrites(config: RunnableConfig, writes: PendingWrite[], taskId: string, taskPath = ""): Promise<void> {
    this.#checkThread(config);
    const rows = prepareWrites(this.store.tenant_id, this.#lease, config, writes, taskId, taskPath);
    const [row] = rows;
    const beside = row === undefined ? undefined : this.#besideTask?.(taskEnd(row, rows, writes));
    const submit = () => storeWrites(this.store, this.#lease, rows, beside === undefined ? [] : [beside]);
    const handsInputOn = row !== undefined && this.#inputs.get(row.checkpoint_ns)?.checkpoint_id === row.checkpoint_id;
    if (this.#isBehind || handsInputOn) this.#behind.write(submit);
    else await this.#underLease(submit);
  }

  /** True for the checkpoint that takes the input and for the one after it, which hands it on: no node has run by then. */
  #holdsInputOnly({ address: { checkpoint_ns }, encoded }: PreparedPut, { source, step }: CheckpointMetadata): boolean {
    if (!this.#inputIsStored) return false;
    const { checkpoint_id } = encoded;
    if (source === "input") this.#inputs.set(checkpoint_ns, { step, checkpoint_id });
    const input = this.#inputs.get(checkpoint_ns);
    return input !== undefined && step <= input.step + 1;
  }

  /** The checkpoint a namespace stands at: the one put or read last. */
  newest(checkpoint_ns: string): string | undefined {
    return this.#newest.get(checkpoint_ns);
  }

  /** Resolves when every write acknowledged so far is committed; throws what kept one from being committed. */
  async flush(): Promise<void> {
    await this.#behind.flush();
  }

  /** Resolves when nothing is under way any more, also when something was refused. */
  async settled(): Promise<void> {
    await this.#behind.flush().catch(() => {});
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
