import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { type ClaimedRun, claimRuns, reapLeases, returnLease } from "../postgres/claim.ts";
import type { Lease } from "../postgres/fence.ts";
import { selectCancelled, stopWorker } from "../postgres/runs.sql.ts";
import { executeRun, type StopReason } from "./execute.ts";
import { type Heartbeat, type HeartbeatMessage, startHeartbeat } from "./heartbeat.ts";
import type { RunnerParts } from "./runner.ts";

/** How a worker behaves. */
export interface WorkerOptions {
  /** Runs executed at the same time. */
  slots: number;
  /** How long a lease lasts without a heartbeat. */
  leaseMs: number;
  /** How long a stop waits for running nodes before it hands their leases back. */
  drainMs: number;
  /** The database for the heartbeat's own connection. */
  url: string;
  prepare: boolean;
  tenant_id: string;
}

/** Claims runs and executes them. */
export interface Worker {
  readonly worker_id: string;
  /** Claims what is due and executes it to the end; how many runs that were. For tests, which step the loop. */
  tick(): Promise<number>;
  start(): void;
  /** Claims nothing more, waits `drainMs` for what runs, then hands the rest back to the queue. */
  stop(): Promise<void>;
  running(): number;
}

const POLL_MS = 1_000;

interface Running {
  run: ClaimedRun;
  lease: Lease;
  claimedAt: number;
  controller: AbortController;
  done: Promise<void>;
}

/** Makes a worker; `start` sets it to work. */
export function createWorker(parts: RunnerParts, options: WorkerOptions): Worker {
  const worker_id = randomUUID();
  const running = new Map<string, Running>();
  const log = parts.log.child({ worker_id });
  let heartbeat: Heartbeat | undefined;
  let lastBeat = Date.now();
  let stopping = false;
  let claiming: Promise<number> | undefined;
  let again = false;
  const cleanup: (() => void)[] = [];

  const execute = (run: ClaimedRun): Running => {
    const lease = { tenant_id: run.tenant_id, thread_id: run.thread_id, run_id: run.run_id, lease_epoch: run.lease_epoch };
    const controller = new AbortController();
    const entry: Running = { run, lease, claimedAt: Date.now(), controller, done: Promise.resolve() };
    running.set(run.run_id, entry);
    parts.metrics.runs_started.inc();
    log.info({ run_id: run.run_id, thread_id: run.thread_id, attempt: run.attempt, kind: run.kind }, "run claimed");
    entry.done = executeRun(parts, { run, lease, signal: controller.signal })
      // What the executor could not turn into the run's end (the database is gone, a fault of ours) leaves the run to the reaper.
      .catch((error: unknown) => log.error({ err: error, run_id: run.run_id, thread_id: run.thread_id }, "execution broke off"))
      .then(async () => {
        running.delete(run.run_id);
        if (controller.signal.reason === "drain") await returnLease(parts.database, lease);
        parts.wakeups.wake("runs", run.thread_id);
        parts.wakeups.wake("events", run.thread_id);
      })
      .catch((error: unknown) => log.error({ err: error, run_id: run.run_id }, "lease was not handed back; it runs out by itself"));
    return entry;
  };

  const claim = async (): Promise<Running[]> => {
    const graph_ids = [...parts.graphs().graphs.keys()];
    const claimed = await claimRuns(parts.database, { worker_id, graph_ids, leaseMs: options.leaseMs }, options.slots - running.size);
    return claimed.map(execute);
  };

  /** One claim at a time; a wake-up that comes meanwhile makes it look once more. */
  const pump = () => {
    again = true;
    if (claiming !== undefined || stopping) return;
    claiming = (async () => {
      let count = 0;
      while (again && !stopping && running.size < options.slots) {
        again = false;
        count += (await claim()).length;
      }
      return count;
    })();
    claiming
      .catch((error: unknown) => log.warn({ err: error }, "claim failed; polling goes on"))
      .finally(() => {
        claiming = undefined;
        if (again && !stopping && running.size < options.slots) pump();
      });
  };

  const abort = (entry: Running, reason: StopReason) => {
    if (entry.controller.signal.aborted) return;
    log.warn({ run_id: entry.run.run_id, thread_id: entry.run.thread_id, reason }, "run stopped");
    entry.controller.abort(reason);
  };

  const onBeat = (message: HeartbeatMessage) => {
    if ("error" in message) {
      log.warn({ error: message.error }, "heartbeat failed");
      // Past the lease the runs are somebody else's, whether or not we can read that.
      if (message.askedAt - lastBeat > options.leaseMs) for (const entry of running.values()) abort(entry, "lease_lost");
      return;
    }
    lastBeat = message.askedAt;
    for (const entry of running.values()) {
      const isHeld = message.held.some((held) => held.thread_id === entry.lease.thread_id && held.lease_epoch === entry.lease.lease_epoch);
      if (isHeld || entry.claimedAt >= message.askedAt) continue;
      parts.metrics.leases_lost.inc();
      abort(entry, "lease_lost");
    }
  };

  const stopCancelled = async () => {
    if (running.size === 0) return;
    for (const { run_id } of await parts.database.many(selectCancelled([...running.keys()]))) {
      const entry = running.get(run_id);
      if (entry !== undefined) abort(entry, "cancelled");
    }
  };

  const reap = async () => {
    for (const reaped of await reapLeases(parts.database)) {
      parts.metrics.leases_lost.inc();
      log.warn(reaped, "lease ran out");
      parts.wakeups.wake("runs", reaped.thread_id);
    }
  };

  const repeat = (body: () => Promise<void>, ms: number, what: string) => {
    let busy = false;
    const timer = setInterval(() => {
      if (busy) return;
      busy = true;
      body()
        .catch((error: unknown) => log.warn({ err: error }, `${what} failed; it is tried again`))
        .finally(() => {
          busy = false;
        });
    }, ms);
    cleanup.push(() => clearInterval(timer));
  };

  return {
    worker_id,
    running: () => running.size,
    async tick() {
      const executed = await claim();
      await Promise.all(executed.map(({ done }) => done));
      return executed.length;
    },
    start() {
      const worker = { tenant_id: options.tenant_id, worker_id, hostname: hostname(), process_id: process.pid, slots: options.slots };
      heartbeat = startHeartbeat({ url: options.url, prepare: options.prepare, leaseMs: options.leaseMs, worker }, onBeat, (error) =>
        log.error({ err: error }, "heartbeat thread died"),
      );
      cleanup.push(
        parts.wakeups.subscribe("runs", () => {
          pump();
          stopCancelled().catch((error: unknown) => log.warn({ err: error }, "cancellations were not read; polling goes on"));
        }),
      );
      repeat(async () => pump(), POLL_MS, "claim");
      repeat(stopCancelled, POLL_MS, "cancellation check");
      repeat(reap, Math.max(100, Math.min(1_000, options.leaseMs / 4)), "reaper");
      pump();
    },
    async stop() {
      stopping = true;
      for (const stop of cleanup.splice(0)) stop();
      await claiming?.catch(() => {});
      const all = () => Promise.all([...running.values()].map(({ done }) => done));
      let patience: NodeJS.Timeout | undefined;
      const late = new Promise((resolve) => {
        patience = setTimeout(resolve, options.drainMs);
      });
      await Promise.race([all(), late]);
      clearTimeout(patience);
      for (const entry of running.values()) abort(entry, "drain");
      // A node that does not listen to its signal is left behind: its lease is not renewed and it is fenced.
      await Promise.race([all(), new Promise((resolve) => setTimeout(resolve, 1_000).unref())]);
      await heartbeat?.stop();
      await parts.database.run(stopWorker(worker_id)).catch(() => {});
    },
  };
}
