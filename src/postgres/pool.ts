import pg from "pg";
import { createSilenceWatch } from "./silence.ts";

/** What `pg.Pool` takes, and who is told of a lost connection. */
export interface PoolOptions extends pg.PoolConfig {
  /** Called when an idle connection is lost; the pool replaces it. */
  onError?: (error: Error) => void;
  /** How long a statement goes without a byte before it is asked whether anybody works on it; default 5 s. */
  silentMs?: number;
}

// A server or a proxy that takes a connection and then says nothing.
const CONNECT_MS = 10_000;
// Longer, because a crowd is served in turn; still an end, because whoever keeps a connection may keep it for ever.
const TURN_MS = 60_000;
const KEEP_ALIVE_MS = 10_000;

/** How to reach Postgres without waiting for ever for one that is not there. */
export const PATIENT_CONNECTION = {
  connectionTimeoutMillis: CONNECT_MS,
  keepAlive: true,
  keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
} as const satisfies pg.ClientConfig;

/**
 * Opens a pool whose connections can be lost at any moment without ending the process or leaving anybody waiting. pg
 * emits `error` on a client that is idle, held between two statements or on its way out, and an `error` that nobody
 * listens to is an uncaught exception. A statement under way is rejected whatever happens here.
 */
export function openPool({ onError, silentMs, ...config }: PoolOptions): pg.Pool {
  const connection = { ...PATIENT_CONNECTION, ...config };
  const pool = new pg.Pool({
    ...connection,
    connectionTimeoutMillis: config.connectionTimeoutMillis ?? TURN_MS,
    // The pool knows one time-out, for a turn and for a connection.
    Client: createClientClass(connection.connectionTimeoutMillis),
  });
  return guardPool(pool, { onError, silentMs });
}

const createClientClass = (connectionTimeoutMillis: number) =>
  function createClient(options: pg.ClientConfig) {
    return new pg.Client({ ...options, connectionTimeoutMillis });
  } as unknown as new () => pg.ClientBase;

const guarded = new WeakSet<pg.Pool>();

/** The statement under way, or the next one, is rejected with the same error. */
const ignore = () => {};

/** Makes a pool that somebody else created as safe, once; what it does about errors already stays. */
export function guardPool(
  pool: pg.Pool,
  { onError = ignore, silentMs }: { onError?: PoolOptions["onError"]; silentMs?: number | undefined } = {},
): pg.Pool {
  if (guarded.has(pool)) return pool;
  guarded.add(pool);
  pool.on("error", onError);
  // The pool hides its password from whoever copies its options.
  const { password } = pool.options;
  const watchSilence = createSilenceWatch(
    { ...pool.options, ...(password === undefined ? {} : { password }) },
    silentMs,
  );
  pool.on("connect", (client) => {
    client.on("error", ignore);
    watchSilence(client);
  });
  return pool;
}
