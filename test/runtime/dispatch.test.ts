import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AllowList, parseAllowList } from "../../src/policy/private-address.ts";
import { registerAssistants } from "../../src/postgres/assistants.ts";
import { createCron } from "../../src/postgres/crons.ts";
import { type Database, openDatabase } from "../../src/postgres/database.ts";
import { assistantIdOf } from "../../src/protocol/assistant.ts";
import { type Dispatcher, startDispatcher } from "../../src/runtime/dispatch.ts";
import { type House, openHouse } from "../support/house.ts";
import { type OwnPostgres, openOwnPostgres } from "../support/own-postgres.ts";
import { findPgBouncer, startPooler } from "../support/pooler.ts";
import { openReceiver, type Receiver } from "../support/receiver.ts";
import { until } from "../support/until.ts";

const settings = { secrets: [], allow: parseAllowList(["127.0.0.1"]) as AllowList, timeoutMs: 30_000 };
const RUNS = 30;

let receiver: Receiver;
beforeAll(async () => {
  receiver = await openReceiver();
});
afterAll(() => receiver.close());

const installed = async (house: House) =>
  (await house.database.pool.query("select to_regnamespace('holdpoint_jobs') is not null as yes")).rows[0]
    ?.yes as boolean;

async function tellTimes(house: House, path: string, times: number): Promise<string[]> {
  const webhook = receiver.url(path);
  const runs = await Promise.all(Array.from({ length: times }, () => house.start("steps", { input: {}, webhook })));
  await house.settle();
  return runs.map(({ run_id }) => run_id).sort();
}

const toldOf = (path: string) => receiver.at(path).map(({ body }) => body["run_id"] as string);

async function withDispatchers(house: House, databases: Database[], body: () => Promise<void>): Promise<void> {
  const dispatchers: Dispatcher[] = databases.map((database) =>
    startDispatcher({ ...house.parts, database }, settings),
  );
  try {
    await body();
  } finally {
    await Promise.all(dispatchers.map((dispatcher) => dispatcher.stop()));
  }
}

describe("what is due", () => {
  test("is carried out once by whichever process, and a house that has nothing to carry installs nothing", async () => {
    const house = await openHouse();
    await registerAssistants(house.database, house.graphs.graphs.values());
    const other = openDatabase({ url: house.url, max: 5 });
    try {
      await withDispatchers(house, [house.database, other], async () => {
        await house.start("steps", { input: {} });
        await house.settle();
        const cron = {
          tenant_id: "default",
          principal_id: "user:ana",
          assistant_id: assistantIdOf("steps"),
          thread_id: null,
          schedule: "0 0 1 1 *",
          timezone: "UTC",
          end_time: null,
          enabled: true,
          on_run_completed: "keep" as const,
          payload: { input: {}, webhook: receiver.url("/cron") },
          metadata: {},
        };
        await Promise.all(Array.from({ length: 5 }, () => createCron(house.database, cron)));
        expect(await installed(house)).toBe(false);
        // Both notice at the same moment, and both install the queue.
        const run_ids = await tellTimes(house, "/many", RUNS);
        await until("all is told", () => receiver.at("/many").length >= RUNS);
        expect(toldOf("/many").sort()).toEqual(run_ids);
        await house.pass(366 * 86_400);
        const fired = "select 1 from holdpoint.run where metadata ? 'cron_id'";
        await until("the crons fire", async () => ((await house.database.pool.query(fired)).rowCount ?? 0) >= 5);
        await house.settle();
        await until("their ends are told", () => receiver.at("/cron").length >= 5);
        expect((await house.database.pool.query(fired)).rowCount).toBe(5);
        expect(receiver.at("/cron")).toHaveLength(5);
      });
    } finally {
      await other.close();
      await house.close();
    }
  });

  test("waits while the job queue cannot be used, and nobody else is harmed by it", async () => {
    const house = await openHouse();
    const errors: string[] = [];
    const error = (_facts: object, told: string) => void errors.push(told);
    const log = Object.assign(house.parts.log.child({}), { error });
    // Somebody has left something of the same name here.
    await house.database.pool.query("create schema holdpoint_jobs; create table holdpoint_jobs.version (version int)");
    const dispatcher = startDispatcher({ ...house.parts, log }, settings);
    try {
      const [run_id] = await tellTimes(house, "/later", 1);
      await until("the trouble is told", () => errors.length > 0);
      expect(errors[0]).toContain("the job queue did not start");
      await tellTimes(house, "/later", 1);
      // No connection was given back in the middle of a transaction that had failed.
      const { rows } = await house.database.pool.query(
        "select count(*)::int as open from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'",
      );
      expect(rows).toEqual([{ open: 0 }]);
      await dispatcher.stop();
      await house.database.pool.query("drop schema holdpoint_jobs cascade");
      await withDispatchers(house, [house.database], async () => {
        await until("what waited is told", () => toldOf("/later").includes(run_id as string));
      });
    } finally {
      await dispatcher.stop();
      await house.close();
    }
  });

  test("is carried out after Postgres was gone, by the same process", async () => {
    const postgres: OwnPostgres = await openOwnPostgres();
    const house = await openHouse(undefined, {}, postgres.database);
    try {
      await withDispatchers(house, [house.database], async () => {
        await tellTimes(house, "/before", 1);
        await until("the queue works", () => receiver.at("/before").length === 1);
        await postgres.stop("immediate");
        await postgres.start();
        await until("the database answers", () => house.database.pool.query("select 1").catch(() => false));
        const run_ids = await tellTimes(house, "/after", 3);
        await until("all is told", () => receiver.at("/after").length >= 3);
        expect(toldOf("/after").sort()).toEqual(run_ids);
      });
    } finally {
      await house.close();
      await postgres.end();
    }
  });
});

const program = findPgBouncer();
if (program === undefined) {
  test("PgBouncer is not installed; where it is, the job queue is tried behind it", () => {
    expect(process.env["HOLDPOINT_REQUIRE_PGBOUNCER"], "PgBouncer is required here and is not installed").not.toBe("1");
  });
} else {
  test("is carried out behind PgBouncer in transaction mode, where nothing can be prepared", async () => {
    const pooler = await startPooler(program, 4);
    const house = await openHouse();
    const database = openDatabase({ url: pooler.through(house.url), max: 8, prepare: false });
    try {
      await withDispatchers(house, [database], async () => {
        const run_ids = await tellTimes(house, "/pooled", 10);
        await until("all is told", () => receiver.at("/pooled").length >= 10);
        expect(toldOf("/pooled").sort()).toEqual(run_ids);
      });
    } finally {
      await database.close();
      await house.close();
      await pooler.stop();
    }
  });
}
