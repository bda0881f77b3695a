// What a process is made of: its runs with their attempts, its questions with their answers, what it did outside.
import type { EffectStatus } from "../protocol/effect.ts";
import type { RunKind, RunStatus } from "../protocol/run.ts";
import { sql } from "./sql.ts";

/** One run of a process. */
export interface PartRow {
  run_id: string;
  kind: RunKind;
  status: RunStatus;
  principal_id: string;
  started_by: string;
  metadata: Record<string, unknown>;
  priority: number;
  timeout_seconds: number | null;
  cancel_action: string | null;
  cancelled_by: string | null;
  created_at: string;
  due_at: string;
  started_at: string | null;
  ended_at: string | null;
  /** `{error, message}` as JSON. */
  error: string | null;
  attempts: {
    attempt: number;
    worker_id: string;
    started_at: string;
    ended_at: string | null;
    outcome: string | null;
    error_class: string | null;
  }[];
  /** What it was given and what came of it, as JSON; null where it is longer than was asked for. */
  input: string | null;
  input_bytes: number;
  output: string | null;
  output_bytes: number;
}

/** The runs of a process, oldest first; of what they were given and gave no more than `bytes`. */
export const partsOfProcess = (tenant_id: string, run_ids: readonly string[], bytes: number) => sql<PartRow>`
  select r.run_id, r.kind, r.status, r.principal_id, coalesce(p.display_name, r.principal_id) as started_by, r.metadata,
    r.priority, r.timeout_seconds, r.cancel_action, r.cancelled_by, r.created_at, greatest(r.created_at, r.not_before) as due_at,
    r.started_at, r.ended_at, r.error,
    coalesce((
      select jsonb_agg(jsonb_build_object('attempt', a.attempt, 'worker_id', a.worker_id, 'started_at', a.started_at,
        'ended_at', a.ended_at, 'outcome', a.outcome, 'error_class', a.error_class) order by a.attempt)
      from holdpoint.run_attempt a where a.tenant_id = r.tenant_id and a.run_id = r.run_id), '[]') as attempts,
    case when octet_length(r.kwargs) <= ${bytes}::int then r.kwargs end as input, octet_length(r.kwargs) as input_bytes,
    case when octet_length(r.output) <= ${bytes}::int then r.output end as output,
    coalesce(octet_length(r.output), 0) as output_bytes
  from holdpoint.run r
    left join holdpoint.principal p on p.tenant_id = r.tenant_id and p.principal_id = r.principal_id
  where r.tenant_id = ${tenant_id} and r.run_id = any(${run_ids}::uuid[])
  order by r.queue_seq`;

/** A question of a process, and who answered it. */
export interface AskedRow {
  id: string;
  run_id: string;
  resume_run_id: string | null;
  title: string;
  node: string;
  checkpoint_id: string;
  status: string;
  outcome: string | null;
  status_reason: string | null;
  risk: string | null;
  opened_at: string;
  due_at: string | null;
  decided_at: string | null;
  closed_at: string | null;
  decided_by: string | null;
}

/** The questions of some runs, oldest first, and who answered them; not what was shown or said. */
export const questionsAsked = (tenant_id: string, run_ids: readonly string[]) => sql<AskedRow>`
  select v.id, v.run_id, v.resume_run_id, v.title, v.node, v.checkpoint_id::text, v.status, v.outcome, v.status_reason, v.risk,
    v.opened_at, v.due_at, v.decided_at, v.closed_at,
    (select coalesce(p.display_name, d.principal_id)
      from holdpoint.decision d
        left join holdpoint.principal p on p.tenant_id = d.tenant_id and p.principal_id = d.principal_id
      where d.tenant_id = v.tenant_id and d.review_id = v.id
      order by d.seq desc
      limit 1) as decided_by
  from holdpoint.review v
  where v.tenant_id = ${tenant_id} and v.run_id = any(${run_ids}::uuid[])
  order by v.opened_at, v.id`;

/** What was begun outside; arguments and result as JSON, null where they are longer than was asked for. */
export interface DoneRow {
  effect_id: string;
  run_id: string;
  checkpoint_id: string;
  task_id: string;
  call_key: string;
  name: string;
  kind: "read" | "idempotent" | "once";
  status: EffectStatus;
  attempt: number;
  args: string | null;
  args_bytes: number;
  result: string | null;
  result_bytes: number;
  error: string | null;
  intent_at: string;
  receipt_at: string | null;
}

/** What some runs of a thread have begun outside, in order, so many at most. */
export const effectsOfRuns = (
  tenant_id: string,
  thread_id: string,
  run_ids: readonly string[],
  most: { bytes: number; rows: number },
) => sql<DoneRow>`
  select e.effect_id, e.run_id, e.checkpoint_id::text, e.task_id, e.call_key, e.name, e.kind, e.status, e.attempt,
    case when octet_length(e.args) <= ${most.bytes}::int then e.args end as args, octet_length(e.args) as args_bytes,
    case when octet_length(e.result) <= ${most.bytes}::int then e.result end as result,
    coalesce(octet_length(e.result), 0) as result_bytes, e.error, e.intent_at, e.receipt_at
  from holdpoint.effect e
  where e.tenant_id = ${tenant_id} and e.thread_id = ${thread_id} and e.run_id = any(${run_ids}::uuid[])
  order by e.intent_at, e.effect_id
  limit ${most.rows}::int`;
