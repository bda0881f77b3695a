import { sql } from "./sql.ts";

/** Whose key it is: everybody has keys of their own. */
export interface KeyOwner {
  tenant_id: string;
  principal_id: string;
  idempotency_key: string;
}

/** What is kept of a key. */
export interface KeyRow {
  request_digest: string;
  thread_id: string;
  run_id: string | null;
  /** The key is free again: it is too old, or what it stood for was answered with a refusal. */
  is_over: boolean;
}

/** The key's lock, before every other. JSON, because either part may hold any separator. */
export const lockIdempotencyKey = ({ tenant_id, principal_id, idempotency_key }: KeyOwner) => sql`
  select pg_advisory_xact_lock(hashtextextended('holdpoint:idempotency:' ||
    ${JSON.stringify([tenant_id, principal_id, idempotency_key])}::text, 0))`;

/** What an earlier request with this key has made. An edit or a copy that did not succeed was refused, though it was a run. */
export const selectIdempotencyKey = (owner: KeyOwner, keptHours: number) => sql<KeyRow>`
  select k.request_digest, k.thread_id, k.run_id,
    k.created_at <= holdpoint.now() - make_interval(hours => ${keptHours}::int)
      or coalesce(r.kind in ('state_update', 'copy') and r.status in ('error', 'timeout', 'interrupted'), false) as is_over
  from holdpoint.idempotency_key k
  left join holdpoint.run r on r.tenant_id = k.tenant_id and r.run_id = k.run_id
  where k.tenant_id = ${owner.tenant_id} and k.principal_id = ${owner.principal_id}
    and k.idempotency_key = ${owner.idempotency_key}`;

/** Keeps what a request has made. A key that is taken is an error of the database: the lock was not held. */
export const insertIdempotencyKey = (
  owner: KeyOwner,
  row: { request_digest: string; thread_id: string; run_id: string | null },
) => sql`
  insert into holdpoint.idempotency_key (tenant_id, principal_id, idempotency_key, request_digest, thread_id, run_id)
  values (${owner.tenant_id}, ${owner.principal_id}, ${owner.idempotency_key}, ${row.request_digest}, ${row.thread_id},
    ${row.run_id}::uuid)`;

/** Frees a key. */
export const deleteIdempotencyKey = (owner: KeyOwner) => sql`
  delete from holdpoint.idempotency_key
  where tenant_id = ${owner.tenant_id} and principal_id = ${owner.principal_id}
    and idempotency_key = ${owner.idempotency_key}`;

/** Removes some of the keys that are too old, of every tenant; those that somebody is freeing just now are left to them. */
export const deleteOldIdempotencyKeys = (keptHours: number, limit: number) => sql`
  delete from holdpoint.idempotency_key
  where (tenant_id, principal_id, idempotency_key) in (
    select tenant_id, principal_id, idempotency_key from holdpoint.idempotency_key
    where created_at <= holdpoint.now() - make_interval(hours => ${keptHours}::int)
    order by created_at
    limit ${limit}::int
    for update skip locked)`;

/** The newest root checkpoint that a run has written. */
export const selectCheckpointOfRun = (tenant_id: string, thread_id: string, run_id: string) => sql<{
  checkpoint_id: string;
}>`
  select checkpoint_id::text from holdpoint.checkpoint
  where tenant_id = ${tenant_id} and thread_id = ${thread_id} and run_id = ${run_id}::uuid and checkpoint_ns = ''
    and not remnant
  order by checkpoint_id desc limit 1`;
