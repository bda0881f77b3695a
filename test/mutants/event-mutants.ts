import { type Mutant, TESTS } from "./mutant.ts";

/** Faults in how events are stored, shown and removed. */
export const EVENT_MUTANTS: readonly Mutant[] = [
  {
    name: "an event is stored although what it tells of may still be refused",
    file: "src/runtime/execute.ts",
    find: "      await saver.flush();\n      await appendEvents",
    replace: "      await appendEvents",
    tests: [TESTS.storedFirst],
  },
  {
    name: "a client that comes back is shown everything again",
    file: "src/http/follow-run.ts",
    find: "isBehind(at, after) && ",
    replace: "",
    tests: [TESTS.replay],
  },
  {
    name: "a client that comes back is shown every mode",
    file: "src/http/routes/run-streams.ts",
    find: "location: streamAddress(run, follow)",
    replace: "location: `${addressOf(run)}/stream`",
    tests: [TESTS.replay],
  },
  {
    name: "a client that comes back is told the run's error again",
    file: "src/http/follow-run.ts",
    find: " || sawError",
    replace: "",
    tests: [TESTS.replay],
  },
  {
    name: "everybody who follows a run reads for himself",
    file: "src/http/run-feed.ts",
    find: "if (begun !== undefined) return begun;",
    replace: "",
    tests: [TESTS.streamsShared],
  },
  {
    name: "what was read before a wake-up is shown behind it",
    file: "src/http/run-feed.ts",
    find: "    looks.clear();\n",
    replace: "",
    tests: [TESTS.streamsShared],
  },
  {
    name: "every look passes all that was shown before",
    file: "src/postgres/events.sql.ts",
    find: "seq_from > w.after_seq - ${most.batchEvents}::bigint",
    replace: "seq_from > -${most.batchEvents}::bigint",
    tests: [TESTS.events],
  },
  {
    name: "a wake-up follows the one before at once",
    file: "src/postgres/notify.ts",
    find: "if (pending.size > 0 && !closed) sendSoon();",
    replace: "if (pending.size > 0 && !closed) await flush();",
    tests: [TESTS.events],
  },
  {
    name: "the runs of a deleted thread never end",
    file: "src/postgres/sweeps.ts",
    find: "    await endThreadRuns(tx, tenant_id, thread_id, why);\n",
    replace: "",
    tests: [TESTS.sweeps],
  },
  {
    name: "a deleted thread is taken for cleared too soon",
    file: "src/postgres/sweeps.ts",
    find: "if (deleted < ROWS) await",
    replace: "await",
    tests: [TESTS.sweeps],
  },
];
