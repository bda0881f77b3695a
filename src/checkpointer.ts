import { HoldpointSaver as PostgresSaver } from "./postgres/checkpointer/saver.ts";
import { openStore } from "./postgres/checkpointer/store.ts";
import { openDatabase } from "./postgres/database.ts";
import { migrate } from "./postgres/migrate.ts";

export type { FencedSaver, SaverLease } from "./postgres/checkpointer/fenced-saver.ts";

/** How the saver connects. */
export interface ConnectOptions {
  /** Connections at most; default 10. */
  max?: number;
  /** False behind PgBouncer in transaction mode before 1.21, where named statements break. */
  prepare?: boolean;
  /** How much text of the newest checkpoints is kept in memory; default 64 MB. */
  headCacheBytes?: number;
}

/** A LangGraph checkpointer on Postgres that owns its connections and can create its tables. */
export class HoldpointSaver extends PostgresSaver {
  readonly #url: string;
  readonly #close: () => Promise<void>;

  private constructor(url: string, options: ConnectOptions) {
    const { headCacheBytes, ...connection } = options;
    const database = openDatabase({ url, ...connection });
    super(
      openStore({
        pool: database.pool,
        prepare: database.prepare,
        ...(headCacheBytes === undefined ? {} : { headCacheBytes }),
      }),
    );
    this.#url = url;
    this.#close = () => database.close();
  }

  /** Connects on first use. Call `setup()` once before that on a new database. */
  static fromConnString(url: string, options: ConnectOptions = {}): HoldpointSaver {
    return new HoldpointSaver(url, options);
  }

  /** Creates or updates the tables, in a schema of their own; any number of processes may do so at once. */
  async setup(): Promise<void> {
    await migrate({ url: this.#url });
  }

  /** Waits for the writes under way and closes the connections. */
  async end(): Promise<void> {
    await this.settled();
    await this.#close();
  }
}
