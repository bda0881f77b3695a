import type { GraphPolicies } from "../protocol/graph-mark.ts";
import type { GraphSet } from "./graph-set.ts";

type Limits = ReadonlyMap<string, number>;

/** The operator's limits by graph, and what authors state of graphs that the operator says nothing of; `*` is all of them. */
function withStated(
  limits: Limits,
  { graphs }: GraphSet,
  own: (policies: GraphPolicies) => number | undefined,
): Limits {
  if (limits.has("*")) return limits;
  const stated = [...graphs].flatMap(([graph_id, { policies }]): [string, number][] => {
    const limit = policies && own(policies);
    return limit === undefined || limits.has(graph_id) ? [] : [[graph_id, limit]];
  });
  return stated.length === 0 ? limits : new Map([...limits, ...stated]);
}

/** How many runs of each graph may execute at the same time. */
export function concurrencyLimits(limits: Limits, graphs: GraphSet): Limits {
  return withStated(limits, graphs, ({ concurrency }) => concurrency);
}

/** How many seconds a run of each graph may execute that does not say so itself. */
export function timeLimits(limits: Limits, graphs: GraphSet): Limits {
  return withStated(limits, graphs, ({ timeout_ms }) => (timeout_ms === undefined ? undefined : timeout_ms / 1000));
}
