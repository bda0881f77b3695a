import { join } from "node:path";
import type { Config } from "../config.ts";
import type { GraphSet } from "../graphs/graph-set.ts";

/** Loads the graphs of this folder as the server does, without a server. */
export async function loadLocalGraphs(config: Config): Promise<GraphSet> {
  // Loaded only here: a workflow brings half of LangGraph with it.
  const [{ loadGraphs }, holdpoint, checkpointer, testing] = await Promise.all([
    import("../graphs/load.ts"),
    import("../index.ts"),
    import("../checkpointer.ts"),
    import("../testing.ts"),
  ]);
  return await loadGraphs({
    directory: config.workflowsDir,
    virtualModules: { holdpoint, "holdpoint/checkpointer": checkpointer, "holdpoint/testing": testing },
    cacheDirectory: join(config.dataDir, "cache"),
  });
}
