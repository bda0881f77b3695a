import { getConfig } from "@langchain/langgraph";
import type { EffectPort } from "../kit/ports.ts";
import type { Database } from "../postgres/database.ts";
import { type EffectTask, recordFailure, recordReceipt, writeIntent } from "../postgres/effects.ts";
import { type Lease, verifyLease } from "../postgres/fence.ts";
import { HoldpointError } from "../protocol/errors.ts";
import type { Json } from "../protocol/json.ts";

// Far below any lease; far above what writing an intent takes.
const FRESH_INTENT_MS = 500;

/** Effects of one run: intent, execution and receipt, each fenced by the run's lease. */
export function createEffectPort(database: Database, lease: Lease, signal: AbortSignal): EffectPort {
  return {
    async perform(request, execute) {
      const startedAt = performance.now();
      const intent = await writeIntent(database, lease, currentTask(), request);
      if (intent.kind === "receipt") return JSON.parse(intent.result) as Json;
      // A process that was stopped since the intent was written may no longer hold the lease that it proved.
      if (performance.now() - startedAt > FRESH_INTENT_MS) await verifyLease(database, lease);
      const bounded = AbortSignal.any([signal, AbortSignal.timeout(request.timeoutMs)]);
      // The last moment before the world is touched: a run that was stopped does not begin.
      bounded.throwIfAborted();
      const result = await attempt(database, lease, intent.effect_id, () =>
        execute({ effect_id: intent.effect_id, signal: bounded }),
      );
      await recordReceipt(database, lease, intent.effect_id, JSON.stringify(result ?? null));
      return result;
    },
  };
}

async function attempt(
  database: Database,
  lease: Lease,
  effect_id: string,
  execute: () => Promise<Json>,
): Promise<Json> {
  try {
    return await execute();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // The node's error is the one to report; losing the note about it must not hide it.
    await recordFailure(database, lease, effect_id, message).catch(() => {});
    throw error;
  }
}

/** The task this code runs in, as the checkpointer names it: the same for every execution of it. */
function currentTask(): EffectTask {
  const configurable = getConfig()?.configurable;
  const task_id = configurable?.["__pregel_task_id"];
  const task_ns = configurable?.["checkpoint_ns"];
  if (typeof task_id !== "string" || typeof task_ns !== "string") {
    throw new HoldpointError(
      "outside_run",
      "effect() was called outside a node; call it inside the function of a node",
    );
  }
  const checkpoint_ns = task_ns.split("|").slice(0, -1).join("|");
  const checkpoint_id = (configurable?.["checkpoint_map"] as Record<string, string> | undefined)?.[checkpoint_ns];
  if (checkpoint_id === undefined)
    throw new HoldpointError("outside_run", `no checkpoint is known for the task ${task_ns}`);
  return { checkpoint_ns, checkpoint_id, task_id };
}
