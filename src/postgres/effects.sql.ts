import type { EffectKind, EffectStatus } from "../protocol/effect.ts";
import { columns, sql } from "./sql.ts";
import type { TaskKey } from "./task-questions.sql.ts";

/** A call that changes the world outside, as it is stored. */
export interface EffectRow {
  effect_id: string;
  thread_id: string;
  run_id: string;
  checkpoint_ns: string;
  checkpoint_id: string;
  task_id: string;
  call_key: string;
  name: string;
  kind: EffectKind;
  status: EffectStatus;
  /** Without what is kept secret. */
  args: string;
  args_digest: string;
  /** Over the arguments as they were given, where some of them are kept secret. */
  secret_digest: string | null;
  /** The number of the last attempt; 0 while it has not been started. */
  attempt: number;
  started_at: string;
  held_until: string | null;
  not_after: string;
  /** Milliseconds until it may start where it is held, until its attempt is over where it was started. */
  left_ms: number;
  result: string | null;
  error: string | null;
  intent_at: string;
  receipt_at: string | null;
  settled_by: string | null;
  settled_because: string | null;
}

const EFFECT = columns`effect_id, thread_id, run_id, checkpoint_ns, checkpoint_id, task_id, call_key, name, kind, status, args,
  args_digest, secret_digest, attempt, coalesce(started_at, intent_at) as started_at, held_until, not_after,
  (extract(epoch from case when status = 'held' then held_until else not_after end - holdpoint.now()) * 1000)::float8 as left_ms,
  result, error, intent_at, receipt_at, settled_by, settled_because`;

/** Writes the intent; no row when this call of this task already has one. What is held back is not started yet. */
export const insertIntent = (effect: {
  tenant_id: string;
  thread_id: string;
  effect_id: string;
  run_id: string;
  checkpoint_ns: string;
  checkpoint_id: string;
  task_id: string;
  call_key: string;
  name: string;
  kind: EffectKind;
  args: string;
  args_digest: string;
  secret_digest: string | null;
  timeoutMs: number;
  holdBackMs: number | null;
}) => sql<EffectRow>`
  insert into holdpoint.effect (tenant_id, thread_id, effect_id, run_id, checkpoint_ns, checkpoint_id, task_id, call_key, name, kind,
    args, args_digest, secret_digest, not_after, held_until, status, attempt)
  values (${effect.tenant_id}, ${effect.thread_id}, ${effect.effect_id}::uuid, ${effect.run_id}::uuid, ${effect.checkpoint_ns},
    ${effect.checkpoint_id}::uuid, ${effect.task_id}, ${effect.call_key}, ${effect.name}, ${effect.kind}, ${effect.args},
    ${effect.args_digest}, ${effect.secret_digest}::text,
    holdpoint.now() + make_interval(secs => ${effect.timeoutMs}::float8 / 1000),
    holdpoint.now() + make_interval(secs => ${effect.holdBackMs}::float8 / 1000),
    case when ${effect.holdBackMs}::float8 is null then 'intent' else 'held' end,
    case when ${effect.holdBackMs}::float8 is null then 1 else 0 end)
  on conflict (thread_id, checkpoint_ns, checkpoint_id, task_id, call_key) do nothing
  returning ${EFFECT}`;

/** The effect of one call of one task, locked. */
export const effectForUpdate = (
  tenant_id: string,
  thread_id: string,
  task: TaskKey,
  call_key: string,
) => sql<EffectRow>`
  select ${EFFECT} from holdpoint.effect
  where tenant_id = ${tenant_id} and thread_id = ${thread_id} and checkpoint_ns = ${task.checkpoint_ns}
    and checkpoint_id = ${task.checkpoint_id}::uuid and task_id = ${task.task_id} and call_key = ${call_key}
  for no key update`;

/** One effect of a thread. */
export const effectOfThread = (tenant_id: string, thread_id: string, effect_id: string) => sql<EffectRow>`
  select ${EFFECT} from holdpoint.effect
  where tenant_id = ${tenant_id} and thread_id = ${thread_id} and effect_id = ${effect_id}::uuid`;

/** Which effect of which thread, and how it has to stand for something to be done with it. */
export interface EffectAt {
  tenant_id: string;
  thread_id: string;
  effect_id: string;
  status: EffectStatus;
  attempt: number;
}

/** Starts an attempt; no row when it stands otherwise, or is held back for longer. */
export const startAttempt = (at: EffectAt, run_id: string, timeoutMs: number) => sql<EffectRow>`
  update holdpoint.effect
  set status = 'intent', attempt = attempt + 1, run_id = ${run_id}::uuid, started_at = holdpoint.now(), error = null,
    not_after = holdpoint.now() + make_interval(secs => ${timeoutMs}::float8 / 1000)
  where tenant_id = ${at.tenant_id} and thread_id = ${at.thread_id} and effect_id = ${at.effect_id}::uuid
    and status = ${at.status} and attempt = ${at.attempt}::int and (status <> 'held' or held_until <= holdpoint.now())
  returning ${EFFECT}`;

/** The receipt: from now on a re-run gets this and nothing is executed. */
export const writeReceipt = (at: Omit<EffectAt, "status">, result: string, because: string | null = null) => sql`
  update holdpoint.effect
  set status = 'receipt', result = ${result}, error = null, receipt_at = holdpoint.now(), settled_because = ${because}::text
  where tenant_id = ${at.tenant_id} and thread_id = ${at.thread_id} and effect_id = ${at.effect_id}::uuid
    and status = 'intent' and attempt = ${at.attempt}::int`;

/** What went wrong in the last attempt, and what that leaves: the intent, where nobody knows if it happened. */
export const noteEffectError = (at: Omit<EffectAt, "status">, error: string, left: "intent" | "not_done") => sql`
  update holdpoint.effect set error = ${error}, status = ${left}
  where tenant_id = ${at.tenant_id} and thread_id = ${at.thread_id} and effect_id = ${at.effect_id}::uuid
    and status = 'intent' and attempt = ${at.attempt}::int`;

/** The end of an attempt that a person has given up. */
export const giveUpEffect = (at: Omit<EffectAt, "status">, because: string) => sql`
  update holdpoint.effect set status = 'failed', settled_because = ${because}
  where tenant_id = ${at.tenant_id} and thread_id = ${at.thread_id} and effect_id = ${at.effect_id}::uuid
    and status = 'intent' and attempt = ${at.attempt}::int`;

/** Calls back what is held; no row when it is not held any more. */
export const recallHeld = (
  tenant_id: string,
  thread_id: string,
  effect_id: string,
  by: string,
  because: string,
) => sql<{
  run_id: string;
  name: string;
}>`
  update holdpoint.effect set status = 'recalled', settled_by = ${by}, settled_because = ${because}
  where tenant_id = ${tenant_id} and thread_id = ${thread_id} and effect_id = ${effect_id}::uuid and status = 'held'
  returning run_id, name`;

/** What a run has begun outside, in order; of very many the first ones. */
export const effectsOfRun = ({
  tenant_id,
  thread_id,
  run_id,
}: {
  tenant_id: string;
  thread_id: string;
  run_id: string;
}) => sql<EffectRow>`
  select ${EFFECT} from holdpoint.effect
  where tenant_id = ${tenant_id} and thread_id = ${thread_id} and run_id = ${run_id}::uuid
  order by intent_at, effect_id limit 100`;

/** What was done outside on a thread. */
export const effectsOfThread = (tenant_id: string, thread_id: string) => sql<EffectRow>`
  select ${EFFECT} from holdpoint.effect
  where tenant_id = ${tenant_id} and thread_id = ${thread_id}
  order by intent_at`;
