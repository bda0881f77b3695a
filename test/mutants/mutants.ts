/** A fault planted in the product: if every test that is named stays green, nothing protects what it breaks. */
export interface Mutant {
  name: string;
  file: string;
  /** Stands in the file exactly once. */
  find: string;
  replace: string;
  /** Where the same thing is done twice, the other place. */
  also?: { find: string; replace: string }[];
  /** Those that must go red; the first is the one most likely to. */
  tests: string[];
}

const ROADS = "test/story/roads.test.ts";
const CROWD = "test/story/crowd.test.ts";
const LOCKS = "test/story/lock-order.test.ts";
const ASKING = "test/crash/asking.test.ts";
const ENGINE = {
  cancel: "test/runtime/cancel.test.ts",
  copy: "test/runtime/copy.test.ts",
  crash: "test/runtime/crash.test.ts",
  effects: "test/runtime/effects.test.ts",
  leases: "test/runtime/leases.test.ts",
  pauses: "test/runtime/pauses.test.ts",
  queue: "test/runtime/queue.test.ts",
};
const FENCE = "test/checkpointer/fence.test.ts";
const CONSTRAINTS = "test/postgres/constraints.test.ts";

const DECIDE = "src/policy/review/decide.ts";
const HOUSE = "migrations/0001_house.sql";

/** The faults, by what they break. */
export const MUTANTS: readonly Mutant[] = [
  // The fence.
  {
    name: "fence off in fenced transactions",
    file: "src/postgres/fence.ts",
    find: "if (held.length > 0) return",
    replace: "if (held.length >= 0) return",
    tests: [ENGINE.leases, ENGINE.effects],
  },
  {
    name: "fence off in a batch's verdict",
    file: "src/postgres/batch.ts",
    find: "if (write.lease === undefined || held.get(leaseKey(write.lease))) resolve(results);",
    replace: "if (write.lease === undefined || held.size > 0) resolve(results);",
    tests: [FENCE, ENGINE.leases],
  },
  {
    name: "fence asks for no epoch",
    file: "src/postgres/fence.sql.ts",
    find: " and lease_epoch = ${lease_epoch}::bigint",
    replace: " and lease_epoch >= ${lease_epoch}::bigint",
    tests: [FENCE, ENGINE.leases],
  },
  {
    name: "neither claim nor reaper raises the epoch",
    file: "src/postgres/runs.sql.ts",
    find: "set lease_epoch = lease_epoch + 1, lease_worker_id = ${worker_id}::uuid,",
    replace: "set lease_worker_id = ${worker_id}::uuid,",
    also: [
      {
        find: "set lease_epoch = lease_epoch + 1, lease_worker_id = null,",
        replace: "set lease_worker_id = null,",
      },
    ],
    tests: [ENGINE.leases, ENGINE.effects],
  },
  {
    name: "the end of a run does not fence what it left behind",
    file: "src/postgres/threads.sql.ts",
    find: "lease_epoch = lease_epoch + 1, lease_worker_id = null, lease_until = null, updated_at = holdpoint.now(),\n",
    replace: "lease_worker_id = null, lease_until = null, updated_at = holdpoint.now(),\n",
    tests: [ENGINE.effects],
  },
  {
    name: "batches take no lock",
    file: "src/postgres/batch.ts",
    find: "wired(lockThreadsShared(threads)),",
    replace: "wired(lockThreadsShared([])),",
    tests: [FENCE],
  },
  // T-start, T-apply, order.
  {
    name: "T-start sends the input at every attempt",
    file: "src/runtime/begin.ts",
    find: "if (run.attempt > 1) {",
    replace: "if (run.attempt > 1e9) {",
    tests: [ENGINE.crash, ASKING],
  },
  {
    name: "T-apply sends an answer that was read",
    file: "src/policy/review/apply.ts",
    find: "review.answers_read > review.ordinal;",
    replace: "review.answers_read > 1e9 + review.ordinal;",
    tests: [ENGINE.crash, ENGINE.pauses],
  },
  {
    name: "T-apply does not look at what is shown",
    file: "src/policy/review/apply.ts",
    find: "if (shown !== review.value_digest)",
    replace: 'if (shown === "")',
    tests: ["test/policy/apply.test.ts"],
  },
  {
    name: "a queued run walks past a question",
    file: "src/postgres/claim.ts",
    find: "if (await refuseOvertaking(tx, next, reviews)) return undefined;",
    replace: "if (reviews.length > 1e9 && (await refuseOvertaking(tx, next, reviews))) return undefined;",
    tests: [ENGINE.queue],
  },
  {
    name: "runs of a thread go in any order",
    file: "src/postgres/runs.sql.ts",
    find: "order by (status = 'running') desc, queue_seq\n  limit 1",
    replace: "order by (status = 'running') desc, queue_seq desc\n  limit 1",
    tests: [ENGINE.queue],
  },
  {
    name: "a run that loses every lease is never given up",
    file: "src/policy/run-lifecycle.ts",
    find: "return lostLeases + 1 >= POISON_LOST_LEASES",
    replace: "return lostLeases + 1 >= POISON_LOST_LEASES * 1e9",
    tests: [ENGINE.leases],
  },
  {
    name: "new input leaves the old question open",
    file: "src/postgres/create-run.ts",
    find: "if (asksAnew(request)) await supersede(",
    replace: "if (asksAnew(request) && reviews.length > 1e9) await supersede(",
    tests: [ROADS, ENGINE.queue],
  },
  // The lock order.
  {
    name: "a decision locks reviews before the thread",
    file: "src/postgres/decide.ts",
    find: "const [, [thread], openRuns, live, [head]] = await tx.pipeline([",
    replace:
      "await tx.many(liveReviewsForUpdate(tenant_id, thread_id)); const [, [thread], openRuns, live, [head]] = await tx.pipeline([",
    tests: [LOCKS],
  },
  {
    name: "a new run locks runs before the thread's row",
    file: "src/postgres/create-run.ts",
    find: "      threadForUpdate(tenant_id, thread_id),\n      openRunsForUpdate(tenant_id, thread_id),\n",
    replace: "      openRunsForUpdate(tenant_id, thread_id),\n      threadForUpdate(tenant_id, thread_id),\n",
    also: [
      {
        find: "const [, [found], openRuns, reviews] = await tx.pipeline([",
        replace: "const [, openRuns, [found], reviews] = await tx.pipeline([",
      },
    ],
    tests: [LOCKS],
  },
  // What binds an answer.
  {
    name: "seen_digest is not compared",
    file: DECIDE,
    find: "request.seen_digest !== review.request_digest)",
    replace: 'request.seen_digest === "")',
    tests: [ROADS],
  },
  {
    name: "value_digest is not compared",
    file: DECIDE,
    find: "request.value_digest !== review.value_digest)",
    replace: 'request.value_digest === "")',
    tests: [ROADS],
  },
  {
    name: "review() takes an answer to other bytes",
    file: "src/kit/review.ts",
    find: "if (answer.value_digest !== value.value_digest) {",
    replace: 'if (answer.value_digest === "") {',
    tests: ["test/kit/review.test.ts", ENGINE.pauses],
  },
  {
    name: "an older checkpoint binds an answer",
    file: DECIDE,
    find: "request.checkpoint_id !== review.checkpoint_id)",
    replace: 'request.checkpoint_id === "")',
    tests: [ROADS],
  },
  {
    name: "If-Match is not compared",
    file: DECIDE,
    find: "request.seen_version !== review.version)",
    replace: "request.seen_version === 1e9)",
    tests: [ROADS],
  },
  {
    name: "a bare value answers a guarded graph",
    file: DECIDE,
    find: "if (context.allow_scalar_resume && !review.guarded)",
    replace: "if (context.allow_scalar_resume)",
    tests: [ROADS],
  },
  {
    name: "an answer counts for a question that came after it",
    file: DECIDE,
    find: "if (context.opened_after_arrival) {",
    replace: "if (context.opened_after_arrival && review.version > 1e9) {",
    tests: [ENGINE.pauses, CROWD],
  },
  {
    name: "a decision does not look at the head",
    file: DECIDE,
    find: "if (context.head_checkpoint_id !== review.checkpoint_id) {",
    replace: 'if (context.head_checkpoint_id === "") {',
    tests: ["test/policy/decide.test.ts", ENGINE.pauses],
  },
  {
    name: "a decision does not look at other runs",
    file: DECIDE,
    find: "if (context.other_run !== null) {",
    replace: "if (context.other_run !== null && review.version > 1e9) {",
    tests: ["test/policy/decide.test.ts", ENGINE.queue],
  },
  {
    name: "a decision is not checked against what is offered",
    file: DECIDE,
    find: "const faults = checkDecisions(canonical.value, review.actions);",
    replace: "const faults = checkDecisions([], review.actions);",
    tests: [ROADS],
  },
  // Replay.
  {
    name: "a repeated answer is no replay",
    file: DECIDE,
    find: "if (same) return true;",
    replace: "if (same) return false;",
    tests: [ROADS],
  },
  {
    name: "anybody's same answer is a replay",
    file: DECIDE,
    find: "if (standing === null || standing.principal_id !== request.principal_id) return false;",
    replace: "if (standing === null) return false;",
    tests: [ROADS, CROWD],
  },
  {
    name: "a decided review can be decided again",
    file: DECIDE,
    find: "if (standing !== null && !isOpen(review.status)) {",
    replace: "if (standing !== null && isOpen(review.status)) {",
    tests: [ROADS, CROWD],
  },
  {
    name: "an idempotency key can be used for another answer",
    file: DECIDE,
    find: "request.idempotency_key === standing.idempotency_key)",
    replace: 'request.idempotency_key === "")',
    tests: [ROADS],
  },
  {
    name: "a cancelled review can be decided",
    file: DECIDE,
    find: 'if (review.status === "cancelled")',
    replace: "if (review.version > 1e9)",
    tests: [ROADS, ENGINE.cancel],
  },
  // Roads past a review.
  {
    name: "no graph is guarded",
    file: "src/policy/guarded.ts",
    find: "if (door === null) return;",
    replace: "if (door !== 0) return;",
    tests: [ROADS],
  },
  {
    name: "an answer may say what it likes beside its resume",
    file: "src/http/start-run.ts",
    find: "if (graph.guarded) refuseBesides(",
    replace: 'if (graph.graph_id === "") refuseBesides(',
    tests: [ROADS],
  },
  {
    name: "another graph runs on a guarded thread",
    file: "src/postgres/create-run.ts",
    find: "await refuseOtherGraph(tx, request, thread, openRuns);",
    replace: "if (openRuns.length > 1e9) await refuseOtherGraph(tx, request, thread, openRuns);",
    tests: [ROADS],
  },
  {
    name: "a thread is edited and copied in the middle of a run",
    file: "src/postgres/create-run.ts",
    find: "    refuseBusy(request, openRuns);",
    replace: "    refuseBusy(request, []);",
    tests: [ROADS, ENGINE.copy],
  },
  {
    name: "a copy takes the answers along",
    file: "src/postgres/copy-thread.sql.ts",
    find: "and w.thread_id = ${source} and w.slot <> -4\n",
    replace: "and w.thread_id = ${source}\n",
    tests: [ENGINE.copy],
  },
  {
    name: "cancelling leaves the question open",
    file: "src/postgres/cancel.ts",
    find: "const own = reviews.filter((review) => review.run_id === run.run_id && isWaiting(review));",
    replace: "const own = reviews.filter((review) => review.run_id === review.id && isWaiting(review));",
    tests: [ROADS, ENGINE.cancel],
  },
  {
    name: "a permission is asked for and not required",
    file: "src/http/authenticate.ts",
    find: "if (accepted.some((one) => principal.permissions.has(one))) return;",
    replace: "if (accepted.length > 0) return;",
    tests: [ROADS],
  },
  // Effects.
  {
    name: "receipts are not looked up",
    file: "src/postgres/effects.ts",
    find: 'if (before.status === "receipt") return',
    replace: "if (before.attempt > 1e9) return",
    tests: [ENGINE.effects],
  },
  {
    name: "a once effect in doubt is started again",
    file: "src/postgres/effects.ts",
    find: 'if (before.kind === "once") throw inDoubt(before);',
    replace: "if (before.attempt > 1e9) throw inDoubt(before);",
    tests: [ENGINE.effects],
  },
  {
    name: "an effect's key is good for other arguments",
    file: "src/postgres/effects.ts",
    find: "if (before.args_digest === args_digest) return;",
    replace: "if (before.args_digest !== null) return;",
    tests: [ENGINE.effects],
  },
  {
    name: "the refund is not checked again when it is paid",
    file: "workflows/refund-approval/execute.ts",
    find: "if (cents > left) {",
    replace: "if (cents > left + 1e9) {",
    tests: ["test/workflows/refund-approval.test.ts", "test/story/examples.test.ts"],
  },
  // The record.
  {
    name: "every link of a chain follows its start",
    file: "src/postgres/audit.ts",
    find: "const prev_hash = last?.hash ?? CHAIN_START;",
    replace: "const prev_hash = last === undefined ? CHAIN_START : CHAIN_START;",
    tests: [ROADS, CROWD],
  },
  {
    name: "a chain's hash leaves out what was said",
    file: "src/policy/audit-chain.ts",
    find: ".update(canonicalJson({ ...link }))",
    replace: '.update(canonicalJson({ ...link, body: "" }))',
    tests: ["test/policy/audit-chain.test.ts"],
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
    tests: [CONSTRAINTS],
  })),
];
