import { setImmediate as turn } from "node:timers/promises";
import { type Clock, SYSTEM_CLOCK } from "../kit/clock.ts";
import { HoldpointError } from "../protocol/errors.ts";

/** A clock that a test moves. Nothing that waits on it really waits. */
export interface TestClock extends Clock {
  /** Moves it on. What sleeps is woken at its time, in the order of time, also when it goes to sleep again on the way. */
  advance(ms: number): Promise<void>;
  /** How many sleep now, limits not counted. */
  readonly sleeping: number;
  /** Resolves when so many sleep. */
  untilSleeping(count?: number): Promise<void>;
}

/** What time it is at first, and whether somebody has to move it. */
export interface TestClockOptions {
  /** 2026-01-01T00:00:00Z unless given. */
  now?: Date | string | number;
  /** `skipped`: time goes on by itself whenever something sleeps, to the moment it would be woken; limits take their real time. */
  waits?: "by hand" | "skipped";
}

interface Sleeper {
  at: number;
  isLimit: boolean;
  wake(): void;
}

const BEGINNING = "2026-01-01T00:00:00Z";
// So that what is woken has begun to sleep again, or has not: LangGraph goes through a few turns from node to node.
const TURNS = 5;
// Bound: whatever sleeps for nothing again and again is not waited for.
const MOST_WAKINGS = 1_000;

/** Makes one. */
export function testClock({ now: start = BEGINNING, waits = "by hand" }: TestClockOptions = {}): TestClock {
  let now = new Date(start).getTime();
  if (Number.isNaN(now))
    throw new HoldpointError("invalid", `testClock() was given now: ${String(start)}, which is no time`);
  const sleepers = new Set<Sleeper>();
  const watchers = new Set<() => void>();
  let isSkipping = false;
  const wakeNext = (until: number): boolean => {
    const next = [...sleepers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
    if (next === undefined) return false;
    now = Math.max(now, next.at);
    sleepers.delete(next);
    next.wake();
    return true;
  };
  const skip = async () => {
    if (isSkipping) return;
    isSkipping = true;
    do await turns();
    while (wakeNext(Number.POSITIVE_INFINITY));
    isSkipping = false;
  };
  const sleep = async (ms: number, signal: AbortSignal | undefined, isLimit: boolean) => {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const sleeper: Sleeper = { at: now + Math.max(0, ms), isLimit, wake: resolve };
    const onAbort = () => {
      sleepers.delete(sleeper);
      reject(signal?.reason);
    };
    sleepers.add(sleeper);
    signal?.addEventListener("abort", onAbort, { once: true });
    for (const look of [...watchers]) look();
    if (waits === "skipped") void skip();
    await promise.finally(() => signal?.removeEventListener("abort", onAbort));
  };
  const count = () => [...sleepers].filter(({ isLimit }) => !isLimit).length;
  return {
    now: () => now,
    sleep: (ms, signal) => sleep(ms, signal, false),
    limit: (ms, signal) => (waits === "skipped" ? SYSTEM_CLOCK.limit(ms, signal) : sleep(ms, signal, true)),
    get sleeping() {
      return count();
    },
    async untilSleeping(wanted = 1) {
      while (count() < wanted) {
        const { promise, resolve } = Promise.withResolvers<void>();
        watchers.add(resolve);
        await promise;
        watchers.delete(resolve);
      }
    },
    async advance(ms) {
      if (!(ms >= 0 && Number.isFinite(ms)))
        throw new HoldpointError("invalid", `advance(${ms}) goes nowhere; give milliseconds from 0 up`);
      const until = now + ms;
      await turns();
      for (let wakings = 0; wakeNext(until); wakings += 1) {
        if (wakings >= MOST_WAKINGS)
          throw new HoldpointError(
            "invalid",
            `something has gone to sleep ${wakings} times within ${ms} ms and goes on`,
          );
        await turns();
      }
      now = until;
    },
  };
}

async function turns(): Promise<void> {
  for (let turned = 0; turned < TURNS; turned += 1) await turn();
}
