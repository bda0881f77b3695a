import pg from "pg";
import type { Job, PgBoss } from "pg-boss";
import type { Log } from "../telemetry/log.ts";
import type { Database } from "./database.ts";

// Our own rows say what is due, and when, and how it ended; a job only carries the errand to a process. So nothing is lost
// with this schema, and an errand that is carried twice is done once. What pg-boss gives: each turn of an errand is put and
// fetched once over all processes, as many at once as each can bear, and jobs of processes that died are cleaned away by
// their heartbeat. What it is not used for is time: its clock cannot be moved with ours, and its schedules know when
// somebody last looked, not which occurrence has its run.
const SCHEMA = "holdpoint_jobs";
const HEARTBEAT_SECONDS = 10;
const WATCH_SECONDS = 10;
// Whoever puts a job wakes the workers of its process; this is for what other processes have put.
const POLL_SECONDS = 5;
const WORKERS = 4;
const JOBS_AT_ONCE = 5;
const KEPT_SECONDS = 3_600;
const START_AGAIN_MS = 30_000;
// How long errands that are under way may go on when the process stops, and how long until it stops whatever they do.
const DRAIN_MS = 2_000;
const STOP_MS = 5_000;

/** What can be carried. */
export type Queue = "deliver" | "deliver_mail" | "fire_cron";

/** What an errand is about. */
export interface Errand {
  tenant_id: string;
  id: string;
}

/** An errand that is due. */
export interface DueErrand extends Errand {
  /** Which time it is: the carrier of the time before may have died, and its job not yet. */
  turn: string;
}

/** Does an errand. The signal is aborted when the process stops. */
export type ErrandHandler = (errand: Errand, signal: AbortSignal) => Promise<void>;

/** Carries errands. */
export interface Jobs {
  /** Hands errands to whichever process is free; one that is on its way already is not put a second time. */
  put(queue: Queue, errands: readonly DueErrand[]): Promise<void>;
  close(): Promise<void>;
}

/** Nothing is loaded, installed or asked of the database until the first errand: most houses have none. */
export function openJobs(database: Database, log: Log, handlers: Readonly<Record<Queue, ErrandHandler>>): Jobs {
  const stopping = new AbortController();
  let started: Promise<Started> | undefined;
  let isClosed = false;
  let startAgainAt = 0;
  const ready = async (): Promise<Started | undefined> => {
    if (started === undefined && performance.now() < startAgainAt) return undefined;
    started ??= start(database, log, handlers, stopping.signal);
    try {
      return await started;
    } catch (error) {
      started = undefined;
      startAgainAt = performance.now() + START_AGAIN_MS;
      log.error({ err: error }, `the job queue did not start; it is tried again in ${START_AGAIN_MS / 1000} s`);
      return undefined;
    }
  };
  return {
    async put(queue, errands) {
      if (errands.length === 0 || isClosed) return;
      const jobs = await ready();
      if (jobs === undefined) return;
      await jobs.boss.insert(
        queue,
        errands.map(({ tenant_id, id, turn }) => ({ data: { tenant_id, id }, singletonKey: `${id} ${turn}` })),
      );
      jobs.wake(queue);
    },
    async close() {
      isClosed = true;
      const jobs = await started?.catch(() => undefined);
      if (jobs === undefined) return;
      const timer = setTimeout(() => stopping.abort(), DRAIN_MS);
      await jobs.boss
        .stop({ close: false, timeout: STOP_MS })
        .catch((error: unknown) => log.warn({ err: error }, "the job queue did not stop in order"));
      clearTimeout(timer);
    },
  };
}

interface Started {
  boss: PgBoss;
  wake(queue: Queue): void;
}

async function start(
  database: Database,
  log: Log,
  handlers: Readonly<Record<Queue, ErrandHandler>>,
  stopping: AbortSignal,
): Promise<Started> {
  const { PgBoss } = await import("pg-boss");
  const boss = new PgBoss({
    db: { executeSql: (text, values) => execute(database, text, values) },
    schema: SCHEMA,
    schedule: false,
    useListenNotify: false,
    superviseIntervalSeconds: WATCH_SECONDS,
    monitorIntervalSeconds: WATCH_SECONDS,
    reindex: false,
    monitorVacuum: false,
  });
  // An emitter of errors that nobody listens to ends the process.
  boss.on("error", (error) => log.warn({ err: error }, "the job queue had an error; it goes on"));
  boss.on("warning", (warning) => log.warn({ warning }, "the job queue warns"));
  const workers = new Map<Queue, string[]>();
  try {
    await boss.start();
    for (const [queue, handler] of Object.entries(handlers) as [Queue, ErrandHandler][]) {
      workers.set(queue, await work(boss, log, queue, handler, stopping));
    }
  } catch (error) {
    await boss.stop({ close: false, graceful: false }).catch(() => {});
    throw error;
  }
  return {
    boss,
    wake(queue) {
      for (const worker of workers.get(queue) ?? []) boss.notifyWorker(worker);
    },
  };
}

async function work(
  boss: PgBoss,
  log: Log,
  queue: Queue,
  handler: ErrandHandler,
  stopping: AbortSignal,
): Promise<string[]> {
  await boss.createQueue(queue, {
    // One per turn of an errand, waiting or under way.
    policy: "exclusive",
    heartbeatSeconds: HEARTBEAT_SECONDS,
    // An errand that failed is due again by its own row.
    retryLimit: 0,
    deleteAfterSeconds: KEPT_SECONDS,
  });
  const options = {
    batchSize: JOBS_AT_ONCE,
    burstWhenBatchFull: true,
    pollingIntervalSeconds: POLL_SECONDS,
  };
  const carry = async (jobs: Job<Errand>[]) => {
    await Promise.all(
      jobs.map(async ({ data, signal }) => {
        await handler(data, AbortSignal.any([signal, stopping])).catch((error: unknown) =>
          log.error({ err: error, queue, id: data.id }, "an errand failed; it is due again by itself"),
        );
      }),
    );
  };
  // Each by its own name: of several that pg-boss starts at once only the first could be woken.
  return await Promise.all(Array.from({ length: WORKERS }, () => boss.work<Errand>(queue, options, carry)));
}

/**
 * A connection that failed is thrown away: the statement may be a whole transaction in one text, which leaves it in the
 * middle of one. Nothing is prepared, so that a pooler may sit in between; rows come as pg gives them by itself.
 */
async function execute(database: Database, text: string, values?: unknown[]) {
  const client = await database.pool.connect();
  let broken: Error | undefined;
  try {
    return await client.query({ text, ...(values === undefined ? {} : { values }), types: pg.types });
  } catch (error) {
    broken = error as Error;
    throw error;
  } finally {
    client.release(broken);
  }
}
