import type pg from "pg";
import { type Clock, SYSTEM_CLOCK } from "../kit/clock.ts";
import { createMemoryEffects } from "../kit/effects/memory-effects.ts";
import type { Guards } from "../kit/guards.ts";
import { createMemoryGuards } from "../kit/memory-guards.ts";
import { createMemoryQuestions } from "../kit/memory-questions.ts";
import { memoryOutside, type OutsidePorts } from "../kit/outside.ts";
import {
  type DatabasePort,
  type EffectPort,
  type ModelPort,
  type Ports,
  type QuestionPort,
  type RunFacts,
  type StandIn,
  withPorts,
} from "../kit/ports.ts";
import { HoldpointError } from "../protocol/errors.ts";

/** What a graph under test may reach; anything left out is empty or in memory. */
export interface TestPorts extends Partial<OutsidePorts> {
  effects?: EffectPort;
  questions?: QuestionPort;
  guards?: Guards;
  /** Pools by the name that `database(name)` asks for. */
  databases?: Readonly<Record<string, pg.Pool>>;
  clock?: Clock;
  /** What stands where the configured models would. */
  models?: ModelPort;
  /** What is called in the place of tools, by their names. */
  standIns?: ReadonlyMap<string, StandIn>;
  /** Whether whoever started the run may use what asks for a permission; everything unless given. */
  may?: (permission: string) => boolean | Promise<boolean>;
  run?: Partial<RunFacts>;
  signal?: AbortSignal;
}

const RUN: RunFacts = { tenant_id: "default", graph_id: "test", thread_id: "test", run_id: "test" };

/** Runs a graph or a node as Holdpoint would, without a server: effects are remembered in memory unless given. */
export function withTestPorts<Result>(ports: TestPorts, body: () => Result): Result {
  return withPorts(portsOf(ports), body);
}

function portsOf(given: TestPorts): Ports {
  const signal = given.signal ?? new AbortController().signal;
  const { clock = SYSTEM_CLOCK, models, standIns, may } = given;
  return {
    effects: given.effects ?? createMemoryEffects({ signal }),
    questions: given.questions ?? createMemoryQuestions(),
    guards: given.guards ?? createMemoryGuards({ clock }),
    database: databasesOf(given.databases ?? {}),
    run: { ...RUN, ...given.run },
    clock,
    may: async (permission) => (may === undefined ? true : await may(permission)),
    signal,
    ...(models === undefined ? {} : { models }),
    ...(standIns === undefined ? {} : { standIns }),
    ...memoryOutside(given),
  };
}

function databasesOf(pools: Readonly<Record<string, pg.Pool>>): DatabasePort {
  return (name) => {
    const pool = Object.hasOwn(pools, name) ? pools[name] : undefined;
    if (pool !== undefined) return pool;
    throw new HoldpointError(
      "not_found",
      `no database "${name}" in this test; pass databases: { ${JSON.stringify(name)}: pool }`,
    );
  };
}
