import type { RunnableConfig } from "@langchain/core/runnables";
import { type PendingWrite, WRITES_IDX_MAP } from "@langchain/langgraph-checkpoint";
import { HoldpointError } from "../../protocol/errors.ts";
import type { Lease } from "../fence.ts";
import type { Statement } from "../sql.ts";
import { addressToWrite, isStorableText, requireCheckpointId, requireIdentifier } from "./address.ts";
import { encode } from "./encode.ts";
import { runIdOf } from "./put-plan.ts";
import type { CheckpointStore } from "./store.ts";
import * as statements from "./write.sql.ts";

/** The writes of a task as they go to the database: taken as text, so that what becomes of the values does not matter. */
export function prepareWrites(
  tenant_id: string,
  lease: Lease | undefined,
  config: RunnableConfig,
  writes: readonly PendingWrite[],
  taskId: string,
  taskPath: string,
): statements.WriteRow[] {
  const address = addressToWrite(tenant_id, config);
  const checkpoint_id = requireCheckpointId(config.configurable?.["checkpoint_id"]);
  const task_id = requireIdentifier("task_id", taskId);
  if (!isStorableText(taskPath))
    throw new HoldpointError("invalid", `the task path ${JSON.stringify(taskPath)} cannot be stored`);
  const run_id = lease?.run_id ?? runIdOf(config.metadata);
  return writeSlots(writes).map(({ slot, body }) => ({
    ...address,
    checkpoint_id,
    task_id,
    task_path: taskPath,
    slot,
    body,
    run_id,
  }));
}

/** Stores writes; with a lease only while it is held, and with it what is to be committed beside them. */
export async function storeWrites(
  store: CheckpointStore,
  lease: Lease | undefined,
  rows: readonly statements.WriteRow[],
  beside: readonly Statement[] = [],
): Promise<void> {
  const [first] = rows;
  if (first === undefined) return;
  const { thread_id } = first;
  if (lease === undefined) {
    await store.batcher.submit({ thread_id, statements: rows.map((row) => statements.insertWrite(row)) });
    return;
  }
  const writes = rows.map((row) => statements.insertWriteFenced(row, lease.lease_epoch));
  await store.batcher.submit({ thread_id, lease, statements: [...writes, ...beside] });
}

/** One row for all regular writes of the call, one for each special channel; each body is [[index, channel, value]]. */
function writeSlots(writes: readonly PendingWrite[]): { slot: number; body: string }[] {
  const regular: string[] = [];
  const special = new Map<number, string>();
  for (const [index, [channel, value]] of writes.entries()) {
    // A channel may be called `constructor`.
    const slot = Object.hasOwn(WRITES_IDX_MAP, channel) ? WRITES_IDX_MAP[channel] : undefined;
    const text = `[${slot ?? index},${JSON.stringify(channel)},${encode(value)}]`;
    if (slot === undefined) regular.push(text);
    else special.set(slot, text);
  }
  const slots = [...special].map(([slot, text]) => ({ slot, body: `[${text}]` }));
  return regular.length === 0 ? slots : [...slots, { slot: 0, body: `[${regular.join(",")}]` }];
}
