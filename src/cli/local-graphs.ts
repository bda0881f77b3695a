import { type Config, lendVariables } from "../config.ts";
import type { GraphSet } from "../graphs/graph-set.ts";

/** Loads the graphs of this folder as the server does, without a server. */
export async function loadLocalGraphs(config: Config): Promise<GraphSet> {
  lendVariables(process.env, config);
  // Loaded only here: a workflow brings half of LangGraph with it.
  const [{ loadGraphs }, { loadOptions }] = await Promise.all([
    import("../graphs/load.ts"),
    import("../compose/load-options.ts"),
  ]);
  return await loadGraphs(loadOptions(config));
}

/** Where the graphs of this folder are, in words. */
export const graphsPlace = ({ project, workflowsDir }: Config): string => project?.path ?? workflowsDir;
