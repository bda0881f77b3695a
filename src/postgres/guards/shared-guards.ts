import { type DailyBudgets, NO_BUDGETS } from "../../policy/budget.ts";
import { createRecentAnswers } from "../../policy/recent-answers.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Metrics } from "../../telemetry/metrics.ts";
import type { Database } from "../database.ts";
import { createBreakers, type SharedBreakers } from "./breakers.ts";
import { type CachedAnswers, createCachedAnswers } from "./cached-answers.ts";
import { createMeter, type SharedMeter } from "./meter.ts";
import { createLimits, type SharedLimits } from "./rate-limits.ts";

/** What all processes share about calls to others, and what this one remembers of it. */
export interface SharedGuards {
  breakers: SharedBreakers;
  limits: SharedLimits;
  cache: CachedAnswers;
  meter: SharedMeter;
}

/** What they need. */
export interface SharedGuardsParts {
  database: Database;
  log: Log;
  metrics: Metrics;
  /** What may be spent in a day; anything unless given. */
  budgets?: DailyBudgets | undefined;
  /** How old this process's copy of a breaker may be. */
  copyMs?: number;
  /** A clock of this process that never goes back, in milliseconds. */
  now?: () => number;
}

/** Makes the guards of one process: one set for all its runs. */
export function createSharedGuards({ budgets = NO_BUDGETS, ...parts }: SharedGuardsParts): SharedGuards {
  return {
    breakers: createBreakers(parts),
    limits: createLimits(parts),
    cache: createCachedAnswers({ ...parts, recent: createRecentAnswers() }),
    meter: createMeter({ ...parts, budgets }),
  };
}
