import type { RunnableConfig } from "@langchain/core/runnables";
import {
  type ChannelVersions,
  type Checkpoint,
  type CheckpointMetadata,
  type PendingWrite,
  WRITES_IDX_MAP,
} from "@langchain/langgraph-checkpoint";
import type pg from "pg";
import { HoldpointError } from "../../protocol/errors.ts";
import { createWriteBatcher, type WriteBatcher } from "../batch.ts";
import { isPostgresError, type Queryable } from "../database.ts";
import type { Lease } from "../fence.ts";
import { runPipeline } from "../pipeline.ts";
import { guardPool } from "../pool.ts";
import type { Statement } from "../sql.ts";
import { lockThread } from "../threads.sql.ts";
import { addressToWrite, isStorableText, requireCheckpointId, requireIdentifier } from "./address.ts";
import * as deletion from "./delete.sql.ts";
import { encode } from "./encode.ts";
import { readHead } from "./get-tuple.ts";
import { createHeadCache, type HeadCache } from "./head-cache.ts";
import { encodeCheckpoint, type PutPlan, planPut, runIdOf } from "./put-plan.ts";
import * as statements from "./write.sql.ts";

/** What all views of one saver share. */
export interface CheckpointStore {
  readonly tenant_id: string;
  readonly pool: pg.Pool;
  readonly prepare: boolean;
  readonly database: Pick<Queryable, "many">;
  readonly batcher: WriteBatcher;
  readonly cache: HeadCache;
}

/** How a saver reaches the database. */
export interface SaverOptions {
  pool: pg.Pool;
  /** False behind PgBouncer in transaction mode before 1.21, where named statements break. */
  prepare?: boolean;
  tenant_id?: string;
  /** How much text of the newest checkpoints is kept in memory; default 64 MB. */
  headCacheBytes?: number;
  /** The batcher to share with other writers of the process. */
  batcher?: WriteBatcher;
}

const HEAD_CACHE_BYTES = 64 * 1024 * 1024;

/** Opens what the views of a saver share. */
export function openStore(options: SaverOptions): CheckpointStore {
  const { pool, prepare = true, tenant_id = "default", headCacheBytes = HEAD_CACHE_BYTES } = options;
  guardPool(pool);
  return {
    tenant_id,
    pool,
    prepare,
    database: {
      async many<Row>({ name, text, values }: Statement<Row>) {
        return (await pool.query(prepare ? { name, text, values } : { text, values })).rows as Row[];
      },
    },
    batcher: options.batcher ?? createWriteBatcher(pool, { prepare }),
    cache: createHeadCache(headCacheBytes),
  };
}

/** Stores a checkpoint; with a lease only while it is held. */
export async function putCheckpoint(
  store: CheckpointStore,
  lease: Lease | undefined,
  config: RunnableConfig,
  checkpoint: Checkpoint,
  metadata: CheckpointMetadata,
  newVersions: ChannelVersions,
): Promise<RunnableConfig> {
  const address = addressToWrite(store.tenant_id, config);
  const parent_id: unknown = config.configurable?.["checkpoint_id"];
  const parent_checkpoint_id = parent_id ? requireCheckpointId(parent_id) : null;
  const checkpoint_id = requireCheckpointId(checkpoint.id);
  if (parent_checkpoint_id === checkpoint_id) {
    throw new HoldpointError("invalid", `checkpoint ${checkpoint_id} names itself as its parent`);
  }
  const run_id = lease?.run_id ?? runIdOf(metadata);
  const encoded = encodeCheckpoint(checkpoint, metadata, newVersions, { checkpoint_id, parent_checkpoint_id, run_id });

  // Not read when nothing of the parent is needed: lists that changed then start a new chain.
  const cached = store.cache.get(address);
  let parent = cached?.checkpoint_id === parent_checkpoint_id ? cached : undefined;
  if (parent === undefined && parent_checkpoint_id !== null && encoded.unchanged.length > 0) {
    parent = await readHead(store.database, store.cache, address, parent_checkpoint_id);
  }
  let plan = planPut(address, encoded, parent);
  try {
    await submitPut(store, lease, plan);
  } catch (error) {
    if (!isPostgresError(error, "23505")) throw error;
    // Another branch or worker has extended the same chain first. A new chain has a random name: this happens once.
    store.cache.forget(address);
    plan = planPut(address, encoded, parent, { fresh: true });
    await submitPut(store, lease, plan);
  }
  store.cache.set(address, plan.head);
  return { configurable: { thread_id: address.thread_id, checkpoint_ns: address.checkpoint_ns, checkpoint_id } };
}

async function submitPut(store: CheckpointStore, lease: Lease | undefined, { row, chunks }: PutPlan): Promise<void> {
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

/** Stores the writes of a task; with a lease only while it is held. */
export async function putTaskWrites(
  store: CheckpointStore,
  lease: Lease | undefined,
  config: RunnableConfig,
  writes: readonly PendingWrite[],
  taskId: string,
  taskPath: string,
): Promise<void> {
  const address = addressToWrite(store.tenant_id, config);
  const checkpoint_id = requireCheckpointId(config.configurable?.["checkpoint_id"]);
  const task_id = requireIdentifier("task_id", taskId);
  if (!isStorableText(taskPath))
    throw new HoldpointError("invalid", `the task path ${JSON.stringify(taskPath)} cannot be stored`);
  const rows = writeSlots(writes).map(({ slot, body }) => ({
    ...address,
    checkpoint_id,
    task_id,
    task_path: taskPath,
    slot,
    body,
  }));
  if (rows.length === 0) return;
  const { thread_id } = address;
  await store.batcher.submit(
    lease === undefined
      ? { thread_id, statements: rows.map((row) => statements.insertWrite(row)) }
      : { thread_id, lease, statements: rows.map((row) => statements.insertWriteFenced(row, lease.lease_epoch)) },
  );
}

/** One row for all regular writes of the call, one for each special channel; each body is [[index, channel, value]]. */
function writeSlots(writes: readonly PendingWrite[]): { slot: number; body: string }[] {
  const regular: string[] = [];
  const special = new Map<number, string>();
  for (const [index, [channel, value]] of writes.entries()) {
    const slot = WRITES_IDX_MAP[channel];
    const text = `[${slot ?? index},${JSON.stringify(channel)},${encode(value)}]`;
    if (slot === undefined) regular.push(text);
    else special.set(slot, text);
  }
  const slots = [...special].map(([slot, text]) => ({ slot, body: `[${text}]` }));
  return regular.length === 0 ? slots : [...slots, { slot: 0, body: `[${regular.join(",")}]` }];
}

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
