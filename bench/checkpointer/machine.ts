import pg from "pg";
import type { Lab } from "./lab.ts";
import { median, timed } from "./measure.ts";

/** What the machine can do at best: figures are to be read beside these. */
export interface Machine {
  node: string;
  postgres: string;
  /** One row, alone, until it is on the disk. */
  commitMs: number;
  /** `select 1`, by what the network is to take. */
  roundTripMs: Record<string, number>;
}

const TIMES = 200;

/** Measures one commit and one round trip. */
export async function measureMachine(lab: Lab): Promise<Machine> {
  const database = await lab.createDatabase("empty");
  await database.rows("create table probe (number integer)");
  const [version] = await database.rows<{ server_version: string }>("show server_version");
  const commitMs = await medianOf(() => database.rows("insert into probe values (1)"));
  const roundTripMs: Record<string, number> = {};
  for (const latency of lab.latencies) {
    const client = new pg.Client({ connectionString: database.url(latency) });
    await client.connect();
    roundTripMs[latency] = await medianOf(() => client.query("select 1"));
    await client.end();
  }
  await database.drop();
  return { node: process.versions.node, postgres: version!.server_version, commitMs, roundTripMs };
}

async function medianOf(body: () => Promise<unknown>): Promise<number> {
  const samples: number[] = [];
  for (let time = 0; time < TIMES; time += 1) samples.push(await timed(body));
  return median(samples);
}

/** In one line. */
export function describeMachine({ node, postgres, commitMs, roundTripMs }: Machine): string {
  const trips = Object.entries(roundTripMs).map(([latency, took]) => `${took.toFixed(2)} ms at ${latency} ms`);
  return `Node ${node}, PostgreSQL ${postgres}; a commit takes ${commitMs.toFixed(2)} ms, a round trip ${trips.join(", ")}`;
}
