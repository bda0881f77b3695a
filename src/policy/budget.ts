/** What may be spent, of tokens, money or both. */
export interface BudgetLimit {
  readonly tokens?: number | undefined;
  readonly cost?: number | undefined;
}

/** What was spent. */
export interface Spent {
  readonly tokens: number;
  readonly cost: number;
}

/** What may be spent in a day, at most: by a tenant, and by each of its graphs. `*` is every other graph, each for itself. */
export interface DailyBudgets {
  readonly tenant?: BudgetLimit | undefined;
  readonly graphs: ReadonlyMap<string, BudgetLimit>;
}

const AMOUNT = { tokens: /^\d{1,15}$/, cost: /^\d{1,9}(\.\d{1,6})?$/ };

/** Reads "cost:50,tokens:2000000", in any order and either alone; undefined where it is not that. */
export function parseBudget(text: string): BudgetLimit | undefined {
  const budget: { tokens?: number; cost?: number } = {};
  for (const entry of text.split(",")) {
    const [, unit, amount = ""] = /^\s*(tokens|cost)\s*:\s*([\d.]+)\s*$/.exec(entry) ?? [];
    if (unit !== "tokens" && unit !== "cost") return undefined;
    if (budget[unit] !== undefined || !AMOUNT[unit].test(amount)) return undefined;
    budget[unit] = Number(amount);
  }
  return budget;
}

/** Reads "refund-approval=cost:5;*=cost:20,tokens:100000"; undefined where it is not that. */
export function parseBudgets(text: string): ReadonlyMap<string, BudgetLimit> | undefined {
  const budgets = new Map<string, BudgetLimit>();
  for (const entry of text.split(";")) {
    const [, name = "", amounts = ""] = /^\s*([^\s=;,]+)\s*=(.*)$/.exec(entry) ?? [];
    const budget = parseBudget(amounts);
    if (name === "" || budget === undefined || budgets.has(name)) return undefined;
    budgets.set(name, budget);
  }
  return budgets;
}

/** No budget but what runs are given themselves. */
export const NO_BUDGETS: DailyBudgets = { graphs: new Map() };

/** What a graph may spend in a day; undefined: anything. */
export function budgetOfGraph({ graphs }: DailyBudgets, graph_id: string): BudgetLimit | undefined {
  return graphs.get(graph_id) ?? graphs.get("*");
}

/** True when nothing is left of it. */
export function isUsedUp({ tokens, cost }: BudgetLimit, spent: Spent): boolean {
  return (tokens !== undefined && spent.tokens >= tokens) || (cost !== undefined && spent.cost >= cost);
}

/** The budget with what was granted on top; what it does not limit stays without a limit. */
export function withGranted(budget: BudgetLimit, granted: Spent): { tokens?: number; cost?: number } {
  return {
    ...(budget.tokens === undefined ? {} : { tokens: budget.tokens + granted.tokens }),
    ...(budget.cost === undefined ? {} : { cost: budget.cost + granted.cost }),
  };
}

// Of one call: more is nonsense that somebody's answer says, and must not turn a sum into infinity.
const MOST_TOKENS = 1_000_000_000;
const MOST_COST = 1_000_000_000;

/** Tokens as they are counted: what an answer says may be negative, broken or no number at all. */
export function countedTokens(tokens: number): number {
  return tokens > 0 ? Math.min(Math.round(tokens), MOST_TOKENS) : 0;
}

/** The same of money; null where no price is known. */
export function countedCost(cost: number | null): number | null {
  if (cost === null || Number.isNaN(cost)) return null;
  return Math.min(Math.max(0, cost), MOST_COST);
}
