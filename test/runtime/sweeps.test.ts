import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { createCron, readCron, updateCron } from "../../src/postgres/crons.ts";
import type { Database } from "../../src/postgres/database.ts";
import { appendEvents } from "../../src/postgres/events.ts";
import { KEPT_HOURS, sweepIdempotencyKeys } from "../../src/postgres/idempotency.ts";
import { newestRunsOfThread, runsBetween } from "../../src/postgres/run-list.sql.ts";
import { listRuns, selectRun } from "../../src/postgres/runs.sql.ts";
import type { Statement } from "../../src/postgres/sql.ts";
import { sweepDeletedThreads, sweepLoginLinks, sweepSessions } from "../../src/postgres/sweeps.ts";
import { type Sweep, startSweeps } from "../../src/runtime/sweep.ts";
import { claimNext, leaseOf } from "../support/dying-worker.ts";
import { until } from "../support/until.ts";
import { house, openScene } from "./scene.ts";

openScene();

const query = async (text: string, values: unknown[] = []) => (await house.database.pool.query(text, values)).rows;
const count = async (from: string) => Number((await query(`select count(*) as rows from holdpoint.${from}`))[0].rows);

type Sweeper = (database: Database) => Promise<number>;

/** Sweeps with several at once until there is nothing left; how many rows each of them has swept. */
async function race(sweep: Sweeper, sweepers = 4): Promise<number[]> {
  return await Promise.all(
    Array.from({ length: sweepers }, async () => {
      let swept = 0;
      // Bound: every pass but the last one sweeps something.
      for (;;) {
        const rows = await sweep(house.database);
        if (rows === 0) return swept;
        swept += rows;
      }
    }),
  );
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);

/** What is kept for a time, and how much of it is made here. */
const KEPT = 2_500;
const SHORT_LIVED: [string, number, Sweeper, string][] = [
  [
    "idempotency_key",
    KEPT_HOURS * 3600,
    sweepIdempotencyKeys,
    `insert into holdpoint.idempotency_key (principal_id, idempotency_key, request_digest, thread_id)
      select 'test:ana', n::text, '', 't' from generate_series($1::int, $2::int) n`,
  ],
  [
    "session",
    600,
    sweepSessions,
    `insert into holdpoint.session (secret_sha256, principal_id, expires_at)
      select sha256(n::text::bytea), 'test:ana', holdpoint.now() + interval '10 minutes' from generate_series($1::int, $2::int) n`,
  ],
  [
    "login_link",
    600,
    sweepLoginLinks,
    `insert into holdpoint.login_link (secret_sha256, principal_id, expires_at)
      select sha256(n::text::bytea), 'test:ana', holdpoint.now() + interval '10 minutes' from generate_series($1::int, $2::int) n`,
  ],
];

test.each(SHORT_LIVED)(
  "each %s is removed when its time is over, by one of any number of sweepers",
  async (table, seconds, sweep, insert) => {
    await query(`insert into holdpoint.principal (principal_id, kind, display_name) values ('test:ana', 'user', 'Ana')
    on conflict do nothing`);
    await query(insert, [1, KEPT]);
    expect(await sweep(house.database)).toBe(0);
    await house.pass(seconds / 2);
    await query(insert, [KEPT + 1, KEPT + 10]);
    await house.pass(seconds / 2 + 1);
    expect(sum(await race(sweep))).toBe(KEPT);
    expect(await count(table)).toBe(10);
  },
);

/** A thread with so many events, deleted. */
async function deletedThread(events: number): Promise<string> {
  const run = await house.start("steps", { input: {} });
  await until("it has run", async () => {
    await house.settle();
    return (await house.run(run.run_id)).status === "success";
  });
  const fill = `insert into holdpoint.event (thread_id, seq_from, seq_to, run_id, attempt, body)
    select $1, m.last + n, m.last + n, $2, 1, '[{"event":"custom","data":1}]'
    from (select max(seq_to) as last from holdpoint.event where thread_id = $1) m, generate_series(1, $3) n`;
  await query(fill, [run.thread_id, run.run_id, events]);
  await house.parts.saver.deleteThread(run.thread_id);
  return run.thread_id;
}

const eventsOf = async (thread_id: string) =>
  Number((await query("select count(*) as events from holdpoint.event where thread_id = $1", [thread_id]))[0].events);

test("the events of deleted threads are removed, part by part, and those of others stay", async () => {
  const kept = await house.start("steps", { input: {} });
  await house.settle();
  const before = await eventsOf(kept.thread_id);
  const threads = await Promise.all([0, 1, 2_500].map(deletedThread));
  const stored = sum(await Promise.all(threads.map(eventsOf)));
  expect(await sweepDeletedThreads(house.database)).toBeLessThan(stored);
  expect(await eventsOf(threads[2] as string)).toBeGreaterThan(1_000);
  await race(sweepDeletedThreads);
  expect(await Promise.all(threads.map(eventsOf))).toEqual([0, 0, 0]);
  expect(await eventsOf(kept.thread_id)).toBe(before);
  expect(before).toBeGreaterThan(0);
  const left = "select thread_id from holdpoint.thread where next_at is not null";
  expect(await query(left)).toEqual([]);
  expect(await sweepDeletedThreads(house.database)).toBe(0);
});

test("a thread that somebody has locked is passed over, and its turn comes", async () => {
  const [locked, free] = await Promise.all([deletedThread(3), deletedThread(3)]);
  const client = await house.database.pool.connect();
  await client.query("begin");
  await client.query("select pg_advisory_xact_lock_shared(hashtextextended('holdpoint:thread:' || $1::text, 0))", [
    locked,
  ]);
  await race(sweepDeletedThreads);
  expect(await Promise.all([locked, free].map(eventsOf))).toEqual([expect.any(Number), 0]);
  expect(await eventsOf(locked)).toBeGreaterThan(0);
  await client.query("commit");
  client.release();
  await race(sweepDeletedThreads);
  expect(await eventsOf(locked)).toBe(0);
});

test("the runs of a deleted thread end, and who still executes one stores nothing behind the sweep", async () => {
  const run = await house.start("steps", { input: {} });
  const queued = await house.start("steps", { input: {} }, { thread_id: run.thread_id });
  const lease = leaseOf(await claimNext(house));
  const store = () => appendEvents(house.parts.batcher, lease, 1, [{ event: "custom", data: 1 }]);
  await store();
  await house.parts.saver.deleteThread(run.thread_id);
  await Promise.all([
    race(sweepDeletedThreads),
    ...Array.from({ length: 5 }, () => expect(store()).rejects.toMatchObject({ code: "lease_lost" })),
  ]);
  // Sweepers pass over a thread that somebody has locked, and who stores locks it: one may be left for the next pass.
  await race(sweepDeletedThreads);
  expect(await eventsOf(run.thread_id)).toBe(0);
  const ends = await Promise.all([run, queued].map(async ({ run_id }) => await house.run(run_id)));
  expect(ends.map(({ status, error }) => [status, JSON.parse(error ?? "").error])).toEqual(
    Array(2).fill(["interrupted", "deleted"]),
  );
});

test("what belongs to a deleted thread ends with it: its crons are off and say why, its runs are seen no more, its deliveries stay", async () => {
  const run = await house.start("steps", { input: {}, webhook: "https://example.com/told" });
  const other = await house.start("steps", { input: {} });
  await house.settle();
  const { thread_id, run_id } = run;
  const newCron = async (of: string | null) =>
    await createCron(house.database, {
      tenant_id: "default",
      principal_id: "test:ana",
      assistant_id: randomUUID(),
      thread_id: of,
      schedule: "0 9 * * *",
      timezone: "UTC",
      end_time: null,
      enabled: true,
      on_run_completed: "keep",
      payload: {},
      metadata: {},
    });
  const [own, others] = [await newCron(thread_id), await newCron(other.thread_id)];
  const filter = { graph_id: null, thread_id: null, status: null, seconds_ago: null, at: null, limit: 100 };
  const seen = async () =>
    await Promise.all([
      house.database.maybeOne(selectRun("default", thread_id, run_id)),
      ...[
        listRuns("default", thread_id, { status: null, limit: 10, offset: 0 }),
        newestRunsOfThread("default", { ...filter, thread_id }),
        runsBetween("default", run_id, run_id, 10),
      ].map(async (list) => (await house.database.many(list as Statement<{ run_id: string }>))[0]),
    ]);
  expect((await seen()).map((row) => row?.run_id)).toEqual(Array(4).fill(run_id));
  await house.parts.saver.deleteThread(thread_id);
  expect(await seen()).toEqual(Array(4).fill(undefined));
  await race(sweepDeletedThreads);
  const cron = await readCron(house.database, "default", own.cron_id);
  expect(cron).toMatchObject({ enabled: false, next_run_date: null, last_error: `thread ${thread_id} was deleted` });
  await expect(updateCron(house.database, "default", own.cron_id, { enabled: true })).rejects.toMatchObject({
    code: "not_found",
  });
  expect(await readCron(house.database, "default", others.cron_id)).toMatchObject({ enabled: true, last_error: null });
  expect(await query("select status from holdpoint.delivery where thread_id = $1", [thread_id])).toHaveLength(1);
});

test("a cron of a deleted thread that somebody has locked is switched off when it is free", async () => {
  const { thread_id } = await house.start("steps", { input: {} });
  await house.settle();
  await query(
    `insert into holdpoint.cron (cron_id, assistant_id, thread_id, principal_id, schedule, timezone, enabled, on_run_completed, payload)
     values (gen_random_uuid(), gen_random_uuid(), $1, 'test:ana', '0 9 * * *', 'UTC', true, 'keep', '{}')`,
    [thread_id],
  );
  await house.parts.saver.deleteThread(thread_id);
  const client = await house.database.pool.connect();
  await client.query("begin");
  await client.query("select 1 from holdpoint.cron where thread_id = $1 for no key update", [thread_id]);
  const enabled = async () =>
    (await query("select enabled from holdpoint.cron where thread_id = $1", [thread_id])).map((row) => row.enabled);
  await sweepDeletedThreads(house.database);
  expect(await enabled()).toEqual([true]);
  await client.query("commit");
  client.release();
  await race(sweepDeletedThreads);
  expect(await enabled()).toEqual([false]);
});

test("a sweep goes on until nothing is due, counts what it has done, and tries again what failed", async () => {
  let due = 0;
  let failures = 0;
  const sweeps: Sweep[] = [
    {
      name: "test",
      everyMs: 1,
      async sweep() {
        if (due === 0) return 0;
        if (failures === 0) {
          failures += 1;
          throw new Error("no connection");
        }
        due -= 1;
        return 1;
      },
    },
  ];
  const stop = startSweeps(house.parts, sweeps);
  due = 250;
  await until("all is swept", () => due === 0);
  stop();
  expect(failures).toBe(1);
  expect(await house.parts.metrics.render()).toContain('holdpoint_swept_total{sweep="test"} 250');
});

test("a worker sweeps", async () => {
  const thread_id = await deletedThread(1);
  const worker = house.newWorker();
  worker.start();
  await until("the thread is swept", async () => (await eventsOf(thread_id)) === 0);
  await worker.stop();
});
