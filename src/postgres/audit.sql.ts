import { sql } from "./sql.ts";

/** A row of the audit log. */
export interface AuditRow {
  tenant_id: string;
  audit_seq: number;
  kind: string;
  at: string;
  principal_id: string;
  thread_id: string | null;
  run_id: string | null;
  review_id: string | null;
  review_seq: number | null;
  body: string;
  prev_hash: string | null;
  hash: string | null;
}

/** The last link of a review's chain. */
export interface ChainEnd {
  review_id: string;
  review_seq: number;
  hash: string;
}

/** A row about a run: no hash in the transaction, which would cost the queue a factor of four. */
export const insertRunAudit = (row: {
  tenant_id: string;
  kind: string;
  principal_id: string;
  thread_id: string;
  run_id: string | null;
  body: string;
}) => sql`
  insert into holdpoint.audit (tenant_id, kind, at, principal_id, thread_id, run_id, body)
  values (${row.tenant_id}, ${row.kind}, holdpoint.now(), ${row.principal_id}, ${row.thread_id}, ${row.run_id}::uuid, ${row.body})`;

/** Where the chains of some reviews end; their rows are locked by the caller. No row for a chain that has no link yet. */
export const reviewChainEnds = (tenant_id: string, review_ids: readonly string[]) => sql<ChainEnd>`
  select distinct on (review_id) review_id, review_seq, encode(hash, 'hex') as hash
  from holdpoint.audit
  where tenant_id = ${tenant_id} and review_id = any(${review_ids}::uuid[])
  order by review_id, review_seq desc`;

/** One link of a review's chain. */
export const insertReviewAudit = (row: {
  tenant_id: string;
  kind: string;
  at: string;
  principal_id: string;
  thread_id: string;
  run_id: string | null;
  review_id: string;
  review_seq: number;
  body: string;
  prev_hash: string;
  hash: string;
}) => sql`
  insert into holdpoint.audit (tenant_id, kind, at, principal_id, thread_id, run_id, review_id, review_seq, body, prev_hash, hash)
  values (${row.tenant_id}, ${row.kind}, ${row.at}::timestamptz, ${row.principal_id}, ${row.thread_id}, ${row.run_id}::uuid,
    ${row.review_id}::uuid, ${row.review_seq}::int, ${row.body}, decode(${row.prev_hash}, 'hex'), decode(${row.hash}, 'hex'))`;

/**
 * The same, and in the same statement what somebody is told of it: the review's own targets and those of the whole server,
 * each once. So there is something to deliver exactly when the link is committed.
 */
export const insertReviewAuditAndTell = (
  row: Parameters<typeof insertReviewAudit>[0],
  told: { event: string; run_id: string; body: string; webhooks: readonly string[]; mail: readonly string[] },
) => sql`
  with link as (
    insert into holdpoint.audit (tenant_id, kind, at, principal_id, thread_id, run_id, review_id, review_seq, body, prev_hash, hash)
    values (${row.tenant_id}, ${row.kind}, ${row.at}::timestamptz, ${row.principal_id}, ${row.thread_id}, ${row.run_id}::uuid,
      ${row.review_id}::uuid, ${row.review_seq}::int, ${row.body}, decode(${row.prev_hash}, 'hex'), decode(${row.hash}, 'hex'))
    returning tenant_id, thread_id, review_id
  ), target as (
    select 'webhook' as channel, url from unnest(${told.webhooks}::text[]) as url
    union
    select 'webhook', url from holdpoint.setting s, string_to_table(s.value, chr(10)) as url where s.name = 'review_webhooks'
    union
    select 'mail', url from unnest(${told.mail}::text[]) as url
  )
  insert into holdpoint.delivery (tenant_id, channel, event, thread_id, run_id, review_id, url, body)
  select l.tenant_id, t.channel, ${told.event}, l.thread_id, ${told.run_id}::uuid, l.review_id, t.url, ${told.body}
  from link l cross join target t`;

/** Says which webhooks of the whole server are told of reviews: each process that starts says it for all. */
export const keepReviewWebhooks = (urls: readonly string[]) => sql`
  insert into holdpoint.setting (name, value) values ('review_webhooks', array_to_string(${urls}::text[], chr(10)))
  on conflict (name) do update set value = excluded.value where setting.value <> excluded.value`;

/** A review's chain, first link first. */
export const reviewAudit = (tenant_id: string, review_id: string) => sql<AuditRow>`
  select tenant_id, audit_seq, kind, at, principal_id, thread_id, run_id, review_id, review_seq, body,
    encode(prev_hash, 'hex') as prev_hash, encode(hash, 'hex') as hash
  from holdpoint.audit
  where tenant_id = ${tenant_id} and review_id = ${review_id}::uuid
  order by review_seq`;
