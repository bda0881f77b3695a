import { join } from "node:path";
import * as checkpointer from "../checkpointer.ts";
import type { Config } from "../config.ts";
import type { LoadOptions } from "../graphs/load.ts";
import * as holdpoint from "../index.ts";
import * as testing from "../testing.ts";

/** Where this installation's graphs are, and what they see of it: the host's own modules, so that classes are the same. */
export function loadOptions(config: Config): LoadOptions {
  return {
    directory: config.workflowsDir,
    ...(config.project === undefined ? {} : { project: config.readProjectAgain }),
    virtualModules: { holdpoint, "holdpoint/checkpointer": checkpointer, "holdpoint/testing": testing },
    cacheDirectory: join(config.dataDir, "cache"),
  };
}
