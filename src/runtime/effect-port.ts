import type { EffectLedger, LedgerEntry, LedgerStep } from "../kit/effects/effect-ledger.ts";
import { performEffect } from "../kit/effects/perform-effect.ts";
import type { EffectPort, EffectRequest } from "../kit/ports.ts";
import type { FencedSaver } from "../postgres/checkpointer/fenced-saver.ts";
import type { Database } from "../postgres/database.ts";
import type { EffectRow } from "../postgres/effects.sql.ts";
import {
  type EffectStep,
  readEffect,
  recordFailure,
  recordGivenUp,
  recordReceipt,
  releaseEffect,
  startAgain,
  writeIntent,
} from "../postgres/effects.ts";
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
export function createEffectPort(parts: EffectPortParts): EffectPort {
  const ledger = postgresLedger(parts);
  return {
    perform(request, execute) {
      return performEffect(ledger, request, async (call) => {
        const calledAt = performance.now();
        const { task_id } = currentTask("effect()").task;
        return await execute(call).finally(() => parts.observer.toolTook(task_id, performance.now() - calledAt));
      });
    },
  };
}

function postgresLedger({ database, lease, signal, saver, durability }: EffectPortParts): EffectLedger {
  // A process that was stopped since it wrote the intent may no longer hold the lease that it proved.
  const fresh = async (write: () => Promise<EffectStep>): Promise<LedgerStep> => {
    const startedAt = performance.now();
    const { row, execute } = await write();
    if (execute && performance.now() - startedAt > FRESH_INTENT_MS) await verifyLease(database, lease);
    return { entry: entryOf(row), execute };
  };
  return {
    signal() {
      const { stopped } = currentTask("effect()");
      return AbortSignal.any([signal, ...stopped]);
    },
    async intend(request) {
      const { task, checkpoint_ids } = currentTask("effect()");
      if (request.kind !== "read") await stored(request, checkpoint_ids);
      return await fresh(() => writeIntent(database, lease, task, request));
    },
    read: async (effect_id) => entryOf(await readEffect(database, lease, effect_id)),
    release: (effect_id, { timeoutMs }) => fresh(() => releaseEffect(database, lease, effect_id, timeoutMs)),
    startAgain: (effect_id, { timeoutMs }, settled) =>
      fresh(() => startAgain(database, lease, effect_id, settled, timeoutMs)),
    receive: (effect_id, attempt, result, settled) =>
      recordReceipt(database, lease, { effect_id, attempt }, JSON.stringify(result), settled),
    giveUp: (effect_id, settled, reason) => recordGivenUp(database, lease, effect_id, settled, reason),
    fail: (effect_id, attempt, message, isNotDone) =>
      recordFailure(database, lease, { effect_id, attempt }, message, isNotDone),
  };

  /** An effect is known by its checkpoint: had that not been stored, a crash would run its nodes again under another. */
  async function stored({ name }: EffectRequest, checkpoint_ids: string[]): Promise<void> {
    if (durability === "exit") throw storedTooLate(name);
    await saver.durable(checkpoint_ids, signal, CHECKPOINT_WAIT_MS);
  }
}

const storedTooLate = (name: string) =>
  new HoldpointError(
    "not_durable",
    `effect "${name}" was not started: with durability "exit" nothing is stored before the end of the run, and a crash ` +
      'would start it a second time; start the run with durability "sync" or "async"',
    { facts: { name } },
  );

function entryOf(row: EffectRow): LedgerEntry {
  const { effect_id, status, attempt, started_at, run_id, error, result, left_ms, settled_because } = row;
  const received = JSON.parse(result ?? "null") as Json;
  return { effect_id, status, attempt, started_at, run_id, error, result: received, left_ms, settled_because };
}
