import type { EffectPort } from "../kit/ports.ts";
import type { FencedSaver } from "../postgres/checkpointer/fenced-saver.ts";
import type { Database } from "../postgres/database.ts";
import { recordFailure, recordReceipt, writeIntent } from "../postgres/effects.ts";
import { type Lease, verifyLease } from "../postgres/fence.ts";
import { HoldpointError } from "../protocol/errors.ts";
import type { Json } from "../protocol/json.ts";
import { currentTask } from "./current-task.ts";
import type { NodeObserver } from "./observer.ts";

// Far below any lease; far above what writing an intent takes.
const FRESH_INTENT_MS = 500;
// A checkpoint is on its way when its nodes start; one that is not there by then is kept by another checkpointer.
const CHECKPOINT_WAIT_MS = 10_000;

/** What the effects of one run need. */
export interface EffectPortParts {
  database: Database;
  lease: Lease;
  signal: AbortSignal;
  /** The saver of the run: it knows which checkpoints are stored. */
  saver: Pick<FencedSaver, "durable">;
  observer: Pick<NodeObserver, "toolTook">;
  durability: "sync" | "async" | "exit";
}

/** Effects of one run: intent, execution and receipt, each fenced by the run's lease. */
export function createEffectPort({
  database,
  lease,
  signal,
  saver,
  observer,
  durability,
}: EffectPortParts): EffectPort {
  return {
    async perform(request, execute) {
      const { task, checkpoint_ids, stopped } = currentTask("effect()");
      if (request.kind !== "read") {
        // An effect is known by its checkpoint. After a crash a run goes on from the last one that is stored: had this
        // one not been, its nodes would run again under another, and the effect with them.
        if (durability === "exit") throw storedTooLate(request.name);
        await saver.durable(checkpoint_ids, signal, CHECKPOINT_WAIT_MS);
      }
      const startedAt = performance.now();
      const intent = await writeIntent(database, lease, task, request);
      if (intent.kind === "receipt") return JSON.parse(intent.result) as Json;
      // A process that was stopped since the intent was written may no longer hold the lease that it proved.
      if (performance.now() - startedAt > FRESH_INTENT_MS) await verifyLease(database, lease);
      const bounded = AbortSignal.any([signal, ...stopped, AbortSignal.timeout(request.timeoutMs)]);
      // The last moment before the world is touched: a run that was stopped does not begin.
      bounded.throwIfAborted();
      const calledAt = performance.now();
      const result = await attempt(database, lease, intent.effect_id, () =>
        execute({ effect_id: intent.effect_id, signal: bounded }),
      ).finally(() => observer.toolTook(task.task_id, performance.now() - calledAt));
      await recordReceipt(database, lease, intent.effect_id, JSON.stringify(result ?? null));
      return result;
    },
  };
}

const storedTooLate = (name: string) =>
  new HoldpointError(
    "not_durable",
    `effect "${name}" was not started: with durability "exit" nothing is stored before the end of the run, and a crash ` +
      'would start it a second time; start the run with durability "sync" or "async"',
    { facts: { name } },
  );

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
