// Effects over all threads, newest first: where each stands, and what it waits for.
import { type AccessFilter, EVERYTHING } from "../policy/access-filter.ts";
import type { EffectKind, EffectStatus } from "../protocol/effect.ts";
import { columns, sql } from "./sql.ts";

/** An effect as it is listed. */
export interface ListedEffect {
  effect_id: string;
  name: string;
  kind: EffectKind;
  status: EffectStatus;
  call_key: string;
  thread_id: string;
  /** The run of the last attempt. */
  run_id: string;
  graph_id: string | null;
  attempt: number;
  intent_at: string;
  /** When the last attempt was started; null before the first. */
  started_at: string | null;
  held_until: string | null;
  not_after: string;
  receipt_at: string | null;
  error: string | null;
  settled_by: string | null;
  settled_because: string | null;
  /** The open review that asks what became of it. */
  review_id: string | null;
}

/** An effect with what it was given, without what is kept secret, and what it gave. */
export interface ShownEffect extends ListedEffect {
  checkpoint_ns: string;
  checkpoint_id: string;
  task_id: string;
  args: string;
  result: string | null;
}

/** Which effects to list; null: any. `after` is the last one of the page before. */
export interface EffectFilter {
  status: EffectStatus | null;
  name: string | null;
  after: string | null;
  limit: number;
  /** Those of which threads may be seen. */
  seen: AccessFilter;
}

const LISTED = columns`e.effect_id, e.name, e.kind, e.status, e.call_key, e.thread_id, e.run_id,
  (select r.graph_id from holdpoint.run r where r.tenant_id = e.tenant_id and r.run_id = e.run_id) as graph_id,
  e.attempt, e.intent_at, case when e.attempt > 0 then coalesce(e.started_at, e.intent_at) end as started_at, e.held_until,
  e.not_after, e.receipt_at, e.error, e.settled_by, e.settled_because,
  case when e.status = 'intent' then (
    select v.id from holdpoint.review v
    where v.tenant_id = e.tenant_id and v.thread_id = e.thread_id and v.status in ('open', 'info_requested')
      and strpos(v.value, e.effect_id::text) > 0
    order by v.opened_at limit 1) end as review_id`;
// "case when … then true": Postgres supposes of a containment that hardly any row meets it, and would read all threads first.
const OF_THREAD = columns`exists (
    select 1 from holdpoint.thread t
    where t.tenant_id = e.tenant_id and t.thread_id = e.thread_id and t.deleted_at is null and case when t.metadata @>`;
const IS_SEEN = columns`then true else false end)`;

/** Effects of all threads, newest first. */
export const newestEffects = (tenant_id: string, filter: EffectFilter) => sql<ListedEffect>`
  select ${LISTED}
  from holdpoint.effect e
  where e.tenant_id = ${tenant_id}
    and (${filter.status}::text is null or e.status = ${filter.status})
    and (${filter.name}::text is null or e.name = ${filter.name})
    and (${filter.after}::uuid is null or (e.intent_at, e.effect_id) < (
      select a.intent_at, a.effect_id from holdpoint.effect a
      where a.tenant_id = ${tenant_id} and a.effect_id = ${filter.after}::uuid))
    and ${OF_THREAD} ${JSON.stringify(filter.seen ?? EVERYTHING)}::jsonb ${IS_SEEN}
  order by e.intent_at desc, e.effect_id desc
  limit ${filter.limit}::int`;

/** The same of one thread, or of one run on it. */
export const newestEffectsOfThread = (
  tenant_id: string,
  filter: EffectFilter & { thread_id: string; run_id: string | null },
) => sql<ListedEffect>`
  select ${LISTED}
  from holdpoint.effect e
  where e.tenant_id = ${tenant_id} and e.thread_id = ${filter.thread_id}
    and (${filter.run_id}::uuid is null or e.run_id = ${filter.run_id}::uuid)
    and (${filter.status}::text is null or e.status = ${filter.status})
    and (${filter.name}::text is null or e.name = ${filter.name})
    and (${filter.after}::uuid is null or (e.intent_at, e.effect_id) < (
      select a.intent_at, a.effect_id from holdpoint.effect a
      where a.tenant_id = ${tenant_id} and a.effect_id = ${filter.after}::uuid))
    and ${OF_THREAD} ${JSON.stringify(filter.seen ?? EVERYTHING)}::jsonb ${IS_SEEN}
  order by e.intent_at desc, e.effect_id desc
  limit ${filter.limit}::int`;

/** Effects whose id lies between two, both included: those whose id has a beginning. */
export const effectsBetween = (
  tenant_id: string,
  first: string,
  last: string,
  limit: number,
  seen: AccessFilter = EVERYTHING,
) => sql<ListedEffect>`
  select ${LISTED}
  from holdpoint.effect e
  where e.tenant_id = ${tenant_id} and e.effect_id between ${first}::uuid and ${last}::uuid
    and ${OF_THREAD} ${JSON.stringify(seen)}::jsonb ${IS_SEEN}
  order by e.intent_at desc, e.effect_id desc
  limit ${limit}::int`;

/** One effect. */
export const selectEffect = (tenant_id: string, effect_id: string) => sql<ShownEffect>`
  select ${LISTED}, e.checkpoint_ns, e.checkpoint_id::text, e.task_id, e.args, e.result
  from holdpoint.effect e
  where e.tenant_id = ${tenant_id} and e.effect_id = ${effect_id}::uuid`;
