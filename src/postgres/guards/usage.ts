import type { Since } from "../../policy/since.ts";
import type { Database } from "../database.ts";
import { withinTime } from "../insights.ts";
import { sumUsage, type UsageFilter, type UsageGroupRow, type UsageSum } from "./usage.sql.ts";

/** Which calls are asked about; all of them where nothing is said. */
export interface UsageQuestion
  extends Pick<UsageFilter, "group_by">,
    Partial<Pick<UsageFilter, "graph_id" | "thread_id" | "run_id" | "node" | "kind" | "name">> {
  since: Since;
  until?: Since | undefined;
  /** Groups at most. */
  limit: number;
}

/** What was spent, by groups. */
export interface Usage {
  from: string;
  to: string;
  group_by: UsageFilter["group_by"];
  total: UsageSum;
  groups: (UsageSum & { key: string; graph_id: string | null })[];
  /** True where there are more groups; the total is that of all. */
  is_cut: boolean;
}

/** Reads what calls came to. Throws `too_much`. */
export async function readUsage(
  database: Database,
  tenant_id: string,
  { limit, since, until = { seconds_ago: 0 }, ...asked }: UsageQuestion,
): Promise<Usage> {
  const [first, last] = [since, until].map((moment) => ({ at: null, seconds_ago: null, ...moment }));
  const filter = {
    ...{ graph_id: null, thread_id: null, run_id: null, node: null, kind: null, name: null },
    ...asked,
    since_at: first?.at ?? null,
    since_seconds: first?.seconds_ago ?? null,
    until_at: last?.at ?? null,
    until_seconds: last?.seconds_ago ?? null,
  };
  const rows = await withinTime(database, (tx) => tx.many(sumUsage(tenant_id, filter, limit + 2)));
  const [total, ...groups] = rows as [UsageGroupRow, ...UsageGroupRow[]];
  return {
    from: total.from,
    to: total.to,
    group_by: asked.group_by,
    total: sumOf(total),
    groups: groups.slice(0, limit).map((row) => ({ key: row.key ?? "", graph_id: row.graph_id, ...sumOf(row) })),
    is_cut: groups.length > limit,
  };
}

function sumOf({ calls, input_tokens, output_tokens, cached_tokens, cost, unpriced }: UsageGroupRow): UsageSum {
  return { calls, input_tokens, output_tokens, cached_tokens, cost, unpriced };
}
