import type pg from "pg";
import { createWriteBatcher, type WriteBatcher } from "../batch.ts";
import type { Queryable } from "../database.ts";
import { guardPool } from "../pool.ts";
import { createReadBatcher } from "../read-batch.ts";
import { createHeadCache, type HeadCache } from "./head-cache.ts";

/** What all views of one saver share. */
export interface CheckpointStore {
  readonly tenant_id: string;
  readonly pool: pg.Pool;
  readonly prepare: boolean;
  readonly database: Pick<Queryable, "many">;
  readonly batcher: WriteBatcher;
  readonly cache: HeadCache;
}

/** How a saver reaches the database. */
export interface SaverOptions {
  pool: pg.Pool;
  /** False behind PgBouncer in transaction mode before 1.21, where named statements break. */
  prepare?: boolean;
  tenant_id?: string;
  /** How much text of the newest checkpoints is kept in memory; default 64 MB. */
  headCacheBytes?: number;
  /** The batcher to share with other writers of the process. */
  batcher?: WriteBatcher;
}

const HEAD_CACHE_BYTES = 64 * 1024 * 1024;

/** Opens what the views of a saver share. */
export function openStore(options: SaverOptions): CheckpointStore {
  const { pool, prepare = true, tenant_id = "default", headCacheBytes = HEAD_CACHE_BYTES } = options;
  guardPool(pool);
  return {
    tenant_id,
    pool,
    prepare,
    database: createReadBatcher(pool, { prepare }),
    batcher: options.batcher ?? createWriteBatcher(pool, { prepare }),
    cache: createHeadCache(headCacheBytes),
  };
}
