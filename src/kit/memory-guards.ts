import { randomUUID } from "node:crypto";
import {
  type BudgetLimit,
  budgetOfGraph,
  countedCost,
  countedTokens,
  type DailyBudgets,
  isUsedUp,
  NO_BUDGETS,
  type Spent,
  withGranted,
} from "../policy/budget.ts";
import {
  type BreakerEvent,
  type BreakerState,
  breakerOpen,
  breakerSettings,
  CLOSED,
  mayCall,
  remaining,
  stepBreaker,
} from "../policy/circuit-breaker.ts";
import { adjustRate, type RateState, rateSettings, takeRate, UNTOUCHED } from "../policy/rate-limit.ts";
import { answerText, answerTtlMs, createRecentAnswers, LONGEST_KEY } from "../policy/recent-answers.ts";
import type { Json } from "../protocol/json.ts";
import { type Clock, kitClock } from "./clock.ts";
import type { BreakerPort, CachePort, Guards, LimiterPort, MeterPort, Overspent, Use } from "./guards.ts";
import { portsIfAny } from "./ports.ts";

/** What the guards of one process go by. */
export interface MemoryGuardsOptions {
  /** The surrounding run's unless given. */
  clock?: Pick<Clock, "now">;
  /** What a tenant and its graphs may spend in a day; anything unless given. */
  budgets?: DailyBudgets;
}

/** Guards of one process, and what they have seen. */
export interface MemoryGuards extends Guards {
  /** Everything that was recorded, in order. */
  readonly uses: readonly Use[];
}

/** Guards of one process, for tests and for code that is called by itself: the rules of those all processes share. */
export function createMemoryGuards({ clock, budgets = NO_BUDGETS }: MemoryGuardsOptions = {}): MemoryGuards {
  const now = () => (clock ?? kitClock()).now();
  const uses: Use[] = [];
  return {
    uses,
    breakers: memoryBreakers(now),
    limits: memoryLimits(now),
    cache: memoryCache(now),
    meter: memoryMeter(now, uses, budgets),
  };
}

const run = () => portsIfAny()?.run ?? { tenant_id: "default", graph_id: "none", run_id: "none" };
const ofTenant = (name: string) => JSON.stringify([run().tenant_id, name]);

function memoryBreakers(now: () => number): BreakerPort {
  const states = new Map<string, BreakerState>();
  return {
    async enter(name, terms) {
      const settings = breakerSettings(name, terms);
      const call = randomUUID();
      const key = ofTenant(name);
      const step = (kind: BreakerEvent["kind"]) => {
        const next = stepBreaker(states.get(key) ?? CLOSED, { kind, call }, now(), settings);
        states.set(key, next);
        return next;
      };
      const state = step("enter");
      if (!mayCall(state, call)) throw breakerOpen(name, remaining(state, now(), settings));
      const tell = (kind: BreakerEvent["kind"]) => async () => void step(kind);
      return { succeeded: tell("succeeded"), faulted: tell("faulted"), ignored: tell("ignored") };
    },
  };
}

function memoryLimits(now: () => number): LimiterPort {
  const states = new Map<string, RateState>();
  return {
    async take(name, amount, terms) {
      const settings = rateSettings(name, amount, terms);
      const key = ofTenant(name);
      const taken = takeRate(states.get(key) ?? UNTOUCHED, amount, settings, now());
      if (!taken.granted) return taken;
      states.set(key, taken.state);
      return { granted: true };
    },
    async adjust(name, difference, terms) {
      const settings = rateSettings(name, 0, terms);
      const key = ofTenant(name);
      states.set(key, adjustRate(states.get(key) ?? UNTOUCHED, difference, settings, now()));
    },
  };
}

function memoryCache(now: () => number): CachePort {
  const answers = createRecentAnswers();
  return {
    async get(key) {
      const text = answers.get(run().tenant_id, key, now());
      return text === undefined ? undefined : (JSON.parse(text) as Json);
    },
    async put(key, value, ttl_ms) {
      const text = answerText(value);
      const ttlMs = answerTtlMs(ttl_ms);
      if (ttlMs === 0 || key.length > LONGEST_KEY || text === undefined) return;
      answers.put(run().tenant_id, key, text, now() + ttlMs);
    },
  };
}

const NOTHING: Spent = { tokens: 0, cost: 0 };

function memoryMeter(now: () => number, uses: Use[], budgets: DailyBudgets): MeterPort {
  const spent = new Map<string, Spent>();
  const granted = new Map<string, Spent>();
  const positions = new Set<string>();
  const add = (sums: Map<string, Spent>, key: string, { tokens, cost }: Spent) => {
    const before = sums.get(key) ?? NOTHING;
    sums.set(key, { tokens: before.tokens + tokens, cost: before.cost + cost });
  };
  const keysOf = () => {
    const { tenant_id, graph_id, run_id } = run();
    const day = Math.floor(now() / 86_400_000);
    return {
      run: JSON.stringify([tenant_id, "run", run_id]),
      graph: JSON.stringify([tenant_id, "graph", graph_id, day]),
      tenant: JSON.stringify([tenant_id, "tenant", day]),
    };
  };
  return {
    async record(use) {
      uses.push(use);
      const tokens = countedTokens(use.input_tokens) + countedTokens(use.output_tokens);
      const cost = countedCost(use.cost) ?? 0;
      for (const key of Object.values(keysOf())) add(spent, key, { tokens, cost });
    },
    async overspent(budget) {
      const keys = keysOf();
      const own = budget && withGranted(budget, granted.get(keys.run) ?? NOTHING);
      const limits: [Overspent["scope"], BudgetLimit | undefined][] = [
        ["run", own],
        ["graph", budgetOfGraph(budgets, run().graph_id)],
        ["tenant", budgets.tenant],
      ];
      for (const [scope, limit] of limits) {
        const sum = spent.get(keys[scope]) ?? NOTHING;
        if (limit !== undefined && isUsedUp(limit, sum)) return { scope, budget: withGranted(limit, NOTHING), ...sum };
      }
      return undefined;
    },
    async grant(position, more) {
      const key = keysOf().run;
      const asked = JSON.stringify([key, position]);
      if (positions.has(asked)) return;
      positions.add(asked);
      add(granted, key, { tokens: countedTokens(more.tokens ?? 0), cost: countedCost(more.cost ?? 0) ?? 0 });
    },
  };
}
