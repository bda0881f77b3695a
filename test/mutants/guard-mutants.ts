import { type Mutant, TESTS } from "./mutant.ts";

const GUARDS = "src/postgres/guards";

/** Faults in what all processes share about calls to others. */
export const GUARD_MUTANTS: readonly Mutant[] = [
  {
    name: "a breaker is changed whatever it has become meanwhile",
    file: `${GUARDS}/breakers.sql.ts`,
    find: "and version = ${read}::uuid`",
    replace: "and ${read}::uuid is not null`",
    tests: [TESTS.guardRaces, TESTS.guards],
  },
  {
    name: "a process looks at a breaker once and never again",
    file: `${GUARDS}/breaker-copies.ts`,
    find: "if (parts.now() - copy.readAt < parts.copyMs) return copy;",
    replace: "if (copy.readAt >= 0) return copy;",
    tests: [TESTS.guards],
  },
  {
    name: "a probe of which nobody hears is waited for for ever",
    file: "src/policy/circuit-breaker.ts",
    find: "return Math.max(0, Math.min(state.until - now, state.status",
    replace:
      'if (state.status === "half_open") return 1;\n  return Math.max(0, Math.min(state.until - now, state.status',
    tests: [TESTS.circuitBreaker, TESTS.memoryGuards],
  },
  {
    name: "a limit gives whatever it is asked for",
    file: `${GUARDS}/rate-limits.sql.ts`,
    find: "<= ${limit}::float8 * (1 + ${ROUNDING}::float8)",
    replace: "<= ${limit}::float8 * (1e9 + ${ROUNDING}::float8)",
    tests: [TESTS.guardRaces, TESTS.guards],
  },
  {
    name: "what was taken of a limit never runs out",
    file: "src/policy/rate-limit.ts",
    find: "return { level: Math.max(0, level - ((now - at) * limit) / per_ms), at: now };",
    replace: "return { level, at: now };",
    tests: [TESTS.rateLimit, TESTS.memoryGuards],
  },
  {
    name: "answers that a process remembers are everybody's",
    file: "src/policy/recent-answers.ts",
    find: "`${tenant_id}\\u0000${key}`",
    replace: "`${tenant_id.length >= 0}\\u0000${key}`",
    tests: [TESTS.memoryGuards, TESTS.guards],
  },
  {
    name: "answers are remembered and not stored",
    file: `${GUARDS}/cached-answers.ts`,
    find: "await database.run(keepAnswer(tenant_id, key, text, ttlMs));",
    replace: "keepAnswer(tenant_id, key, text, ttlMs);",
    tests: [TESTS.guards, TESTS.guardRaces],
  },
  {
    name: "a run that carries an answer has a budget of its own",
    file: `${GUARDS}/meter.ts`,
    find: "row?.run_id ?? run_id",
    replace: "row === undefined ? run_id : run_id",
    tests: [TESTS.budgets],
  },
  {
    name: "a process that has lost its run grants it more",
    file: `${GUARDS}/meter.ts`,
    find: "await fencedWrite(database, run, (tx) => tx.run(insertGrant(grant)));",
    replace: "await database.transaction((tx) => tx.run(insertGrant(grant)));",
    tests: [TESTS.budgets],
  },
  {
    name: "the answer is used before its call is on the account",
    file: `${GUARDS}/meter.ts`,
    find: "await store({",
    replace: "void store({",
    tests: [TESTS.budgets, TESTS.guardRaces],
  },
];
