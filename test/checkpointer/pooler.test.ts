import { validate } from "@langchain/langgraph-checkpoint-validation";
import pg from "pg";
import * as vitest from "vitest";
import { HoldpointSaver } from "../../src/checkpointer.ts";
import { createSaver } from "../../src/postgres/checkpointer/saver.ts";
import { openDatabase } from "../../src/postgres/database.ts";
import { openWakeups } from "../../src/postgres/notify.ts";
import { openPool } from "../../src/postgres/pool.ts";
import { isHoldpointError } from "../../src/protocol/errors.ts";
import { expectPaidOnce } from "../crash/refund.ts";
import { decide, openReview, sdk } from "../support/client.ts";
import { SCALE } from "../support/dice.ts";
import { findPgBouncer, type Pooler, startPooler } from "../support/pooler.ts";
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { openRefundHouse } from "../support/refund-house.ts";
import { refundExample } from "../support/refund-shop.ts";
import { startServer } from "../support/server.ts";
import { until } from "../support/until.ts";
import { checkpointOf, METADATA } from "./support.ts";

// The official suite expects the test functions to be global.
const { describe, it, expect, beforeAll, afterAll, beforeEach, afterEach } = vitest;
Object.assign(globalThis, { describe, it, test: it, expect, beforeAll, afterAll, beforeEach, afterEach });

const POOL_SIZE = 2;
const WRITERS = 64;
const PUTS = 8 * SCALE;

const program = findPgBouncer();
if (program === undefined) {
  it("PgBouncer is not installed; `apt-get install pgbouncer` (or brew install pgbouncer) brings the tests behind it", () => {
    expect(process.env["HOLDPOINT_REQUIRE_PGBOUNCER"], "PgBouncer is required here and is not installed").not.toBe("1");
  });
} else {
  describe("behind PgBouncer in transaction mode", () => testBehind(program));
}

function testBehind(program: string): void {
  let pooler: Pooler;
  let home: TestDatabase;
  beforeAll(async () => {
    pooler = await startPooler(program, POOL_SIZE);
    home = await createTestDatabase();
  });
  afterAll(async () => {
    await pooler.stop();
    await home.drop();
  });

  validate({
    checkpointerName: "HoldpointSaver",
    async createCheckpointer() {
      const saver = HoldpointSaver.fromConnString(pooler.through(home.url), { max: 4, prepare: false });
      await saver.setup();
      return saver;
    },
    async destroyCheckpointer(saver: HoldpointSaver) {
      for await (const { config } of saver.list({})) await saver.deleteThread(config.configurable?.["thread_id"]);
      await saver.end();
    },
  });

  it("says which version it is", async () => {
    expect(await pooler.version()).toMatch(/^PgBouncer 1\.\d+/);
  });

  it("64 writers share two connections: every put under a lease is there, a lost lease writes nothing, nothing is named", async () => {
    const database = openDatabase({ url: pooler.through(home.url), prepare: false });
    const saver = createSaver({ pool: database.pool, prepare: false });
    try {
      const write = async (writer: number) => {
        const thread_id = `pooled-${writer}`;
        const insert = "insert into holdpoint.thread (thread_id, lease_epoch) values ($1, 1)";
        await database.pool.query(insert, [thread_id]);
        const view = saver.withLease({ thread_id, lease_epoch: 1, run_id: RUN_ID });
        let config: { configurable: Record<string, unknown> } = { configurable: { thread_id, checkpoint_ns: "" } };
        const log: string[] = [];
        for (let put = 0; put < PUTS; put += 1) {
          log.push(`${writer} ${put}`);
          const { checkpoint, versions } = checkpointOf({ log: [...log] });
          config = (await view.put(config, checkpoint, METADATA, versions)) as typeof config;
          await view.putWrites(config, [["log", put]], TASK_ID);
        }
        await database.pool.query("update holdpoint.thread set lease_epoch = 2 where thread_id = $1", [thread_id]);
        const late = checkpointOf({ log: ["late"] });
        const refused = view.put(config, late.checkpoint, METADATA, late.versions);
        await expect(refused).rejects.toMatchObject({ code: "lease_lost" });
      };
      const writers = Array.from({ length: WRITERS }, (_, writer) => writer);
      await Promise.all(writers.map(write));
      const read = async (writer: number) => {
        const tuple = await saver.getTuple({ configurable: { thread_id: `pooled-${writer}` } });
        const log = tuple?.checkpoint.channel_values["log"] as string[] | undefined;
        return [log?.length, tuple?.pendingWrites?.length];
      };
      expect(await Promise.all(writers.map(read))).toEqual(writers.map(() => [PUTS, 1]));
      const named = "select count(*)::int as named from pg_prepared_statements";
      const counts = await Promise.all(writers.map(() => database.pool.query<{ named: number }>(named)));
      expect(counts.map(({ rows }) => rows[0]?.named)).toEqual(writers.map(() => 0));
    } finally {
      await database.close();
    }
  });

  it("a server starts on an empty database, runs, asks, is answered and pays once; wake-ups come past the pooler", async () => {
    const direct = await createEmptyDatabase();
    const server = await startServer({
      databaseUrl: pooler.through(direct.url),
      env: { HOLDPOINT_DATABASE_DIRECT_URL: direct.url, HOLDPOINT_DATABASE_PREPARE: "false", LOG_LEVEL: "debug" },
    });
    const house = await openRefundHouse(direct);
    try {
      const client = sdk(server.url);
      const { thread_id } = await client.threads.create();
      await client.runs.wait(thread_id, "counted-refund", { input: await refundExample("large") });
      const decided = await decide(server.url, await openReview(server.url, thread_id), { type: "approve" });
      await client.runs.join(thread_id, decided.body.run_id);
      await expectPaidOnce(house, server, thread_id);
      expect(server.log()).toContain("wake-ups arrive");
      expect(server.log()).not.toMatch(/prepared statement|no wake-ups/);
      expect(await server.stop()).toEqual({ code: 0, signal: null });
    } finally {
      await house.close();
    }
  });

  it("who listens through the pooler is told that nothing arrives there", async () => {
    const states: [boolean, string | undefined][] = [];
    const onStateChange = (isListening: boolean, error?: Error) => states.push([isListening, error?.message]);
    const wakeups = openWakeups({ url: pooler.through(home.url), onStateChange });
    await until("it has tried", () => states.length > 0);
    await wakeups.close();
    expect(states).toEqual([[false, expect.stringContaining("HOLDPOINT_DATABASE_DIRECT_URL")]]);
  });

  it("prepared statements break there, and the error says what to set", async () => {
    const own = await createTestDatabase();
    const database = openDatabase({ url: pooler.through(own.url), max: 1 });
    const saver = createSaver({ pool: database.pool });
    const other = new pg.Client({ connectionString: pooler.through(own.url) });
    try {
      const use = async (thread_id: string) => {
        const { checkpoint, versions } = checkpointOf({ text: "named" });
        await saver.put({ configurable: { thread_id } }, checkpoint, METADATA, versions);
      };
      await use("first");
      // Whoever comes next gets the server connection that was used last, and with it what was prepared there.
      await other.connect();
      await other.query("begin");
      await other.query("select 1");
      const error: unknown = await use("second").catch((thrown: unknown) => thrown);
      expect(isHoldpointError(error) && error.code).toBe("configuration_invalid");
      expect(String(error)).toContain("HOLDPOINT_DATABASE_PREPARE=false");
    } finally {
      await other.end();
      await database.close();
      await own.drop();
    }
  });

  it("a statement that takes long is left alone, though nobody can be asked about it", async () => {
    const pool = openPool({ connectionString: pooler.through(home.url), silentMs: 100 });
    await expect(pool.query("select pg_sleep(1)")).resolves.toBeDefined();
    await pool.end();
  });
}

const RUN_ID = "22222222-2222-4222-8222-222222222222";
const TASK_ID = "11111111-1111-4111-8111-111111111111";
