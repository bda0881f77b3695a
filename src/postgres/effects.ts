import { randomUUID } from "node:crypto";
import { failpoint } from "../failpoint.ts";
import { digest } from "../policy/digest.ts";
import { HoldpointError } from "../protocol/errors.ts";
import type { Database, Queryable } from "./database.ts";
import {
  type EffectRow,
  effectForUpdate,
  insertIntent,
  noteEffectError,
  repeatIntent,
  writeReceipt,
} from "./effects.sql.ts";
import { fencedWrite, type Lease } from "./fence.ts";
import type { TaskKey } from "./task-questions.sql.ts";

/** A call that changes the world outside. */
export interface EffectCall {
  key: string;
  name: string;
  kind: "read" | "idempotent" | "once";
  args: unknown;
  timeoutMs: number;
}

/** Either the receipt of an earlier execution, or the right to execute now. */
export type Intent = { kind: "receipt"; result: string } | { kind: "execute"; effect_id: string };

/**
 * T-intent: writes down what is about to happen. Locks: thread advisory lock (shared), effect.
 * A receipt that is there is returned. A `once` effect whose outcome is unknown is never started again: `effect_in_doubt`.
 */
export async function writeIntent(database: Database, lease: Lease, task: TaskKey, call: EffectCall): Promise<Intent> {
  failpoint("effect.before_intent");
  const intent = await fencedWrite(database, lease, (tx) => intend(tx, lease, task, call));
  if (intent.kind === "execute") failpoint("effect.intent_written");
  return intent;
}

async function intend(tx: Queryable, lease: Lease, task: TaskKey, call: EffectCall): Promise<Intent> {
  const args_digest = digest(call.args);
  const inserted = await tx.maybeOne(
    insertIntent({
      ...task,
      tenant_id: lease.tenant_id,
      thread_id: lease.thread_id,
      run_id: lease.run_id,
      effect_id: randomUUID(),
      call_key: call.key,
      name: call.name,
      kind: call.kind,
      args: JSON.stringify(call.args),
      args_digest,
      timeoutMs: call.timeoutMs,
    }),
  );
  if (inserted !== undefined) return { kind: "execute", effect_id: inserted.effect_id };
  const before = await tx.one(
    effectForUpdate(lease.tenant_id, lease.thread_id, task.checkpoint_ns, task.checkpoint_id, task.task_id, call.key),
  );
  refuseOtherArguments(before, args_digest);
  if (before.status === "receipt") return { kind: "receipt", result: before.result ?? "null" };
  if (before.kind === "once") throw inDoubt(before);
  const repeated = await tx.one(
    repeatIntent(lease.tenant_id, lease.thread_id, before.effect_id, lease.run_id, call.timeoutMs),
  );
  return { kind: "execute", effect_id: repeated.effect_id };
}

function refuseOtherArguments(before: EffectRow, args_digest: string): void {
  if (before.args_digest === args_digest) return;
  throw new HoldpointError(
    "effect_key_reused",
    `effect "${before.name}" (${before.call_key}) ran before in this task with other arguments; give each call of a task its own key, and compute arguments before the task`,
    { facts: { effect_id: before.effect_id, call_key: before.call_key } },
  );
}

function inDoubt(before: EffectRow): HoldpointError {
  return new HoldpointError(
    "effect_in_doubt",
    `effect "${before.name}" was started at ${before.intent_at} and left no receipt: it may or may not have happened, and it is not started a second time`,
    { facts: { effect_id: before.effect_id, name: before.name, intent_at: before.intent_at } },
  );
}

/** T-receipt: from here on a re-run of the task gets this result. Locks: thread advisory lock (shared), effect. */
export async function recordReceipt(
  database: Database,
  lease: Lease,
  effect_id: string,
  result: string,
): Promise<void> {
  failpoint("effect.executed");
  await fencedWrite(database, lease, (tx) => tx.run(writeReceipt(lease.tenant_id, lease.thread_id, effect_id, result)));
  failpoint("effect.receipt_written");
}

/** Notes why an attempt failed; the intent stays, because the failure says nothing about what happened outside. */
export async function recordFailure(
  database: Database,
  lease: Lease,
  effect_id: string,
  message: string,
): Promise<void> {
  await fencedWrite(database, lease, (tx) =>
    tx.run(noteEffectError(lease.tenant_id, lease.thread_id, effect_id, message)),
  );
}
