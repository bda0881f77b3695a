import { toolNode } from "holdpoint";
import type { State } from "./flow.ts";
import { runApprovedQuery, runQuery } from "./shop.ts";
import type { Query } from "./state.ts";

/** What the shop's database gave. */
export interface ResultRows {
  kind: "rows";
  columns: { name: string; type: string }[];
  rows: (string | number | boolean | null)[][];
  row_count: number;
  truncated: boolean;
}

/** The queries that are run: as a person has allowed them, or as they were written. */
export function queriesOf({ approved, draft }: State): readonly Query[] {
  return approved ?? draft?.value.queries ?? [];
}

/** Runs them; what a person has allowed may take more. */
export const runQueries = toolNode<State>({
  tools: [runQuery, runApprovedQuery],
  into: "results",
  calls: (state) => {
    const tool = state.approved === null ? runQuery : runApprovedQuery;
    return queriesOf(state).map(({ sql, params }) => ({ tool: tool.name, args: { sql, params } }));
  },
});

/** What a query gave; undefined where it failed, or was not run because it is heavy. */
export function rowsOf(outcome: State["results"][number] | undefined): ResultRows | undefined {
  const result = outcome?.result as unknown as ResultRows | { kind: "heavy" } | null | undefined;
  return outcome?.ok && result?.kind === "rows" ? result : undefined;
}
