import { randomUUID } from "node:crypto";
import { type BaseCheckpointSaver, MemorySaver } from "@langchain/langgraph";
import type { FencedSaver } from "../../src/postgres/checkpointer/fenced-saver.ts";
import { createSaver } from "../../src/postgres/checkpointer/saver.ts";
import { openPool } from "../../src/postgres/pool.ts";
import type { Lab, LabDatabase } from "./lab.ts";
import type { Latency } from "./options.ts";
import type { Column } from "./row.ts";

/** A checkpointer on a fresh database. */
export interface Contestant {
  readonly column: Column;
  /** Undefined in memory. */
  readonly database: LabDatabase | undefined;
  /** Makes ready for threads with these names; not part of what is measured. */
  prepare(threads: readonly string[]): Promise<void>;
  /** The checkpointer that a run of the thread is given. */
  saverOf(thread_id: string, durability?: Durability): BaseCheckpointSaver;
  /** What a worker awaits before it calls a run of durability "async" finished. */
  flush(saver: BaseCheckpointSaver): Promise<void>;
  /** Lets go of what only memory holds, so that it does not slow down what comes later. */
  forget(): void;
  close(): Promise<void>;
}

/** When a step is durable: before the next one starts, while it runs, or when the run has ended. */
export type Durability = "sync" | "async" | "exit";

const CONNECTIONS = 10;

/** Opens the checkpointers, each on a fresh database with a pool of ten. */
export async function openContestants(
  lab: Lab,
  road: Latency | "counted",
  columns: readonly Column[] = ["holdpoint", "official", "memory"],
): Promise<Contestant[]> {
  const opened: Contestant[] = [];
  if (columns.includes("holdpoint")) opened.push(await openHoldpoint(lab, road));
  if (columns.includes("official") && lab.peers.official !== undefined) opened.push(await openOfficial(lab, road));
  if (columns.includes("memory")) opened.push(openMemory());
  return opened;
}

/** As a worker uses it: every thread has its row, every write is fenced by the thread's lease. */
async function openHoldpoint(lab: Lab, road: Latency | "counted"): Promise<Contestant> {
  const database = await lab.createDatabase("holdpoint");
  const pool = openPool({ connectionString: database.url(road), max: CONNECTIONS });
  const saver = createSaver({ pool });
  const run_id = randomUUID();
  return {
    column: "holdpoint",
    database,
    async prepare(threads) {
      // What creating and claiming a run leave behind.
      const insert = "insert into holdpoint.thread (thread_id, lease_epoch) select unnest($1::text[]), 1";
      await database.rows(`${insert} on conflict do nothing`, [threads]);
    },
    saverOf: (thread_id, durability = "sync") =>
      saver.withLease({ thread_id, lease_epoch: 1, run_id, writeBehind: durability === "async" }),
    flush: (own) => (own as FencedSaver).flush(),
    forget: () => undefined,
    async close() {
      await saver.settled();
      await pool.end();
      await database.drop();
    },
  };
}

async function openOfficial(lab: Lab, road: Latency | "counted"): Promise<Contestant> {
  const database = await lab.createDatabase("empty");
  const pool = openPool({ connectionString: database.url(road), max: CONNECTIONS });
  const saver = new lab.peers.official!.PostgresSaver(pool);
  await saver.setup();
  return {
    column: "official",
    database,
    prepare: async () => undefined,
    saverOf: () => saver,
    flush: async () => undefined,
    forget: () => undefined,
    async close() {
      await pool.end();
      await database.drop();
    },
  };
}

function openMemory(): Contestant {
  let saver = new MemorySaver();
  return {
    column: "memory",
    database: undefined,
    prepare: async () => undefined,
    saverOf: () => saver,
    flush: async () => undefined,
    forget() {
      saver = new MemorySaver();
    },
    close: async () => undefined,
  };
}
