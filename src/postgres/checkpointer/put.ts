import type { RunnableConfig } from "@langchain/core/runnables";
import type { ChannelVersions, Checkpoint, CheckpointMetadata } from "@langchain/langgraph-checkpoint";
import { HoldpointError, isHoldpointError } from "../../protocol/errors.ts";
import { isPostgresError } from "../database.ts";
import type { Lease } from "../fence.ts";
import { type Address, addressToWrite, requireCheckpointId } from "./address.ts";
import { readHead } from "./get-tuple.ts";
import type { Head } from "./head-cache.ts";
import { type EncodedCheckpoint, encodeCheckpoint, type Layout, type PutPlan, planPut, runIdOf } from "./put-plan.ts";
import type { CheckpointStore } from "./store.ts";
import * as statements from "./write.sql.ts";

/** A checkpoint that is about to be stored, as text: what the graph does with its values from now on does not matter. */
export interface PreparedPut {
  readonly address: Address;
  readonly encoded: EncodedCheckpoint;
}

/** Checks and encodes a checkpoint. */
export function preparePut(
  tenant_id: string,
  lease: Lease | undefined,
  config: RunnableConfig,
  checkpoint: Checkpoint,
  metadata: CheckpointMetadata,
  newVersions: ChannelVersions,
): PreparedPut {
  const address = addressToWrite(tenant_id, config);
  const parent_id: unknown = config.configurable?.["checkpoint_id"];
  const parent_checkpoint_id = parent_id ? requireCheckpointId(parent_id) : null;
  const checkpoint_id = requireCheckpointId(checkpoint.id);
  if (parent_checkpoint_id === checkpoint_id) {
    throw new HoldpointError("invalid", `checkpoint ${checkpoint_id} names itself as its parent`);
  }
  const run_id = lease?.run_id ?? runIdOf(metadata) ?? runIdOf(config.metadata);
  const ids = { checkpoint_id, parent_checkpoint_id, run_id };
  return { address, encoded: encodeCheckpoint(checkpoint, metadata, newVersions, ids) };
}

/** Where a checkpoint is found again. */
export const storedConfig = ({ address, encoded }: PreparedPut): RunnableConfig => ({
  configurable: {
    thread_id: address.thread_id,
    checkpoint_ns: address.checkpoint_ns,
    checkpoint_id: encoded.checkpoint_id,
  },
});

/** The head that a checkpoint continues: not read when nothing of it is needed, lists that changed then start anew. */
export async function parentOf(store: CheckpointStore, { address, encoded }: PreparedPut): Promise<Head | undefined> {
  const { parent_checkpoint_id, unchanged } = encoded;
  if (parent_checkpoint_id === null) return undefined;
  const cached = store.cache.get(address);
  if (cached?.checkpoint_id === parent_checkpoint_id) return cached;
  if (unchanged.size === 0) return undefined;
  return await readHead(store.database, store.cache, address, parent_checkpoint_id);
}

/** Stores a checkpoint; with a lease only while it is held. Returns what the next one is compared with. */
export async function storePut(
  store: CheckpointStore,
  lease: Lease | undefined,
  { address, encoded }: PreparedPut,
  parent: Head | undefined,
): Promise<Head> {
  let plan = planPut(address, encoded, parent);
  try {
    await submitPut(store, lease, plan);
  } catch (error) {
    const layout = secondLayout(error, encoded);
    if (layout === undefined) throw error;
    store.cache.forget(address);
    plan = planPut(address, encoded, parent, layout);
    await submitPut(store, lease, plan);
  }
  store.cache.set(address, plan.head);
  return plan.head;
}

/** How a checkpoint that was refused is laid out for a second try; undefined where it is refused for good. */
export function secondLayout(error: unknown, { isCopy }: EncodedCheckpoint): Layout | undefined {
  // Another branch or worker has extended the same chain first. A new one has a random name: this happens once.
  if (isPostgresError(error, "23505")) return "fresh";
  // What is copied may have been kept when its parent was pruned, though the parent is still in memory here.
  return isCopy && isHoldpointError(error) && error.code === "not_found" ? "whole" : undefined;
}

/** Hands the rows of a checkpoint to the batcher; resolves when they are committed. */
export async function submitPut(
  store: CheckpointStore,
  lease: Lease | undefined,
  { row, chunks }: PutPlan,
): Promise<void> {
  const results = await store.batcher.submit({
    thread_id: row.thread_id,
    ...(lease === undefined
      ? { statements: [...chunks.map((chunk) => statements.insertChunk(chunk)), statements.insertCheckpoint(row)] }
      : {
          lease,
          statements: [
            ...chunks.map((chunk) => statements.insertChunkFenced(chunk, lease.lease_epoch)),
            statements.insertCheckpointFenced(row, lease.lease_epoch),
          ],
        }),
  });
  if (results.at(-1)?.rowCount === 1) return;
  store.cache.forget(row);
  const { thread_id, checkpoint_id, parent_checkpoint_id } = row;
  throw new HoldpointError(
    "not_found",
    `checkpoint ${checkpoint_id} was not stored: its thread ${JSON.stringify(thread_id)} was deleted` +
      `${parent_checkpoint_id === null ? "" : `, or its parent ${parent_checkpoint_id} is not there (any more)`}; ` +
      "start again on a new thread, or from a checkpoint that exists",
    { facts: { thread_id, checkpoint_id, parent_checkpoint_id } },
  );
}
