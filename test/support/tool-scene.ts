import { setImmediate as turn } from "node:timers/promises";
import type { Clock } from "../../src/kit/clock.ts";
import { createMemoryEffects, type MemoryEffects } from "../../src/kit/effects/memory-effects.ts";
import { createMemoryGuards, type MemoryGuards } from "../../src/kit/memory-guards.ts";
import { createMemoryQuestions } from "../../src/kit/memory-questions.ts";
import { type Ports, withPorts } from "../../src/kit/ports.ts";

/** What surrounds the calls of tools in a test: everything in memory, and time that passes only when somebody waits. */
export interface ToolScene {
  effects: MemoryEffects;
  guards: MemoryGuards;
  /** How long each wait was that came to its end, in order. */
  waits: readonly number[];
  now(): number;
  /** Lets time pass. */
  pass(ms: number): void;
  /** Does something there; while it waits, time goes on to the end of the next wait. */
  within<Value>(body: () => Promise<Value>, ports?: Partial<Ports>): Promise<Value>;
  /** The same, and gives how it failed. */
  failing(body: () => Promise<unknown>, ports?: Partial<Ports>): Promise<FailedWith>;
}

/** An error of the register as tests look at it. */
export interface FailedWith extends Error {
  code: string;
  facts: Record<string, unknown>;
}

interface Wait {
  at: number;
  ms: number;
  end(): void;
}

/** Opens a scene of its own for each test. */
export function openToolScene(): ToolScene {
  let now = Date.UTC(2026, 0, 5);
  const pending = new Set<Wait>();
  const waits: number[] = [];
  const clock: Clock = {
    now: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        const wait: Wait = { at: now + ms, ms, end: resolve };
        pending.add(wait);
        const stop = () => {
          pending.delete(wait);
          reject(signal?.reason);
        };
        signal?.addEventListener("abort", stop, { once: true });
      }),
  };
  const effects = createMemoryEffects();
  const guards = createMemoryGuards({ clock });
  const run = { tenant_id: "default", graph_id: "test", thread_id: "test", run_id: "test" };
  const ports = {
    effects,
    guards,
    clock,
    run,
    questions: createMemoryQuestions(),
    database: () => {
      throw new Error("there is no database here");
    },
    may: async () => true,
    signal: new AbortController().signal,
  };
  const within: ToolScene["within"] = async (body, more = {}) => {
    let isOver = false;
    const result = withPorts({ ...ports, ...more } as Ports, body).finally(() => {
      isOver = true;
    });
    result.catch(() => {});
    // Bound: what neither ends nor waits fails the test by its time-out.
    while (!isOver) {
      await turn();
      const [next] = [...pending].sort((one, other) => one.at - other.at);
      if (isOver || next === undefined) continue;
      await turn();
      if (!pending.has(next)) continue;
      now = Math.max(now, next.at);
      pending.delete(next);
      waits.push(next.ms);
      next.end();
    }
    return await result;
  };
  return {
    effects,
    guards,
    waits,
    now: () => now,
    pass(ms) {
      now += ms;
    },
    within,
    failing: async (body, more) =>
      await within(body, more).then(
        (value) => {
          throw new Error(`it did not fail but gave ${JSON.stringify(value)}`);
        },
        (error: FailedWith) => error,
      ),
  };
}
