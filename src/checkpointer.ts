import type pg from "pg";
import { HoldpointSaver as PostgresSaver } from "./postgres/checkpointer/saver.ts";
import { openStore } from "./postgres/checkpointer/store.ts";
import { notConnected } from "./postgres/connection-error.ts";
import { openDatabase } from "./postgres/database.ts";
import { migrateOver } from "./postgres/migrate.ts";

export type { FencedSaver, SaverLease } from "./postgres/checkpointer/fenced-saver.ts";

/** How the saver uses its connections. */
export interface PoolOptions {
  /** False behind PgBouncer in transaction mode before 1.21, where named statements break. */
  prepare?: boolean;
  /** How much text of the newest checkpoints is kept in memory; default 64 MB. */
  headCacheBytes?: number;
}

/** How the saver connects. */
export interface ConnectOptions extends PoolOptions {
  /** Connections at most; default 10. */
  max?: number;
}

/** A LangGraph checkpointer on Postgres that can create its tables. */
export class HoldpointSaver extends PostgresSaver {
  readonly #pool: pg.Pool;
  readonly #close: () => Promise<void>;

  private constructor(pool: pg.Pool, options: PoolOptions, close: () => Promise<void>) {
    super(openStore({ pool, ...options }));
    this.#pool = pool;
    this.#close = close;
  }

  /** Connects on first use. Call `setup()` once before that on a new database. */
  static fromConnString(url: string, { max, ...options }: ConnectOptions = {}): HoldpointSaver {
    const database = openDatabase({ url, ...options, ...(max === undefined ? {} : { max }) });
    return new HoldpointSaver(database.pool, options, () => database.close());
  }

  /** Uses a pool of yours, which `end()` leaves open. */
  static fromPool(pool: pg.Pool, options: PoolOptions = {}): HoldpointSaver {
    return new HoldpointSaver(pool, options, async () => {});
  }

  /** Creates or updates the tables, in a schema of their own; any number of processes may do so at once. */
  async setup(): Promise<void> {
    const client = await this.#pool.connect().catch((error: unknown) => {
      throw notConnected(error, this.#pool.options);
    });
    let failed = true;
    try {
      await migrateOver(client);
      failed = false;
    } finally {
      client.release(failed);
    }
  }

  /** Waits for the writes under way and closes the connections it has opened. */
  async end(): Promise<void> {
    await this.settled();
    await this.#close();
  }
}
