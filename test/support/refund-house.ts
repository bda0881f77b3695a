import type pg from "pg";
import { firstBrokenLink, type StoredLink } from "../../src/policy/audit-chain.ts";
import { openPool } from "../../src/postgres/pool.ts";
import { seedChinook } from "../../src/postgres/seed-chinook.ts";
import { createShopDatabase, type TestDatabase } from "./postgres.ts";

/** One refund that was paid. */
export interface RefundRow {
  effect_id: string;
  invoice_id: number;
  amount: string;
}

/** A database that servers work on, and what a test reads from behind their backs. */
export interface RefundHouse {
  url: string;
  name: string;
  pool: pg.Pool;
  refunds(invoice_id?: number): Promise<RefundRow[]>;
  payments(): Promise<{ effect_id: string; amount: number }[]>;
  /** How often each node of `counted-refund` was executed on a thread. */
  visits(thread_id: string): Promise<Record<string, number>>;
  /** Rows of everything that a refused request must not change. */
  rowCounts(thread_id: string): Promise<Record<string, unknown>>;
  /** Lets a held node of a thread go on. */
  letGo(thread_id: string): Promise<void>;
  /** Holds the lock of a thread, so that everything that wants it queues up behind; returns how to let go. */
  holdThread(thread_id: string): Promise<{ waiting(): Promise<number>; release(): Promise<void> }>;
  /** Lets time pass for the database: every lease has run out, and whoever lives has those of the dead taken back. */
  leasesRunOut(): Promise<void>;
  /** Every review whose chain does not hold. */
  brokenChains(): Promise<string[]>;
  close(): Promise<void>;
}

/** Makes a database with the shop's books and a place to count in, or adds them to the one given. */
export async function openRefundHouse(given?: TestDatabase): Promise<RefundHouse> {
  const test = given ?? (await createShopDatabase());
  if (given !== undefined) await seedChinook({ url: test.url });
  const pool = openPool({ connectionString: test.url, max: 4 });
  await pool.query(
    `create schema counted;
     create table counted.visit (visit_id bigint generated always as identity, thread_id text, node text);
     create table counted.gate (thread_id text);
     create table counted.payment (effect_id text primary key, amount integer);`,
  );
  const held = new Set<pg.PoolClient>();
  const rows = async <Row extends pg.QueryResultRow>(text: string, values: unknown[] = []) =>
    (await pool.query<Row>(text, values)).rows;
  return {
    url: test.url,
    name: test.name,
    pool,
    refunds: (invoice_id) =>
      rows(
        `select effect_id, invoice_id, amount::text from chinook.refund
         where $1::int is null or invoice_id = $1 order by created_at`,
        [invoice_id ?? null],
      ),
    payments: () => rows("select effect_id, amount from counted.payment"),
    async visits(thread_id) {
      const text = "select node, count(*)::int as times from counted.visit where thread_id = $1 group by node";
      const found = await rows<{ node: string; times: number }>(text, [thread_id]);
      return Object.fromEntries(found.map(({ node, times }) => [node, times]));
    },
    async rowCounts(thread_id) {
      const [counts] = await rows<Record<string, unknown>>(ROW_COUNTS, [thread_id]);
      return counts as Record<string, unknown>;
    },
    letGo: async (thread_id) => void (await rows("insert into counted.gate values ($1)", [thread_id])),
    leasesRunOut: async () => void (await rows("update holdpoint.clock set shift = shift + interval '10 minutes'")),
    async holdThread(thread_id) {
      const client = await pool.connect();
      held.add(client);
      await client.query("begin");
      await client.query(THREAD_LOCK, [thread_id]);
      return {
        async waiting() {
          const text = `select count(*)::int as waiting from pg_locks l join pg_stat_activity a using (pid)
            where a.datname = current_database() and l.locktype = 'advisory' and not l.granted`;
          return (await rows<{ waiting: number }>(text))[0]?.waiting ?? 0;
        },
        async release() {
          held.delete(client);
          await client.query("rollback");
          client.release();
        },
      };
    },
    async brokenChains() {
      const links = await rows<StoredLink & { at: Date | string }>(CHAINS);
      const chains = Map.groupBy(links, ({ review_id }) => review_id);
      return [...chains].filter(([, chain]) => firstBrokenLink(chain) !== null).map(([review_id]) => review_id);
    },
    async close() {
      // Of a test that failed while it held a thread: the pool would wait for it.
      for (const client of held) client.release(true);
      await pool.end();
      await test.drop();
    },
  };
}

const THREAD_LOCK = "select pg_advisory_xact_lock(hashtextextended('holdpoint:thread:' || $1::text, 0))";

const ROW_COUNTS = `
  select
    (select count(*)::int from holdpoint.run where thread_id = $1) as runs,
    (select count(*)::int from holdpoint.checkpoint where thread_id = $1) as checkpoints,
    (select count(*)::int from holdpoint.checkpoint_write where thread_id = $1) as writes,
    (select count(*)::int from holdpoint.event where thread_id = $1) as events,
    (select count(*)::int from holdpoint.effect where thread_id = $1) as effects,
    (select count(*)::int from holdpoint.audit where thread_id = $1) as audit,
    (select count(*)::int from holdpoint.thread) as threads,
    (select count(*)::int from holdpoint.decision d join holdpoint.review r on r.id = d.review_id where r.thread_id = $1) as decisions,
    (select json_agg(json_build_array(id, status, version) order by id) from holdpoint.review where thread_id = $1) as reviews,
    (select json_build_array(status, lease_epoch, "values", interrupts) from holdpoint.thread where thread_id = $1) as thread,
    (select count(*)::int from chinook.refund) as refunds,
    (select count(*)::int from counted.payment) as payments`;

const CHAINS = `
  select tenant_id, kind, to_char(at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at, principal_id, thread_id,
    run_id, review_id, review_seq, body, encode(prev_hash, 'hex') as prev_hash, encode(hash, 'hex') as hash
  from holdpoint.audit where review_id is not null
  order by review_id, review_seq`;
