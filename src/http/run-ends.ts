import { setImmediate as nextTurn } from "node:timers/promises";
import type { Database } from "../postgres/database.ts";
import type { Wakeups } from "../postgres/notify.ts";
import { endedRuns } from "../postgres/run-ends.sql.ts";
import type { RunRow } from "../postgres/runs.sql.ts";

/** How long to wait for a wake-up before looking anyway. */
const POLL_MS = 1_000;
// What an ended run gives is read with it.
const ENDS_AT_ONCE = 64;

/** Which run. */
export type RunKey = Pick<RunRow, "tenant_id" | "thread_id" | "run_id">;

/** Tells those who wait for runs when they have ended. */
export interface RunEnds {
  /** The run as it has ended, `gone`, or undefined when the signal aborted before; it looks at least once. */
  wait(run: RunKey, signal: AbortSignal): Promise<RunRow | "gone" | undefined>;
}

interface Waiter {
  run: RunKey;
  signal: AbortSignal;
  /** It may have ended since it was asked about last. */
  isDue: boolean;
  hasLooked: boolean;
  settle: PromiseWithResolvers<RunRow | "gone" | undefined>;
}

/**
 * Lets any number of requests wait for the ends of runs: what happens until then is none of their concern, and one
 * question asks for all of them.
 */
export function createRunEnds({ database, wakeups }: { database: Database; wakeups: Wakeups }): RunEnds {
  const waiters = new Set<Waiter>();
  let isLooking = false;
  let stop: (() => void) | undefined;
  // Bound: as long as somebody waits for an end that may have come.
  const work = async () => {
    // Those who were woken together ask together.
    await nextTurn();
    for (;;) {
      const asked = [...waiters].filter(({ isDue }) => isDue).slice(0, ENDS_AT_ONCE);
      if (asked.length === 0) break;
      for (const waiter of asked) waiter.isDue = false;
      await look(database, asked);
    }
    isLooking = false;
  };
  const lookSoon = () => {
    if (isLooking) return;
    isLooking = true;
    void work();
  };
  const wake = (thread_id: string | undefined) => {
    for (const waiter of waiters) waiter.isDue ||= thread_id === undefined || thread_id === waiter.run.thread_id;
    lookSoon();
  };
  const start = () => {
    const unsubscribe = wakeups.subscribe("runs", wake);
    const poll = setInterval(wake, POLL_MS, undefined).unref();
    return () => {
      clearInterval(poll);
      unsubscribe();
    };
  };
  return {
    async wait(run, signal) {
      const waiter: Waiter = { run, signal, isDue: true, hasLooked: false, settle: Promise.withResolvers() };
      const leave = () => void (waiter.hasLooked && waiter.settle.resolve(undefined));
      stop ??= start();
      waiters.add(waiter);
      signal.addEventListener("abort", leave);
      lookSoon();
      try {
        return await waiter.settle.promise;
      } finally {
        signal.removeEventListener("abort", leave);
        waiters.delete(waiter);
        if (waiters.size === 0) stop?.();
        if (waiters.size === 0) stop = undefined;
      }
    },
  };
}

async function look(database: Database, asked: readonly Waiter[]): Promise<void> {
  const keys = {
    tenant_ids: asked.map(({ run }) => run.tenant_id),
    thread_ids: asked.map(({ run }) => run.thread_id),
    run_ids: asked.map(({ run }) => run.run_id),
  };
  try {
    for (const { place, ...run } of await database.many(endedRuns(keys))) {
      asked[place - 1]?.settle.resolve(run.run_id === null ? "gone" : (run as RunRow));
    }
  } catch (error) {
    for (const { settle } of asked) settle.reject(error);
  }
  for (const waiter of asked) {
    waiter.hasLooked = true;
    if (waiter.signal.aborted) waiter.settle.resolve(undefined);
  }
}
