import type { Database } from "../postgres/database.ts";
import { sweepGuards, sweepUsage } from "../postgres/guards/sweep.ts";
import { sweepIdempotencyKeys } from "../postgres/idempotency.ts";
import { sweepItems } from "../postgres/store/items.ts";
import { sweepVectors } from "../postgres/store/sweep-vectors.ts";
import { sweepDeletedThreads, sweepLoginLinks, sweepSessions } from "../postgres/sweeps.ts";
import { periodically } from "./periodic.ts";
import { sweepReviewTimers } from "./review-timers.ts";
import type { RunnerParts } from "./runner.ts";
import { sweepThreadTtl } from "./thread-ttl.ts";

/** Something that is done when its time has come, on the database's clock. */
export interface Sweep {
  name: string;
  everyMs: number;
  /**
   * Does a bounded part of what is due and gives how many rows that were; 0 when there are none left. Any number of
   * workers do it at once: what one has locked the others pass over.
   */
  sweep(database: Database, parts: SweepParts): Promise<number>;
}

// Leases, time-outs and runs that start later are not here: the worker looks at those more often.
const SWEEPS: readonly Sweep[] = [
  { name: "idempotency_keys", everyMs: 60_000, sweep: sweepIdempotencyKeys },
  { name: "sessions", everyMs: 60_000, sweep: sweepSessions },
  { name: "login_links", everyMs: 60_000, sweep: sweepLoginLinks },
  { name: "guards", everyMs: 60_000, sweep: sweepGuards },
  { name: "usage", everyMs: 3_600_000, sweep: sweepUsage },
  { name: "deleted_threads", everyMs: 5_000, sweep: sweepDeletedThreads },
  { name: "thread_ttl", everyMs: 5_000, sweep: (_database, parts) => sweepThreadTtl(parts) },
  { name: "store_items", everyMs: 60_000, sweep: sweepItems },
  { name: "store_vectors", everyMs: 5_000, sweep: (database, parts) => sweepVectors(database, parts.embedder) },
  { name: "review_timers", everyMs: 1_000, sweep: (_database, parts) => sweepReviewTimers(parts) },
];

const PASSES = 100;

type SweepParts = Pick<RunnerParts, "database" | "graphs" | "saver" | "metrics" | "wakeups" | "log" | "embedder">;

/** Starts all sweeps; every worker does. One that fails is logged, and its next turn tries again. Returns how to stop. */
export function startSweeps(parts: SweepParts, sweeps: readonly Sweep[] = SWEEPS): () => void {
  const stops = sweeps.map((sweep) =>
    periodically(() => sweepUp(parts, sweep), sweep.everyMs, `the sweep of ${sweep.name}`, parts.log),
  );
  return () => {
    for (const stop of stops) stop();
  };
}

/** Bound: until nothing is due, PASSES at most; the rest is the next turn's. */
async function sweepUp(parts: SweepParts, { name, sweep }: Sweep): Promise<void> {
  const { database, metrics, log } = parts;
  let swept = 0;
  for (let pass = 0; pass < PASSES; pass += 1) {
    const rows = await sweep(database, parts);
    metrics.swept.inc({ sweep: name }, rows);
    swept += rows;
    if (rows === 0) break;
  }
  if (swept > 0) log.debug({ sweep: name, rows: swept }, "swept");
}
