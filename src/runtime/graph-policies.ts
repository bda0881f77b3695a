import type { LoadedGraph } from "../graphs/graph-set.ts";
import type { RunKwargs } from "../protocol/run.ts";

// From what is lost most easily to what is not lost.
const DURABILITIES = ["exit", "async", "sync"] as const;

/**
 * A run's settings under what the graph's author states: a client can ask for more durability than that, not for less. The
 * author's version stands in every checkpoint.
 */
export function underPolicies(
  kwargs: RunKwargs,
  { policies, version }: Pick<LoadedGraph, "policies" | "version">,
): RunKwargs {
  const wished = kwargs.durability ?? policies?.durability ?? null;
  const least = policies?.durability ?? "exit";
  const isLess = wished !== null && DURABILITIES.indexOf(wished) < DURABILITIES.indexOf(least);
  const durability = isLess ? least : wished;
  if (version === undefined) return { ...kwargs, durability };
  const metadata = { ...kwargs.config?.metadata, graph_version: version };
  return { ...kwargs, durability, config: { ...kwargs.config, metadata } };
}
