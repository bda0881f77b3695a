import type pg from "pg";
import { notConnected } from "./connection-error.ts";
import type { Queryable } from "./database.ts";
import { runPipeline, wired } from "./pipeline.ts";
import type { Statement } from "./sql.ts";

interface Queued {
  readonly statement: Statement;
  resolve(rows: never[]): void;
  reject(error: unknown): void;
}

/** More would make the first of them wait for the last. */
const BATCH_STATEMENTS = 32;

/**
 * Reads that are asked for in one turn of the event loop go to Postgres together, on one connection: many runs that
 * begin or end at the same time cost one round trip, and the driver's work for a query once.
 */
export function createReadBatcher(pool: pg.Pool, { prepare }: { prepare: boolean }): Pick<Queryable, "many"> {
  let queue: Queued[] = [];
  const flush = () => {
    const all = queue;
    queue = [];
    for (let first = 0; first < all.length; first += BATCH_STATEMENTS) {
      void readBatch(pool, all.slice(first, first + BATCH_STATEMENTS), prepare);
    }
  };
  return {
    many<Row>(statement: Statement<Row>) {
      return new Promise<Row[]>((resolve, reject) => {
        if (queue.length === 0) setImmediate(flush);
        queue.push({ statement: wired(statement), resolve, reject });
      });
    },
  };
}

/** Settles every read of the batch; never rejects. */
async function readBatch(pool: pg.Pool, batch: readonly Queued[], prepare: boolean): Promise<void> {
  let client: pg.PoolClient;
  try {
    client = await pool.connect();
  } catch (error) {
    for (const { reject } of batch) reject(notConnected(error, pool.options));
    return;
  }
  let broken: Error | undefined;
  try {
    if (await readTogether(client, batch, prepare)) return;
    // One of them was refused, and all the others with it.
    for (const queued of batch) await readAlone(client, queued, prepare);
  } catch (error) {
    broken = error as Error;
    // Those that are settled already do not mind.
    for (const { reject } of batch) reject(error);
  } finally {
    client.release(broken);
  }
}

async function readTogether(client: pg.PoolClient, batch: readonly Queued[], prepare: boolean): Promise<boolean> {
  const outcome = await runPipeline(
    client,
    batch.map(({ statement }) => statement),
    { prepare },
  );
  if (!outcome.ok) return false;
  for (const [index, { resolve }] of batch.entries()) resolve((outcome.results[index]?.rows ?? []) as never[]);
  return true;
}

async function readAlone(
  client: pg.PoolClient,
  { statement, resolve, reject }: Queued,
  prepare: boolean,
): Promise<void> {
  const outcome = await runPipeline(client, [statement], { prepare });
  if (outcome.ok) resolve((outcome.results[0]?.rows ?? []) as never[]);
  else reject(outcome.error);
}
