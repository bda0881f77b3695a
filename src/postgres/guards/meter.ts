import {
  type BudgetLimit,
  budgetOfGraph,
  countedCost,
  countedTokens,
  type DailyBudgets,
  isUsedUp,
  withGranted,
} from "../../policy/budget.ts";
import { guardName } from "../../policy/guard-name.ts";
import type { Metrics } from "../../telemetry/metrics.ts";
import type { Database } from "../database.ts";
import { fencedWrite, type Lease } from "../fence.ts";
import { insertGrant, originOfRun, readSpent, recordUses, type SpentRow, type UsageRow } from "./meter.sql.ts";

/** Who spends: a run under its lease, of a graph. */
export interface SpendingRun extends Lease {
  graph_id: string;
}

/** A call that was paid for. */
export type PaidUse = Pick<
  UsageRow,
  "kind" | "name" | "node" | "input_tokens" | "output_tokens" | "cached_tokens" | "cost"
>;

/** A budget that is used up, and what was spent of it. */
export interface UsedUp {
  scope: SpentRow["scope"];
  budget: { tokens?: number; cost?: number };
  tokens: number;
  cost: number;
}

/** Keeps the account of one run. */
export interface RunMeter {
  record(use: PaidUse): Promise<void>;
  overspent(budget?: BudgetLimit): Promise<UsedUp | undefined>;
  grant(position: string, more: BudgetLimit): Promise<void>;
}

/** Keeps account for all runs of a process. */
export interface SharedMeter {
  of(run: SpendingRun): RunMeter;
}

/** What a meter needs. */
export interface MeterParts {
  database: Database;
  metrics: Pick<Metrics, "budget_stops">;
  budgets: DailyBudgets;
}

const TEXT = 200;
const ROWS = 500;

/** Sums are kept by Postgres, so that what one process has spent stops all of them. */
export function createMeter({ database, metrics, budgets }: MeterParts): SharedMeter {
  const store = createRecorder(database);
  return {
    of(run) {
      const { tenant_id, graph_id, thread_id, run_id } = run;
      let asked: Promise<string> | undefined;
      // Once for each execution: which run it belongs to never changes.
      const origin = async () => {
        asked ??= database.maybeOne(originOfRun(tenant_id, run_id)).then((row) => row?.run_id ?? run_id);
        return await asked.catch((error: unknown) => {
          asked = undefined;
          throw error;
        });
      };
      return {
        async record(use) {
          await store({ ...counted(use), tenant_id, graph_id, thread_id, run_id, origin_run_id: await origin() });
        },
        async overspent(budget) {
          const limits = { run: budget, graph: budgetOfGraph(budgets, graph_id), tenant: budgets.tenant };
          if (Object.values(limits).every((limit) => limit === undefined)) return undefined;
          const rows = await database.many(readSpent({ tenant_id, graph_id, origin_run_id: await origin() }));
          const found = firstUsedUp(rows, limits);
          if (found !== undefined) metrics.budget_stops.inc({ scope: found.scope });
          return found;
        },
        async grant(position, more) {
          const amount = { tokens: countedTokens(more.tokens ?? 0), cost: countedCost(more.cost ?? 0) ?? 0 };
          const origin_run_id = await origin();
          const grant = { tenant_id, thread_id, run_id, origin_run_id, position: guardName(position), ...amount };
          await fencedWrite(database, run, (tx) => tx.run(insertGrant(grant)));
        },
      };
    },
  };
}

function firstUsedUp(
  rows: readonly SpentRow[],
  limits: Record<SpentRow["scope"], BudgetLimit | undefined>,
): UsedUp | undefined {
  // In this order: what a person can grant comes before what waits for the next day.
  for (const scope of ["run", "graph", "tenant"] as const) {
    const limit = limits[scope];
    const row = rows.find((one) => one.scope === scope);
    if (limit === undefined || row === undefined) continue;
    const { tokens, cost, granted_tokens, granted_cost } = row;
    const budget = withGranted(limit, { tokens: granted_tokens, cost: granted_cost });
    if (isUsedUp(budget, { tokens, cost })) return { scope, budget, tokens, cost };
  }
  return undefined;
}

/** What others say is put into what a column holds. */
function counted({ kind, name, node, input_tokens, output_tokens, cached_tokens, cost }: PaidUse): PaidUse {
  return {
    kind,
    name: storable(name),
    node: node === null ? null : storable(node),
    input_tokens: countedTokens(input_tokens),
    output_tokens: countedTokens(output_tokens),
    cached_tokens: countedTokens(cached_tokens),
    cost: countedCost(cost),
  };
}

const storable = (text: string) => text.replaceAll("\u0000", "\ufffd").slice(0, TEXT).toWellFormed();

interface Waiting {
  row: UsageRow;
  resolve(): void;
  reject(error: unknown): void;
}

/** One statement at a time: what is recorded while it is on its way goes with the next. Nobody goes on before it is stored. */
function createRecorder(database: Pick<Database, "run">): (row: UsageRow) => Promise<void> {
  const waiting: Waiting[] = [];
  let isSending = false;
  const send = async () => {
    isSending = true;
    // Bound: what was recorded; each pass takes some of it.
    while (waiting.length > 0) {
      const batch = waiting.splice(0, ROWS);
      try {
        await database.run(recordUses(batch.map(({ row }) => row)));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    isSending = false;
  };
  return (row) =>
    new Promise((resolve, reject) => {
      waiting.push({ row, resolve, reject });
      if (!isSending) void send();
    });
}
