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

/** A review's chain, first link first. */
export const reviewAudit = (tenant_id: string, review_id: string) => sql<AuditRow>`
  select tenant_id, audit_seq, kind, at, principal_id, thread_id, run_id, review_id, review_seq, body,
    encode(prev_hash, 'hex') as prev_hash, encode(hash, 'hex') as hash
  from holdpoint.audit
  where tenant_id = ${tenant_id} and review_id = ${review_id}::uuid
  order by review_seq`;
