import { type Mutant, TESTS } from "./mutant.ts";

/** Faults in how runs are stopped, timed and taken back. */
export const STOP_MUTANTS: readonly Mutant[] = [
  {
    name: "a run's clock does not stop it",
    file: "src/runtime/stopping.ts",
    find: "const timer = setTimeout(stop, Math.max(0, left_ms));",
    replace: "const timer = setTimeout(() => {}, Math.max(0, left_ms));",
    tests: [TESTS.timeouts],
  },
  {
    name: "each attempt has the whole time again",
    file: "src/postgres/claim.sql.ts",
    find: "coalesce(sum(a.ended_at - a.started_at), '0')",
    replace: "interval '0'",
    tests: [TESTS.timeouts],
  },
  {
    name: "a run that is ended from elsewhere keeps its lease",
    file: "src/postgres/time-out.ts",
    find: "      await tx.run(dropLease(tenant_id, thread_id));\n",
    replace: "",
    tests: [TESTS.timeouts],
  },
  {
    name: "a rollback dies with the worker that was to do it",
    file: "src/postgres/cancel.ts",
    find: 'if (run.cancel_action === "rollback") {',
    replace: 'if (run.cancel_action === "rollback" && run.status === "pending") {',
    tests: [TESTS.rollback],
  },
  {
    name: "a rollback forgets the questions before it",
    file: "src/postgres/rollback.ts",
    find: "!isQueued && (await askAgain(tx, run, thread.now))",
    replace: "false",
    tests: [TESTS.rollback],
  },
  {
    name: "only checkpoints keep a run from being given up",
    file: "src/postgres/claim.sql.ts",
    find: "and n.attempt > coalesce((select attempt from lost), 0)",
    replace: "and n.attempt < 0",
    tests: [TESTS.lostLeases],
  },
  {
    name: "a node that fails in each life is never given up",
    file: "src/postgres/claim.sql.ts",
    find: "and b.status = n.status and b.attempt < n.attempt",
    replace: "and b.status = n.status and b.attempt < 0",
    tests: [TESTS.lostLeases],
  },
  {
    name: "a thread does not say why its run was given up",
    file: "src/postgres/threads.sql.ts",
    find: "interrupts = '{}', error = ${error}, updated_at",
    replace: "interrupts = '{}', updated_at",
    tests: [TESTS.lostLeases, TESTS.timeouts],
  },
  {
    name: "a claim that fails loses those beside it",
    file: "src/postgres/claim.ts",
    find: "if (claimed.length === 0) throw error;",
    replace: "if (claimed.length >= 0) throw error;",
    tests: [TESTS.leases],
  },
  {
    name: "a lease is kept although its claim was never answered",
    file: "src/runtime/running.ts",
    find: "oldest > (before.get",
    replace: "oldest < (before.get",
    tests: [TESTS.leases],
  },
  {
    name: "a lease is given back while the answer of its claim is on its way",
    file: "src/runtime/running.ts",
    find: "      claims.add(own);\n",
    replace: "",
    tests: [TESTS.heartbeat],
  },
  {
    name: "the first refused write stops nothing",
    file: "src/runtime/execute.ts",
    find: '  controller.abort("lease_lost");\n',
    replace: "",
    tests: [TESTS.leases],
  },
];
