import type { ClaimedRun } from "../postgres/claim.ts";
import type { Lease } from "../postgres/fence.ts";
import type { Log } from "../telemetry/log.ts";
import type { HeartbeatMessage } from "./heartbeat.ts";
import type { StopReason } from "./stopping.ts";

/** A run that this worker executes. */
export interface RunningRun {
  run: ClaimedRun;
  lease: Lease;
  claimedAt: number;
  controller: AbortController;
  done: Promise<void>;
}

/** A lease as a beat tells of it. */
export type HeldBeat = Pick<Lease, "thread_id" | "lease_epoch">;

const keyOf = ({ thread_id, lease_epoch }: HeldBeat) => `${lease_epoch}:${thread_id}`;

/** The runs of one worker, and the ways to stop them. */
export interface RunningRuns {
  readonly size: number;
  ids(): string[];
  /** True when one of them is a run of this thread. */
  has(thread_id: string): boolean;
  all(): RunningRun[];
  add(entry: RunningRun): void;
  remove(entry: RunningRun): void;
  abort(run_id: string, reason: StopReason): void;
  /** Claims and begins what it has claimed: before that is over nobody knows whether a lease is executed under. */
  claiming<Result>(claim: () => Promise<Result>): Promise<Result>;
  /**
   * Stops what the database no longer gives this worker. Gives the leases that it holds and executes nothing under, once
   * every claim that may have been on its way back when they were first heard of is over.
   */
  onBeat(message: HeartbeatMessage): HeldBeat[];
  /** Stops everything when no heartbeat has got through for as long as a lease lasts: somebody else has it by now. */
  checkBeat(): void;
  /** Resolves when all have ended, or after `ms`. */
  settled(ms: number): Promise<void>;
}

/** Keeps the runs of one worker. `onLost` hears of every lease found lost. */
export function createRunningRuns(options: { leaseMs: number; log: Log; onLost: () => void }): RunningRuns {
  const { log } = options;
  const running = new Map<string, RunningRun>();
  // Claims under way, in the order in which they began; and for each lease that nothing executes under, how many claims
  // had begun when it was first heard of. Beats pile up while a node blocks the loop, and so does the answer of a claim.
  const claims = new Set<number>();
  let begun = 0;
  let unused = new Map<string, number>();
  let lastBeat = Date.now();
  let lastCheck = Date.now();

  const abort = (run_id: string, reason: StopReason) => {
    const entry = running.get(run_id);
    if (entry === undefined || entry.controller.signal.aborted) return;
    const { thread_id, graph_id } = entry.run;
    log.warn({ run_id, thread_id, graph_id, reason }, "run stopped");
    entry.controller.abort(reason);
  };
  const lose = (entry: RunningRun) => {
    if (!entry.controller.signal.aborted) options.onLost();
    abort(entry.run.run_id, "lease_lost");
  };
  return {
    get size() {
      return running.size;
    },
    ids: () => [...running.keys()],
    has: (thread_id) => [...running.values()].some(({ lease }) => lease.thread_id === thread_id),
    all: () => [...running.values()],
    add(entry) {
      const earlier = running.get(entry.run.run_id);
      // Its lease ran out, and this worker was given the run again before a beat could tell.
      if (earlier !== undefined) lose(earlier);
      running.set(entry.run.run_id, entry);
    },
    remove(entry) {
      if (running.get(entry.run.run_id) === entry) running.delete(entry.run.run_id);
    },
    abort,
    async claiming(claim) {
      begun += 1;
      const own = begun;
      claims.add(own);
      try {
        return await claim();
      } finally {
        claims.delete(own);
      }
    },
    onBeat(message) {
      if ("error" in message) {
        log.warn({ error: message.error }, "heartbeat failed");
        return [];
      }
      lastBeat = message.askedAt;
      const held = new Set(message.held.map(keyOf));
      for (const entry of running.values()) {
        // What was claimed after the question was asked is not in the answer.
        if (entry.claimedAt < message.askedAt && !held.has(keyOf(entry.lease))) lose(entry);
      }
      const executing = new Set([...running.values()].map(({ lease }) => keyOf(lease)));
      const before = unused;
      const idle = message.held.filter((lease) => !executing.has(keyOf(lease)));
      unused = new Map(idle.map((lease) => [keyOf(lease), before.get(keyOf(lease)) ?? begun]));
      const [oldest = Number.POSITIVE_INFINITY] = claims;
      return idle.filter((lease) => oldest > (before.get(keyOf(lease)) ?? Number.POSITIVE_INFINITY));
    },
    checkBeat() {
      const now = Date.now();
      // A loop that was blocked has beats waiting that it has not heard yet.
      const wasBlocked = now - lastCheck > options.leaseMs / 2;
      lastCheck = now;
      if (!wasBlocked && now - lastBeat > options.leaseMs) running.forEach(lose);
    },
    settled: (ms) => within(ms, Promise.all([...running.values()].map(({ done }) => done))),
  };
}

/** Waits for work, at most so long; what is late goes on. */
export async function within(ms: number, work: Promise<unknown>): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const patience = setTimeout(resolve, ms);
  await Promise.race([work, late]);
  clearTimeout(patience);
}
