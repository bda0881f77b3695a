import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { concurrencyLimits, timeLimits } from "../graphs/stated-limits.ts";
import {
  type ClaimedRun,
  claimRuns,
  claimThread,
  type GraphLimits,
  limitOf,
  loseLease,
  reapLeases,
  returnLease,
} from "../postgres/claim.ts";
import { selectCancelled, stopWorker } from "../postgres/runs.sql.ts";
import { timeOutRuns } from "../postgres/time-out.ts";
import { withLogIds } from "../telemetry/log-context.ts";
import { createAnnouncer } from "./announce.ts";
import { createClaimLoop } from "./claim-loop.ts";
import { executeRun } from "./execute.ts";
import { type Heartbeat, startHeartbeat } from "./heartbeat.ts";
import { periodically } from "./periodic.ts";
import type { RunnerParts } from "./runner.ts";
import { createRunningRuns, type HeldBeat, type RunningRun, type RunningRuns, within } from "./running.ts";
import { startSweeps } from "./sweep.ts";

/** How a worker behaves. */
export interface WorkerOptions {
  /** Runs executed at the same time. */
  slots: number;
  /** The same in every process: who knows of no limit keeps none. */
  limits?: GraphLimits;
  /** How many seconds a run may execute that does not say so itself. */
  timeouts?: GraphLimits;
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
  /** How many runs it executes now. */
  running(): number;
}

// Wake-ups are hints that can be lost; this is how late a lost one is noticed.
const POLL_MS = 1_000;
// A node that does not listen to its signal is left behind after this long: it is fenced.
const ABORT_GRACE_MS = 1_000;

/** Makes a worker; `start` sets it to work. */
export function createWorker(shared: RunnerParts, options: WorkerOptions): Worker {
  const worker_id = randomUUID();
  const parts = { ...shared, log: shared.log.child({ worker_id }) };
  const running = createRunningRuns({
    leaseMs: options.leaseMs,
    log: parts.log,
    onLost: () => parts.metrics.leases_lost.inc(),
  });
  const { leaseMs, limits = new Map(), timeouts = new Map() } = options;
  // What is loaded may change.
  const allowed = () => concurrencyLimits(limits, parts.graphs());
  const claimant = () => {
    const graphs = parts.graphs();
    const graph_ids = [...graphs.graphs.keys()];
    return { worker_id, graph_ids, leaseMs, limits: allowed(), timeouts: timeLimits(timeouts, graphs) };
  };
  const begin = (run: ClaimedRun) => {
    const entry = execute(parts, running, run, (thread_id) => ended.add(thread_id));
    // Its end makes room for another thread's run of the same graph, which no hint names.
    if (limitOf({ limits: allowed() }, run.graph_id) !== null) void entry.done.then(() => loop.wake());
    return entry;
  };
  const claim = () =>
    running.claiming(async () => {
      const free = options.slots - running.size;
      const claimed = await claimRuns(parts.database, claimant(), free);
      return { isMore: claimed.length === free, executing: claimed.map(begin) };
    });
  const loop = createClaimLoop({
    async scan() {
      const { isMore, executing } = await claim();
      return isMore && executing.length > 0;
    },
    claim: (thread_id) =>
      running.claiming(async () => {
        const run = await claimThread(parts.database, claimant(), options.tenant_id, thread_id);
        if (run !== undefined) begin(run);
      }),
    hasRoom: () => running.size < options.slots,
    log: parts.log,
  });
  // Threads whose run has just ended here: most have nothing more to do, and one look finds those that have.
  const ended = new Set<string>();
  const stops: (() => void)[] = [];
  let heartbeat: Heartbeat | undefined;

  return {
    worker_id,
    running: () => running.size,
    async tick() {
      const { executing } = await claim();
      await Promise.all(executing.map(({ done }) => done));
      return executing.length;
    },
    start() {
      const worker = {
        tenant_id: options.tenant_id,
        worker_id,
        hostname: hostname(),
        process_id: process.pid,
        slots: options.slots,
      };
      heartbeat = startHeartbeat(
        { ...options, worker },
        (message) => void returnUnused(parts, options.tenant_id, running.onBeat(message)),
        (error) => parts.log.error({ err: error }, "heartbeat thread died"),
      );
      const announce = createAnnouncer(parts, { ...worker, lease_ms: leaseMs });
      const leaseCheckMs = Math.max(100, Math.min(POLL_MS, options.leaseMs / 4));
      const look = async (thread_id?: string) => {
        loop.wake(thread_id !== undefined && ended.delete(thread_id) ? undefined : thread_id);
        if (thread_id === undefined || running.has(thread_id)) await stopCancelled(parts, running);
      };
      stops.push(
        parts.wakeups.subscribe("runs", (thread_id) => {
          look(thread_id).catch((error: unknown) =>
            parts.log.warn({ err: error }, "cancellations were not read; polling goes on"),
          );
        }),
        periodically(() => look(), POLL_MS, "polling", parts.log),
        periodically(announce, POLL_MS, "saying which graphs are loaded", parts.log),
        periodically(() => reap(parts), leaseCheckMs, "the reaper", parts.log),
        startSweeps(parts),
        periodically(async () => running.checkBeat(), leaseCheckMs, "the watch over the heartbeat", parts.log),
      );
      loop.wake();
    },
    async stop() {
      for (const stop of stops.splice(0)) stop();
      await loop.stop();
      await running.settled(options.drainMs);
      await handBack(parts, running);
      await heartbeat?.stop();
      await parts.database
        .run(stopWorker(worker_id))
        .catch((error: unknown) => parts.log.warn({ err: error }, "the worker's row was not closed"));
    },
  };
}

function execute(
  parts: RunnerParts,
  running: RunningRuns,
  run: ClaimedRun,
  onEnd: (thread_id: string) => void,
): RunningRun {
  const { tenant_id, thread_id, run_id, graph_id, lease_epoch, attempt, kind } = run;
  const ids = { run_id, thread_id, graph_id };
  const log = parts.log.child({ ...ids, attempt });
  const lease = { tenant_id, thread_id, run_id, lease_epoch };
  const controller = new AbortController();
  const entry: RunningRun = { run, lease, claimedAt: Date.now(), controller, done: Promise.resolve() };
  running.add(entry);
  parts.metrics.runs_started.inc();
  log.info({ kind }, "run claimed");
  entry.done = withLogIds(ids, () => executeRun({ ...parts, log }, { run, lease, controller }))
    .catch(async (error: unknown) => {
      log.error({ err: error }, "execution broke off");
      await giveUpRun(parts, entry);
    })
    .then(() => {
      running.remove(entry);
      onEnd(thread_id);
      parts.wakeups.wake("runs", thread_id);
      parts.wakeups.wake("events", thread_id);
    });
  return entry;
}

/**
 * Gives up a run whose end could not be written (the database is gone, a fault of ours). The heartbeat renews the lease
 * as long as this worker lives, so the reaper would never see it. Bound: until it is given up, or the lease is lost or
 * handed back.
 */
async function giveUpRun(parts: RunnerParts, { lease, controller: { signal } }: RunningRun): Promise<void> {
  while (!signal.aborted) {
    try {
      return await loseLease(parts.database, lease);
    } catch (error) {
      parts.log.warn({ err: error, run_id: lease.run_id }, "a broken run was not given up; it is tried again");
      await delay(POLL_MS, undefined, { signal }).catch(() => {});
    }
  }
}

/**
 * Gives back what is claimed and not executed: the connection broke off between the commit of the claim and its answer.
 * The heartbeat renews it as long as this worker lives, so the reaper would never see it.
 */
async function returnUnused(parts: RunnerParts, tenant_id: string, unused: readonly HeldBeat[]): Promise<void> {
  for (const lease of unused) {
    parts.log.warn(lease, "a lease is held under which nothing executes; it is given back");
    await returnLease(parts.database, { tenant_id, ...lease }).catch((error: unknown) =>
      parts.log.warn({ err: error, thread_id: lease.thread_id }, "the lease was not given back; it is tried again"),
    );
    parts.wakeups.wake("runs", lease.thread_id);
  }
}

async function stopCancelled(parts: RunnerParts, running: RunningRuns): Promise<void> {
  if (running.size === 0) return;
  for (const { run_id } of await parts.database.many(selectCancelled(running.ids())))
    running.abort(run_id, "cancelled");
}

async function reap(parts: RunnerParts): Promise<void> {
  for (const reaped of await reapLeases(parts.database)) {
    parts.metrics.leases_lost.inc();
    parts.log.warn(reaped, "lease ran out");
    parts.wakeups.wake("runs", reaped.thread_id);
  }
  for (const late of await timeOutRuns(parts.database)) {
    parts.log.warn(late, "run timed out; its worker had not stopped it");
    parts.wakeups.wake("runs", late.thread_id);
  }
}

/** Stops what is still running and gives its runs to other workers at once, instead of when the lease runs out. */
async function handBack(parts: RunnerParts, running: RunningRuns): Promise<void> {
  const left = running.all();
  for (const { run } of left) running.abort(run.run_id, "drain");
  // Each as soon as it has stopped, none waiting for another.
  await Promise.all(
    left.map(async ({ lease, done }) => {
      await within(ABORT_GRACE_MS, done);
      await returnLease(parts.database, lease).catch((error: unknown) =>
        parts.log.warn({ err: error, run_id: lease.run_id }, "lease was not handed back; it runs out by itself"),
      );
      parts.wakeups.wake("runs", lease.thread_id);
    }),
  );
}
