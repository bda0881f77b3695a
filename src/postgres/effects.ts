import { randomUUID } from "node:crypto";
import { failpoint } from "../failpoint.ts";
import { digest } from "../policy/digest.ts";
import { masked } from "../policy/mask.ts";
import type { EffectKind } from "../protocol/effect.ts";
import { HoldpointError } from "../protocol/errors.ts";
import type { Json } from "../protocol/json.ts";
import { runAudit } from "./audit.ts";
import type { Database, Transaction } from "./database.ts";
import {
  type EffectRow,
  effectForUpdate,
  effectOfThread,
  giveUpEffect,
  insertIntent,
  noteEffectError,
  startAttempt,
  writeReceipt,
} from "./effects.sql.ts";
import { fencedWrite, type Lease } from "./fence.ts";
import type { Statement } from "./sql.ts";
import type { TaskKey } from "./task-questions.sql.ts";

/** A call that changes the world outside. */
export interface EffectIntent {
  key: string;
  name: string;
  kind: EffectKind;
  args: Json;
  timeoutMs: number;
  holdBackMs?: number;
  redact?: readonly string[];
}

/** How an effect stands, and whether whoever asked may execute it now: then nobody else may. */
export interface EffectStep {
  row: EffectRow;
  execute: boolean;
}

/** One attempt at one effect. */
export interface EffectAttempt {
  effect_id: string;
  attempt: number;
}

/** What a person has answered: the digest of the question, by which the review is found. */
export interface Settlement {
  attempt: number;
  value_digest: string;
}

const WORKER = "system:worker";

/**
 * T-intent: writes down what is about to happen, or what is held back before it does. Locks: thread advisory lock (shared),
 * effect. What is known of the call already is returned; another attempt is started where the last one surely did nothing,
 * or where the effect may be repeated.
 */
export async function writeIntent(
  database: Database,
  lease: Lease,
  task: TaskKey,
  call: EffectIntent,
): Promise<EffectStep> {
  failpoint("effect.before_intent");
  const effect_id = randomUUID();
  const step = await fencedWrite(database, lease, (tx) => intend(tx, lease, task, call, effect_id));
  if (step.execute) failpoint("effect.intent_written");
  else if (step.row.effect_id === effect_id) failpoint("effect.held");
  return step;
}

async function intend(
  tx: Transaction,
  lease: Lease,
  task: TaskKey,
  call: EffectIntent,
  effect_id: string,
): Promise<EffectStep> {
  const { tenant_id, thread_id, run_id } = lease;
  const { key, name, kind, timeoutMs, holdBackMs, redact = [] } = call;
  const args = masked(call.args, redact);
  const inserted = await tx.maybeOne(
    insertIntent({
      tenant_id,
      thread_id,
      run_id,
      effect_id,
      ...task,
      call_key: key,
      name,
      kind,
      args: JSON.stringify(args),
      args_digest: digest(args),
      secret_digest: redact.length === 0 ? null : secretDigest(effect_id, call.args),
      timeoutMs,
      holdBackMs: holdBackMs ?? null,
    }),
  );
  if (inserted !== undefined) return { row: inserted, execute: inserted.status === "intent" };
  const row = await tx.one(effectForUpdate(tenant_id, thread_id, task, key));
  refuseOtherArguments(row, call.args);
  const { status, attempt } = row;
  const isRepeated = status === "not_done" || (status === "intent" && row.kind !== "once");
  if (!isRepeated) return { row, execute: false };
  const at = { tenant_id, thread_id, effect_id: row.effect_id, status, attempt };
  return { row: await tx.one(startAttempt(at, run_id, timeoutMs)), execute: true };
}

const secretDigest = (effect_id: string, args: Json) => digest({ effect_id, args });

function refuseOtherArguments(before: EffectRow, args: Json): void {
  const { effect_id, name, call_key, args_digest, secret_digest } = before;
  const isSame =
    secret_digest === null ? digest(args) === args_digest : secretDigest(effect_id, args) === secret_digest;
  if (isSame) return;
  throw new HoldpointError(
    "effect_key_reused",
    `effect "${name}" (${call_key}) ran before in this task with other arguments; give each call of a task its own key, and compute arguments before the task`,
    { facts: { effect_id, call_key } },
  );
}

/** How an effect stands now. */
export async function readEffect(database: Database, lease: Lease, effect_id: string): Promise<EffectRow> {
  return await database.one(effectOfThread(lease.tenant_id, lease.thread_id, effect_id));
}

/**
 * T-release: starts what was held back, once its time has come. Locks: thread advisory lock (shared), effect.
 * The row decides between it and a recall: whoever moves it first.
 */
export async function releaseEffect(
  database: Database,
  lease: Lease,
  effect_id: string,
  timeoutMs: number,
): Promise<EffectStep> {
  const step = await startFrom(database, lease, { effect_id, status: "held", attempt: 0 }, timeoutMs);
  if (step.execute) failpoint("effect.released");
  return step;
}

/** T-doubt: starts another attempt because a person said so. Locks: thread advisory lock (shared), effect, audit. */
export async function startAgain(
  database: Database,
  lease: Lease,
  effect_id: string,
  { attempt, value_digest }: Settlement,
  timeoutMs: number,
): Promise<EffectStep> {
  const audit = runAudit(lease, "effect.started_again", WORKER, { effect_id, attempt, value_digest });
  const step = await startFrom(database, lease, { effect_id, status: "intent", attempt }, timeoutMs, audit);
  if (step.execute) failpoint("effect.started_again");
  return step;
}

async function startFrom(
  database: Database,
  lease: Lease,
  at: EffectAttempt & { status: "held" | "intent" },
  timeoutMs: number,
  audit?: Statement,
): Promise<EffectStep> {
  const { tenant_id, thread_id, run_id } = lease;
  return await fencedWrite(database, lease, async (tx) => {
    const row = await tx.maybeOne(startAttempt({ tenant_id, thread_id, ...at }, run_id, timeoutMs));
    if (row === undefined)
      return { row: await tx.one(effectOfThread(tenant_id, thread_id, at.effect_id)), execute: false };
    if (audit !== undefined) await tx.run(audit);
    return { row, execute: true };
  });
}

/** T-receipt: from here on a re-run of the task gets this result. Locks: thread advisory lock (shared), effect, audit. */
export async function recordReceipt(
  database: Database,
  lease: Lease,
  { effect_id, attempt }: EffectAttempt,
  result: string,
  settled?: Settlement,
): Promise<void> {
  const at = { ...lease, effect_id, attempt };
  if (settled !== undefined) {
    const because = "a person said that it happened";
    const facts = { effect_id, attempt, value_digest: settled.value_digest };
    const audit = runAudit(lease, "effect.said_to_have_happened", WORKER, facts);
    return await settle(database, lease, writeReceipt(at, result, because), audit);
  }
  failpoint("effect.executed");
  await fencedWrite(database, lease, (tx) => tx.finish([writeReceipt(at, result)]));
  failpoint("effect.receipt_written");
}

/** T-give-up: the end of an effect that a person does not want any more. Locks: thread advisory lock (shared), effect, audit. */
export async function recordGivenUp(
  database: Database,
  lease: Lease,
  effect_id: string,
  { attempt, value_digest }: Settlement,
  reason: string,
): Promise<void> {
  const audit = runAudit(lease, "effect.given_up", WORKER, { effect_id, attempt, value_digest, reason });
  await settle(database, lease, giveUpEffect({ ...lease, effect_id, attempt }, reason), audit);
}

/** What a crash repeats is on record once: the row says whether it was there to be settled. */
async function settle(database: Database, lease: Lease, change: Statement, audit: Statement): Promise<void> {
  await fencedWrite(database, lease, async (tx) => {
    if ((await tx.run(change)) === 1) await tx.run(audit);
  });
  failpoint("effect.settled");
}

/** Notes why an attempt failed. Unless it surely did nothing the intent stays: a failure says nothing about what happened outside. */
export async function recordFailure(
  database: Database,
  lease: Lease,
  { effect_id, attempt }: EffectAttempt,
  message: string,
  isNotDone = false,
): Promise<void> {
  const left = isNotDone ? "not_done" : "intent";
  await fencedWrite(database, lease, (tx) =>
    tx.finish([noteEffectError({ ...lease, effect_id, attempt }, message, left)]),
  );
}
