import { defineConfig } from "vitest/config";
import { LongFirst } from "./test/support/long-first.ts";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/global-setup.ts"],
    setupFiles: ["test/support/setup.ts"],
    pool: "forks",
    // A process for each file would spend more time on loading LangGraph than most files take.
    isolate: false,
    // Most tests wait for Postgres or for another process most of the time, and would leave one of two cores idle.
    maxWorkers: 2,
    sequence: { sequencer: LongFirst },
    // Nothing asserts on time: these are there for what would never end, on a machine ten times slower too.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 60_000, interval: 25 } },
  },
});
