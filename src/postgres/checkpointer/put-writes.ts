import type { RunnableConfig } from "@langchain/core/runnables";
import { type PendingWrite, WRITES_IDX_MAP } from "@langchain/langgraph-checkpoint";
import { HoldpointError } from "../../protocol/errors.ts";
import type { Lease } from "../fence.ts";
import { addressToWrite, isStorableText, requireCheckpointId, requireIdentifier } from "./address.ts";
import { encode } from "./encode.ts";
import { runIdOf } from "./put-plan.ts";
import type { CheckpointStore } from "./store.ts";
import * as statements from "./write.sql.ts";

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
  const run_id = lease?.run_id ?? runIdOf(config.metadata);
  const rows = writeSlots(writes).map(({ slot, body }) => ({
    ...address,
    checkpoint_id,
    task_id,
    task_path: taskPath,
    slot,
    body,
    run_id,
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
    // A channel may be called `constructor`.
    const slot = Object.hasOwn(WRITES_IDX_MAP, channel) ? WRITES_IDX_MAP[channel] : undefined;
    const text = `[${slot ?? index},${JSON.stringify(channel)},${encode(value)}]`;
    if (slot === undefined) regular.push(text);
    else special.set(slot, text);
  }
  const slots = [...special].map(([slot, text]) => ({ slot, body: `[${text}]` }));
  return regular.length === 0 ? slots : [...slots, { slot: 0, body: `[${regular.join(",")}]` }];
}
