import { rm } from "node:fs/promises";
import { join } from "node:path";
import { bootEmbedded } from "../../src/postgres/embedded.ts";
import { migrate } from "../../src/postgres/migrate.ts";
import { openPool } from "../../src/postgres/pool.ts";
import { benchFolder } from "../server.ts";
import { startProxy } from "./delay-proxy.ts";
import type { Latency } from "./options.ts";
import type { Peers } from "./peers.ts";

/** A database of its own. */
export interface LabDatabase {
  /** Straight to the server, or through a proxy that delays, or through one that only counts. */
  url(road: Latency | "counted"): string;
  rows<Row>(text: string, values?: unknown[]): Promise<Row[]>;
  /** Bytes of all its tables with their indexes and long values. */
  bytes(): Promise<number>;
  drop(): Promise<void>;
}

/** One PostgreSQL and what is measured on it. */
export interface Lab {
  readonly quick: boolean;
  readonly latencies: readonly Latency[];
  readonly peers: Peers;
  /** An empty database, or one with Holdpoint's tables. */
  createDatabase(content: "empty" | "holdpoint"): Promise<LabDatabase>;
  /** Round trips counted so far. */
  trips(): number;
  /** Where the write-ahead log ends, in bytes. */
  walPosition(): Promise<number>;
  /** Writes everything to its place, so that what comes next starts from the same state. */
  checkpoint(): Promise<void>;
  close(): Promise<void>;
}

const TEMPLATE = "bench_template";

/** Boots a PostgreSQL in a folder of its own, fsync on, with a delaying and a counting proxy in front. */
export async function openLab(setting: Pick<Lab, "quick" | "latencies" | "peers">): Promise<Lab> {
  const folder = await benchFolder();
  const postgres = await bootEmbedded({ dataDir: folder });
  const socket = join(new URL(postgres.url).searchParams.get("host")!, ".s.PGSQL.5432");
  const proxies = { counted: await startProxy(socket, 0), delayed: await startProxy(socket, 1) };
  const admin = connectTo(urlOf(postgres.url, "postgres"));
  await admin.query(`create database ${TEMPLATE}`);
  await migrate({ url: urlOf(postgres.url, TEMPLATE) });
  let databases = 0;
  return {
    ...setting,
    async createDatabase(content) {
      const name = `bench_${++databases}`;
      await admin.query(`create database ${name} template ${content === "empty" ? "template0" : TEMPLATE}`);
      const direct = urlOf(postgres.url, name);
      const roads = {
        0: direct,
        1: `postgresql://holdpoint@127.0.0.1:${proxies.delayed.port}/${name}?sslmode=disable`,
        counted: `postgresql://holdpoint@127.0.0.1:${proxies.counted.port}/${name}?sslmode=disable`,
      };
      const looking = connectTo(direct);
      return {
        url: (road) => roads[road],
        rows: async <Row>(text: string, values: unknown[] = []) => (await looking.query(text, values)).rows as Row[],
        bytes: async () => Number((await looking.query(SIZE)).rows[0].bytes),
        async drop() {
          await looking.end();
          await admin.query(`drop database ${name} with (force)`);
        },
      };
    },
    trips: () => proxies.counted.trips(),
    walPosition: async () => Number((await admin.query(WAL_POSITION)).rows[0].bytes),
    checkpoint: async () => void (await admin.query("checkpoint")),
    async close() {
      await admin.end();
      await Promise.all([proxies.counted.stop(), proxies.delayed.stop()]);
      await postgres.release();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const SIZE = `select coalesce(sum(pg_total_relation_size(relation.oid)), 0)::bigint as bytes
  from pg_class relation join pg_namespace space on space.oid = relation.relnamespace
  where relation.relkind = 'r' and space.nspname not in ('pg_catalog', 'information_schema')`;
const WAL_POSITION = "select pg_current_wal_insert_lsn() - '0/0'::pg_lsn as bytes";

const connectTo = (url: string) => openPool({ connectionString: url, max: 1 });

function urlOf(server: string, database: string): string {
  const url = new URL(server);
  url.pathname = `/${database}`;
  return url.href;
}
