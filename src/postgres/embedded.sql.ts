import { sql } from "./sql.ts";

// Whoever uses the server holds this lock shared, in a session; who gets it exclusively is the last one out.
const HOLDER_LOCK = 8_123_471;

/** Not a statement function: it cannot be prepared. */
export const CREATE_DATABASE = "create database holdpoint";

/** Notes that this session uses the server. Goes with the process, however it ends. */
export const holdServer = () => sql`select pg_catalog.pg_advisory_lock_shared(${HOLDER_LOCK}::bigint)`;

/** Ends that use. */
export const unholdServer = () => sql`select pg_catalog.pg_advisory_unlock_shared(${HOLDER_LOCK}::bigint)`;

/** True if nobody else uses the server. */
export const isLastHolder = () =>
  sql<{ is_last: boolean }>`select pg_catalog.pg_try_advisory_lock(${HOLDER_LOCK}::bigint) as is_last`;
