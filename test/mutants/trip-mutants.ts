import { type Mutant, TESTS } from "./mutant.ts";

/** Faults in what is done in one trip where nothing stands in the way. */
export const TRIP_MUTANTS: readonly Mutant[] = [
  {
    name: "a claim in one trip walks past a question",
    file: "src/postgres/claim.sql.ts",
    find: "and (kind in ('resume', 'copy') or not exists (",
    replace: "and (kind in ('run', 'resume', 'copy') or not exists (",
    tests: [TESTS.queue],
  },
  {
    name: "a claim in one trip takes a run that is not due",
    file: "src/postgres/claim.sql.ts",
    find: "and status = 'pending' and not_before <= holdpoint.now()\n      and graph_id in",
    replace: "and status = 'pending'\n      and graph_id in",
    tests: [TESTS.trips],
  },
  {
    name: "a claim in one trip takes a run whatever executes on its thread",
    file: "src/postgres/claim.sql.ts",
    find: "order by (status = 'running') desc, queue_seq\n    limit 1\n  ), started",
    replace: "order by (status = 'running'), queue_seq\n    limit 1\n  ), started",
    tests: [TESTS.trips],
  },
  {
    name: "a run ends in one trip though its lease is lost",
    file: "src/postgres/fence.sql.ts",
    find: "and lease_epoch = ${lease.lease_epoch}::bigint",
    replace: "and lease_epoch >= ${lease.lease_epoch}::bigint",
    tests: [TESTS.leases],
  },
  {
    name: "a run ends in one trip though it is to be rolled back",
    file: "src/postgres/fence.sql.ts",
    find: "and run_id = ${lease.run_id}::uuid and cancel_action is null)",
    replace: "and run_id = ${lease.run_id}::uuid)",
    tests: [TESTS.rollback],
  },
  {
    name: "a run that made a resume good ends in one trip, and the failed review stays",
    file: "src/postgres/finish.ts",
    find: " && group === null && !continued;",
    replace: " && group === null;",
    tests: [TESTS.retry],
  },
  {
    name: "what nodes write is taken for what holds the input only",
    file: "src/postgres/checkpointer/fenced-saver.ts",
    find: "return input !== undefined && step <= input.step + 1;",
    replace: "return input !== undefined;",
    also: [
      {
        find: "this.#inputs.get(row.checkpoint_ns)?.checkpoint_id === row.checkpoint_id;",
        replace: "this.#inputs.has(row.checkpoint_ns);",
      },
    ],
    tests: [TESTS.trips],
  },
];
