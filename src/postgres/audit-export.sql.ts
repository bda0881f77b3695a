import { type AccessFilter, EVERYTHING } from "../policy/access-filter.ts";
import type { AuditedReview } from "../protocol/audit.ts";
import { sql } from "./sql.ts";

const LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff";

/**
 * The records of reviews in the order of their ids, in one statement: so that nothing that is written meanwhile makes a
 * chain and the rows it speaks of look as if they did not fit. Whatever a link says of its tenant, it is shown where its
 * review belongs; a link of no review where it says it belongs. A moment that is finer than ours is shown as it is.
 * One review is asked for by a range of ids, so that it is not looked for among all.
 */
export const auditPage = (
  tenant_id: string,
  wanted: {
    after: string;
    review_id: string | null;
    since_s: number | null;
    since_at: string | null;
    limit: number;
    /** Of which threads the records may be seen; also those of no thread and of what is gone, where that is all. */
    seen?: AccessFilter | undefined;
  },
) => sql<AuditedReview>`
  with since as (
    select coalesce(${wanted.since_at}::timestamptz, holdpoint.now() - make_interval(secs => ${wanted.since_s}::float8)) as at
  ), page as (
    select id from (
      (select v.id from holdpoint.review v, since
       where v.tenant_id = ${tenant_id} and v.id <> ${wanted.after}::uuid
         and v.id between coalesce(${wanted.review_id}::uuid, ${wanted.after}::uuid)
           and coalesce(${wanted.review_id}::uuid, ${LAST_ID}::uuid)
         and (since.at is null or v.opened_at >= since.at
           or exists (select 1 from holdpoint.audit a where a.review_id = v.id and a.at >= since.at))
         and (${JSON.stringify(wanted.seen ?? EVERYTHING)}::jsonb = '{}' or exists (
           select 1 from holdpoint.thread t
           where t.tenant_id = v.tenant_id and t.thread_id = v.thread_id and t.deleted_at is null
             and case when t.metadata @> ${JSON.stringify(wanted.seen ?? EVERYTHING)}::jsonb then true else false end))
       order by v.id limit ${wanted.limit}::int)
      union
      (select distinct a.review_id from holdpoint.audit a, since
       where a.tenant_id = ${tenant_id} and a.review_id <> ${wanted.after}::uuid
         and a.review_id between coalesce(${wanted.review_id}::uuid, ${wanted.after}::uuid)
           and coalesce(${wanted.review_id}::uuid, ${LAST_ID}::uuid)
         and (since.at is null or a.at >= since.at) and ${JSON.stringify(wanted.seen ?? EVERYTHING)}::jsonb = '{}'
       order by a.review_id limit ${wanted.limit}::int)
    ) ids order by id limit ${wanted.limit}::int
  )
  select p.id as review_id,
    case when v.id is null then null else json_build_object('id', v.id, 'status', v.status, 'thread_id', v.thread_id,
      'run_id', v.run_id, 'resume_run_id', v.resume_run_id, 'value', v.value, 'actions', v.actions, 'policy', v.policy,
      'value_digest', v.value_digest, 'policy_digest', v.policy_digest, 'request_digest', v.request_digest) end as review,
    (select coalesce(json_agg(json_build_object('tenant_id', a.tenant_id, 'audit_seq', a.audit_seq, 'review_id', a.review_id,
        'review_seq', a.review_seq, 'kind', a.kind, 'at', coalesce(regexp_replace(
          to_char(a.at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '000Z$', 'Z'), a.at::text),
        'principal_id', a.principal_id, 'thread_id', a.thread_id, 'run_id', a.run_id, 'body', a.body,
        'prev_hash', encode(a.prev_hash, 'hex'), 'hash', encode(a.hash, 'hex')) order by a.review_seq), '[]')
     from holdpoint.audit a
     where a.review_id = p.id and (v.id is not null or a.tenant_id = ${tenant_id})) as links,
    (select coalesce(json_agg(json_build_object('id', d.id, 'principal_id', d.principal_id, 'channel', d.channel,
        'decisions', d.decisions, 'decisions_digest', d.decisions_digest, 'comment', d.comment, 'reason_code', d.reason_code,
        'diff', d.diff, 'binding', d.binding) order by d.seq), '[]')
     from holdpoint.decision d where d.review_id = v.id) as decisions,
    (select coalesce(json_agg(json_build_object('effect_id', e.effect_id, 'run_id', e.run_id, 'name', e.name, 'kind', e.kind,
        'status', e.status, 'args', e.args, 'args_digest', e.args_digest, 'result', e.result) order by e.intent_at), '[]')
     from holdpoint.effect e
     where e.tenant_id = ${tenant_id} and e.thread_id = v.thread_id and exists (
       select 1 from holdpoint.audit a
       where a.review_id = v.id and a.kind in ('closed', 'resume_failed', 'stale')
         and strpos(a.body, e.effect_id::text) > 0)) as effects
  from page p left join holdpoint.review v on v.id = p.id and v.tenant_id = ${tenant_id}
  order by p.id`;
