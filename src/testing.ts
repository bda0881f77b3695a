import type pg from "pg";
import { SYSTEM_CLOCK } from "./kit/clock.ts";
import { createMemoryEffects } from "./kit/memory-effects.ts";
import { createMemoryGuards } from "./kit/memory-guards.ts";
import { createMemoryQuestions } from "./kit/memory-questions.ts";
import { memoryOutside, type OutsidePorts } from "./kit/outside.ts";
import { type DatabasePort, type EffectPort, withPorts } from "./kit/ports.ts";
import { HoldpointError } from "./protocol/errors.ts";

export type { MemoryEffect, MemoryEffects } from "./kit/memory-effects.ts";
export { createMemoryEffects } from "./kit/memory-effects.ts";

/** What a graph under test may reach; anything left out is empty or in memory. */
export interface TestPorts extends Partial<OutsidePorts> {
  effects?: EffectPort;
  /** Pools by the name that `database(name)` asks for. */
  databases?: Readonly<Record<string, pg.Pool>>;
  signal?: AbortSignal;
}

/** Runs a graph or a node as Holdpoint would, without a server: effects are remembered in memory unless given. */
export function withTestPorts<Result>(ports: TestPorts, body: () => Result): Result {
  const signal = ports.signal ?? new AbortController().signal;
  const effects = ports.effects ?? createMemoryEffects({ signal });
  const database: DatabasePort = (name) => {
    const pool = ports.databases?.[name];
    if (pool !== undefined) return pool;
    throw new HoldpointError(
      "not_found",
      `no database "${name}" in this test; pass databases: { ${JSON.stringify(name)}: pool }`,
    );
  };
  const run = { tenant_id: "default", graph_id: "test", thread_id: "test", run_id: "test" };
  const guards = createMemoryGuards();
  const questions = createMemoryQuestions();
  return withPorts(
    {
      effects,
      questions,
      database,
      guards,
      run,
      clock: SYSTEM_CLOCK,
      may: async () => true,
      signal,
      ...memoryOutside(ports),
    },
    body,
  );
}
