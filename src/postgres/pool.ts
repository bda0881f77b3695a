import pg from "pg";

/** What `pg.Pool` takes, and who is told of a lost connection. */
export interface PoolOptions extends pg.PoolConfig {
  /** Called when an idle connection is lost; the pool replaces it. */
  onError?: (error: Error) => void;
}

/**
 * Opens a pool whose connections can be lost at any moment without ending the process. pg emits `error` on a client
 * that is idle, held between two statements or on its way out, and an `error` that nobody listens to is an uncaught
 * exception. A statement under way is rejected whatever happens here.
 */
export function openPool({ onError, ...config }: PoolOptions): pg.Pool {
  return guardPool(new pg.Pool(config), onError);
}

const guarded = new WeakSet<pg.Pool>();

/** The statement under way, or the next one, is rejected with the same error. */
const ignore = () => {};

/** Makes a pool that somebody else created as safe, once; what it does about errors already stays. */
export function guardPool(pool: pg.Pool, onError: (error: Error) => void = ignore): pg.Pool {
  if (guarded.has(pool)) return pool;
  guarded.add(pool);
  pool.on("error", onError);
  pool.on("connect", (client) => client.on("error", ignore));
  return pool;
}
