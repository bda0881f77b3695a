import type { Socket } from "node:net";
import { type Checkpoint, emptyCheckpoint, uuid6 } from "@langchain/langgraph-checkpoint";
import type pg from "pg";
import { afterAll } from "vitest";
import { createSaver, type HoldpointSaver } from "../../src/postgres/checkpointer/saver.ts";
import { openPool } from "../../src/postgres/pool.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";

/** A saver over a pool that counts its round trips and lets a test look at the tables. */
export interface CountedSaver {
  saver: HoldpointSaver;
  pool: pg.Pool;
  /** Round trips since the last call. */
  trips(): number;
  /** Bytes on the wire since the last call. */
  bytes(): { sent: number; received: number };
  rows<Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>;
  end(): Promise<void>;
}

/** Opens a saver whose connections count what is sent. */
export function openCounted(url: string, max = 4): CountedSaver {
  const pool = openPool({ connectionString: url, max });
  const looking = openPool({ connectionString: url, max: 1 });
  let count = 0;
  const sockets: Socket[] = [];
  const before = { sent: 0, received: 0 };
  pool.on("connect", (client) => {
    sockets.push((client as unknown as { connection: { stream: Socket } }).connection.stream);
    const query = client.query.bind(client) as (...args: unknown[]) => unknown;
    client.query = ((...args: unknown[]) => {
      count += 1;
      return query(...args);
    }) as typeof client.query;
  });
  return {
    saver: createSaver({ pool }),
    pool,
    trips() {
      const trips = count;
      count = 0;
      return trips;
    },
    bytes() {
      const now = { sent: 0, received: 0 };
      for (const { bytesWritten, bytesRead } of sockets) {
        now.sent += bytesWritten;
        now.received += bytesRead;
      }
      const since = { sent: now.sent - before.sent, received: now.received - before.received };
      Object.assign(before, now);
      return since;
    },
    async rows<Row extends pg.QueryResultRow>(text: string, values: unknown[] = []) {
      return (await looking.query<Row>(text, values)).rows;
    },
    async end() {
      await Promise.all([pool.end(), looking.end()]);
    },
  };
}

/** A database, and the savers of two processes that use it. */
export interface SaverScene {
  database: TestDatabase;
  counted: CountedSaver;
  replica: CountedSaver;
}

/** Opens what the suites of a file need, which goes with the file. */
export async function openSaverScene(): Promise<SaverScene> {
  const database = await createTestDatabase();
  const counted = openCounted(database.url);
  const replica = openCounted(database.url);
  afterAll(async () => {
    await Promise.all([counted.end(), replica.end()]);
    await database.drop();
  });
  return { database, counted, replica };
}

/** A checkpoint with these channels, all of them new. */
export function checkpointOf(channel_values: Record<string, unknown>): {
  checkpoint: Checkpoint;
  versions: Record<string, number>;
} {
  const versions = Object.fromEntries(Object.keys(channel_values).map((channel) => [channel, 1]));
  return { checkpoint: { ...emptyCheckpoint(), id: uuid6(0), channel_values, channel_versions: versions }, versions };
}

/** Metadata of a superstep. */
export const METADATA = { source: "loop", step: 0, parents: {} } as const;

/** Gives a thread its row and its first lease, as a claim would. */
export async function createThread(counted: CountedSaver, thread_id: string, lease_epoch = 1): Promise<void> {
  await counted.rows("insert into holdpoint.thread (thread_id, lease_epoch) values ($1, $2)", [thread_id, lease_epoch]);
}

/** How many rows of the checkpointer a thread has, in all its tables. */
export async function rowsOfThread(counted: CountedSaver, thread_id: string): Promise<number> {
  const [row] = await counted.rows<{ rows: number }>(
    `select ((select count(*) from holdpoint.checkpoint where thread_id = $1)
      + (select count(*) from holdpoint.checkpoint_write where thread_id = $1)
      + (select count(*) from holdpoint.checkpoint_chunk where thread_id = $1))::integer as rows`,
    [thread_id],
  );
  return row?.rows ?? 0;
}
