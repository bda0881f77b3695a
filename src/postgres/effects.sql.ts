import { columns, sql } from "./sql.ts";

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
  kind: "read" | "idempotent" | "once";
  status: "intent" | "receipt" | "failed";
  args: string;
  args_digest: string;
  attempt: number;
  not_after: string;
  result: string | null;
  error: string | null;
  intent_at: string;
  receipt_at: string | null;
}

const EFFECT = columns`effect_id, thread_id, run_id, checkpoint_ns, checkpoint_id, task_id, call_key, name, kind, status, args,
  args_digest, attempt, not_after, result, error, intent_at, receipt_at`;

/** Writes the intent; no row when this call of this task already has one. */
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
  kind: string;
  args: string;
  args_digest: string;
  timeoutMs: number;
}) => sql<EffectRow>`
  insert into holdpoint.effect (tenant_id, thread_id, effect_id, run_id, checkpoint_ns, checkpoint_id, task_id, call_key, name, kind,
    args, args_digest, not_after)
  values (${effect.tenant_id}, ${effect.thread_id}, ${effect.effect_id}::uuid, ${effect.run_id}::uuid, ${effect.checkpoint_ns},
    ${effect.checkpoint_id}::uuid, ${effect.task_id}, ${effect.call_key}, ${effect.name}, ${effect.kind}, ${effect.args},
    ${effect.args_digest}, holdpoint.now() + make_interval(secs => ${effect.timeoutMs}::float8 / 1000))
  on conflict (thread_id, checkpoint_ns, checkpoint_id, task_id, call_key) do nothing
  returning ${EFFECT}`;

/** The effect of one call of one task, locked. */
export const effectForUpdate = (
  tenant_id: string,
  thread_id: string,
  checkpoint_ns: string,
  checkpoint_id: string,
  task_id: string,
  call_key: string,
) => sql<EffectRow>`
  select ${EFFECT} from holdpoint.effect
  where tenant_id = ${tenant_id} and thread_id = ${thread_id} and checkpoint_ns = ${checkpoint_ns}
    and checkpoint_id = ${checkpoint_id}::uuid and task_id = ${task_id} and call_key = ${call_key}
  for no key update`;

/** Another attempt at an effect that may be repeated. */
export const repeatIntent = (
  tenant_id: string,
  thread_id: string,
  effect_id: string,
  run_id: string,
  timeoutMs: number,
) => sql<EffectRow>`
  update holdpoint.effect
  set attempt = attempt + 1, run_id = ${run_id}::uuid, not_after = holdpoint.now() + make_interval(secs => ${timeoutMs}::float8 / 1000)
  where tenant_id = ${tenant_id} and thread_id = ${thread_id} and effect_id = ${effect_id}::uuid and status = 'intent'
  returning ${EFFECT}`;

/** The receipt: from now on a re-run gets this and nothing is executed. */
export const writeReceipt = (tenant_id: string, thread_id: string, effect_id: string, result: string) => sql`
  update holdpoint.effect
  set status = 'receipt', result = ${result}, error = null, receipt_at = holdpoint.now()
  where tenant_id = ${tenant_id} and thread_id = ${thread_id} and effect_id = ${effect_id}::uuid and status = 'intent'`;

/** What went wrong in the last attempt; the intent stays. */
export const noteEffectError = (tenant_id: string, thread_id: string, effect_id: string, error: string) => sql`
  update holdpoint.effect set error = ${error}
  where tenant_id = ${tenant_id} and thread_id = ${thread_id} and effect_id = ${effect_id}::uuid and status = 'intent'`;

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
