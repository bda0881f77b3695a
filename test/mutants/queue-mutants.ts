import { type Mutant, TESTS } from "./mutant.ts";

const CLAIM = "src/postgres/claim.ts";

/** Faults in who goes first, and how many go at once. */
export const QUEUE_MUTANTS: readonly Mutant[] = [
  {
    name: "a place knows no priority",
    file: "migrations/0001_house.sql",
    find: "then since - priority * interval '10 seconds'",
    replace: "then since",
    tests: [TESTS.priority],
  },
  {
    name: "the end of a run calls nobody",
    file: "src/postgres/runs.sql.ts",
    find: "where r.status = 'pending' and r.place is null and r.run_id = (",
    replace: "where r.status = 'running' and r.place is null and r.run_id = (",
    tests: [TESTS.priority, TESTS.queue],
  },
  {
    name: "a run for later is due at once",
    file: "src/postgres/runs.sql.ts",
    find: "when ${run.after_seconds}::float8 > 0 then 'infinity'",
    replace: "when ${run.after_seconds}::float8 < 0 then 'infinity'",
    tests: [TESTS.priority],
  },
  {
    name: "a graph's limit is counted under no lock",
    file: CLAIM,
    find: "lockGraph(graph_id), ...starting",
    replace: "lockGraph(next.run_id), ...starting",
    tests: [TESTS.priority],
  },
  {
    name: "a look through the queue walks through a full graph",
    file: "src/postgres/claim.sql.ts",
    find: "r.place < 'infinity' and r.place <= open.up_to",
    replace: "r.place < 'infinity' and (r.place <= open.up_to or true)",
    tests: [TESTS.claimPlan],
  },
  {
    name: "a refused run says that the thread waits, whatever is queued behind it",
    file: "src/postgres/overtaking.ts",
    find: "if (!isQueued) await tx.run(setThreadStatus(next",
    replace: "if (isQueued !== null) await tx.run(setThreadStatus(next",
    tests: [TESTS.model],
  },
];
