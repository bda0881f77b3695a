import { HoldpointError } from "../protocol/errors.ts";
import type { Database, Queryable, Transaction } from "./database.ts";
import {
  deleteIdempotencyKey,
  deleteOldIdempotencyKeys,
  insertIdempotencyKey,
  type KeyOwner,
  type KeyRow,
  lockIdempotencyKey,
  selectIdempotencyKey,
} from "./idempotency.sql.ts";
import { type RunRow, selectRunById } from "./runs.sql.ts";
import type { Statement } from "./sql.ts";

// A request that carries a key is done once. The key's row is written in the transaction that makes what was asked for,
// so that there is never one without the other, and a refusal, which makes nothing, leaves none.
//
// Its lock is an advisory lock on tenant, principal and key, taken before every other lock: before the thread's, because
// requests with one key may be about two threads, or about threads that have no name yet, and no thread's lock would make
// one of them wait. No deadlock can come of it: whoever holds a thread's lock never asks for a key's, and nobody asks for
// two. A transaction without a key takes none of this and sends nothing more.

/** How long a key is kept at least, on the database's clock. */
export const KEPT_HOURS = 24;
const SWEEP_LIMIT = 1_000;

/** A request that its sender has given a key: sent again, it means what it meant the first time. */
export interface KeyedRequest extends KeyOwner {
  /** Over the method, the path and the body. */
  request_digest: string;
}

/** What a request has made: a run, or a thread alone. */
export interface Started {
  thread_id: string;
  run_id: string | null;
}

/** What an equal request with this key has made, once that is committed. Throws `idempotency_key_reused`. */
export async function findStarted(queryable: Queryable, request: KeyedRequest): Promise<Started | undefined> {
  const row = await queryable.maybeOne(selectIdempotencyKey(request, KEPT_HOURS));
  return row === undefined || row.is_over ? undefined : sameRequest(request, row);
}

/**
 * Takes the key's lock, as the first lock of a transaction, and gives what an equal request has made before, if any.
 * Throws `idempotency_key_reused`.
 */
export async function takeKey(tx: Transaction, request: KeyedRequest | undefined): Promise<Started | undefined> {
  if (request === undefined) return undefined;
  // Two statements: one that locks and reads at once has a snapshot older than the lock.
  const [, [row]] = await tx.pipeline([lockIdempotencyKey(request), selectIdempotencyKey(request, KEPT_HOURS)]);
  if (row === undefined) return undefined;
  if (!row.is_over) return sameRequest(request, row);
  await tx.run(deleteIdempotencyKey(request));
  return undefined;
}

/** The statement that keeps what was made under the key; none when there is no key. */
export function keepKey(request: KeyedRequest | undefined, { thread_id, run_id }: Started): Statement[] {
  if (request === undefined) return [];
  return [insertIdempotencyKey(request, { request_digest: request.request_digest, thread_id, run_id })];
}

/** The run that an earlier request has started. Throws `not_found` when it is gone: it is not started a second time. */
export async function startedRun(queryable: Queryable, tenant_id: string, { run_id }: Started): Promise<RunRow> {
  const run = run_id === null ? undefined : await queryable.maybeOne(selectRunById(tenant_id, run_id));
  if (run !== undefined) return run;
  throw new HoldpointError("not_found", `the run that was started with this Idempotency-Key (${run_id}) is gone`);
}

/** Removes keys that are too old, a bounded number at a time; gives how many. */
export async function sweepIdempotencyKeys(database: Database): Promise<number> {
  return await database.run(deleteOldIdempotencyKeys(KEPT_HOURS, SWEEP_LIMIT));
}

function sameRequest(request: KeyedRequest, row: KeyRow): Started {
  if (row.request_digest === request.request_digest) return { thread_id: row.thread_id, run_id: row.run_id };
  throw new HoldpointError(
    "idempotency_key_reused",
    `Idempotency-Key ${request.idempotency_key} was used for another request in the last ${KEPT_HOURS} hours; ` +
      "send the same method, path and body again, or another key",
  );
}
