import { type Mutant, TESTS } from "./mutant.ts";

const HOUSE = "migrations/0001_house.sql";

/** Faults in what runs, pays and is stored. */
export const ENGINE_MUTANTS: readonly Mutant[] = [
  // The fence.
  {
    name: "fence off in fenced transactions",
    file: "src/postgres/fence.ts",
    find: "if (held.length === 0) throw",
    replace: "if (held.length > 1) throw",
    also: [{ find: "if (held.length === 0 || thread", replace: "if (held.length > 1 || thread" }],
    tests: [TESTS.leases, TESTS.effects],
  },
  {
    name: "fence off in a batch's verdict",
    file: "src/postgres/batch.ts",
    find: "if (write.lease === undefined || held.has(leaseKey(write.lease))) resolve(results);",
    replace: "if (write.lease === undefined || held.size > 0) resolve(results);",
    tests: [TESTS.fence, TESTS.leases],
  },
  {
    name: "fence asks for no epoch",
    file: "src/postgres/fence.sql.ts",
    find: " and lease_epoch = ${lease_epoch}::bigint",
    replace: " and lease_epoch >= ${lease_epoch}::bigint",
    tests: [TESTS.fence, TESTS.leases],
  },
  {
    name: "neither claim nor reaper raises the epoch",
    file: "src/postgres/claim.sql.ts",
    find: "set lease_epoch = lease_epoch + 1, lease_worker_id = ${worker_id}::uuid,",
    replace: "set lease_worker_id = ${worker_id}::uuid,",
    also: [
      { find: "set lease_epoch = lease_epoch + 1, lease_until", replace: "set lease_until" },
      {
        find: "set lease_epoch = lease_epoch + 1, lease_worker_id = null,",
        replace: "set lease_worker_id = null,",
      },
    ],
    tests: [TESTS.leases, TESTS.effects],
  },
  {
    name: "the end of a run does not fence what it left behind",
    file: "src/postgres/threads.sql.ts",
    find: "lease_epoch = lease_epoch + 1, lease_worker_id = null, lease_until = null, updated_at = holdpoint.now(),\n",
    replace: "lease_worker_id = null, lease_until = null, updated_at = holdpoint.now(),\n",
    tests: [TESTS.effects],
  },
  {
    name: "batches take no lock",
    file: "src/postgres/batch.ts",
    find: "wired(lockThreadsShared(threads)),",
    replace: "wired(lockThreadsShared([])),",
    tests: [TESTS.zombies],
  },
  // T-start, T-apply, order.
  {
    name: "T-start sends the input at every attempt",
    file: "src/runtime/begin.ts",
    find: "if (run.attempt > 1) {",
    replace: "if (run.attempt > 1e9) {",
    tests: [TESTS.crash],
  },
  {
    name: "T-apply sends an answer that was read",
    file: "src/policy/review/apply.ts",
    find: "review.answers_read > review.ordinal;",
    replace: "review.answers_read > 1e9 + review.ordinal;",
    tests: [TESTS.crash, TESTS.pauses],
  },
  {
    name: "T-apply does not look at what is shown",
    file: "src/policy/review/apply.ts",
    find: "if (shown !== review.value_digest)",
    replace: 'if (shown === "")',
    tests: [TESTS.apply],
  },
  {
    name: "a queued run walks past a question",
    file: "src/postgres/claim.ts",
    find: "if (await refuseOvertaking(tx, next, reviews)) return undefined;",
    replace: "if (reviews.length > 1e9 && (await refuseOvertaking(tx, next, reviews))) return undefined;",
    tests: [TESTS.queue],
  },
  {
    name: "runs of a thread go in any order",
    file: "src/postgres/claim.sql.ts",
    find: "order by (status = 'running') desc, queue_seq\n  limit 1",
    replace: "order by (status = 'running') desc, queue_seq desc\n  limit 1",
    tests: [TESTS.queue],
  },
  {
    name: "a run that loses every lease is never given up",
    file: "src/policy/run-lifecycle.ts",
    find: "return lostLeases + 1 >= POISON_LOST_LEASES",
    replace: "return lostLeases + 1 >= POISON_LOST_LEASES * 1e9",
    tests: [TESTS.leases],
  },
  {
    name: "new input leaves the old question open",
    file: "src/postgres/create-run.ts",
    find: "if (door !== null || asksAnew(request)) await supersede(",
    replace: "if (reviews.length > 1e9) await supersede(",
    tests: [TESTS.queue],
  },
  // The lock order.
  {
    name: "a decision locks reviews before the thread",
    file: "src/postgres/decide.ts",
    find: "  const { tenant_id } = principal;\n  const ids =",
    replace:
      "  const { tenant_id } = principal;\n  await tx.many(liveReviewsForUpdate(tenant_id, thread_id));\n  const ids =",
    tests: [TESTS.lockOrder],
  },
  {
    name: "a new run locks runs before the thread's row",
    file: "src/postgres/create-run.ts",
    find: "    threadForUpdate(tenant_id, thread_id),\n    openRunsForUpdate(tenant_id, thread_id),\n",
    replace: "    openRunsForUpdate(tenant_id, thread_id),\n    threadForUpdate(tenant_id, thread_id),\n",
    also: [
      {
        find: "const [, [found], openRuns, asked] = await tx.pipeline([",
        replace: "const [, openRuns, [found], asked] = await tx.pipeline([",
      },
    ],
    tests: [TESTS.lockOrder],
  },
  // Effects.
  {
    name: "receipts are not looked up",
    file: "src/postgres/effects.ts",
    find: 'const isRepeated = status === "not_done" || (status === "intent" && row.kind !== "once");',
    replace: 'const isRepeated = status !== "held" && (status !== "intent" || row.kind !== "once");',
    tests: [TESTS.effects],
  },
  {
    name: "a once effect in doubt is started again",
    file: "src/postgres/effects.ts",
    find: 'const isRepeated = status === "not_done" || (status === "intent" && row.kind !== "once");',
    replace: 'const isRepeated = status === "not_done" || status === "intent";',
    tests: [TESTS.effects],
  },
  {
    name: "an answer for an earlier attempt starts another one",
    file: "src/postgres/effects.sql.ts",
    find: "and status = ${at.status} and attempt = ${at.attempt}::int and (status <> 'held'",
    replace: "and status = ${at.status} and attempt >= ${at.attempt}::int and (status <> 'held'",
    tests: [TESTS.effectRaces],
  },
  {
    name: "what is held back is not held",
    file: "src/postgres/effects.sql.ts",
    find: "(status <> 'held' or held_until <= holdpoint.now())",
    replace: "(status <> 'held' or held_until is not null)",
    tests: [TESTS.effectRaces],
  },
  {
    name: "a question that was answered loses its place in the task",
    file: "src/kit/review/task-question.ts",
    find: "if (next !== undefined && canonicalJson(next) === canonicalJson(answer)) interrupt(value);",
    replace: "if (next === null) interrupt(value);",
    tests: [TESTS.taskQuestion, TESTS.effectDoubts],
  },
  {
    name: "an effect's key is good for other arguments",
    file: "src/postgres/effects.ts",
    find: "if (isSame) return;",
    replace: "if (isSame || before.attempt >= 0) return;",
    tests: [TESTS.effects],
  },
  {
    name: "the refund is not checked again when it is paid",
    file: "workflows/refund-approval/pay.ts",
    find: "if (cents > left) {",
    replace: "if (cents > left + 1e9) {",
    tests: [TESTS.refund, TESTS.examples],
  },
  // The record.
  {
    name: "every link of a chain follows its start",
    file: "src/postgres/audit.ts",
    find: "insertReviewAudit({ ...link, prev_hash, hash })",
    replace: "insertReviewAudit({ ...link, prev_hash: CHAIN_START, hash })",
    tests: [TESTS.roads],
  },
  {
    name: "a chain's hash leaves out what was said",
    file: "src/policy/audit-chain.ts",
    find: ".update(canonicalJson({ ...link }))",
    replace: '.update(canonicalJson({ ...link, body: "" }))',
    tests: [TESTS.auditChain],
  },
  // What the database itself refuses.
  ...[
    ["two runs of a thread at once", "create unique index run_one_running", "create index run_one_running"],
    ["two runs for one group's answers", ",\n  unique (group_id, group_attempt)", ""],
    ["two decisions of one review", "  unique (review_id, seq),\n", ""],
    [
      "one key for two decisions",
      "unique (review_id, seq),\n  unique (review_id, idempotency_key)",
      "unique (review_id, seq)",
    ],
    ["two effects for one call", ",\n  unique (thread_id, checkpoint_ns, checkpoint_id, task_id, call_key)", ""],
    [
      "a record that is rewritten",
      "audit_append_only before update or delete or truncate",
      "audit_append_only before truncate",
    ],
    [
      "a decision that is taken away",
      "decision_append_only before update or delete",
      "decision_append_only before update",
    ],
    ["two links at one place of a chain", ",\n  unique (review_id, review_seq)", ""],
  ].map(([name, find, replace]) => ({
    name: `the database lets in ${name}`,
    file: HOUSE,
    find: find as string,
    replace: replace as string,
    tests: [TESTS.constraints],
  })),
];
