import { type Mutant, TESTS } from "./mutant.ts";

const DECIDE = "src/policy/review/decide.ts";
const NORMALISE = "src/policy/review/normalise.ts";

/** Faults in what a person decides, and in the roads past it. */
export const DECISION_MUTANTS: readonly Mutant[] = [
  // What binds an answer.
  {
    name: "seen_digest is not compared",
    file: DECIDE,
    find: "request.seen_digest !== review.request_digest)",
    replace: 'request.seen_digest === "")',
    tests: [TESTS.roads],
  },
  {
    name: "value_digest is not compared",
    file: DECIDE,
    find: "request.value_digest !== review.value_digest)",
    replace: 'request.value_digest === "")',
    tests: [TESTS.roads],
  },
  {
    name: "review() takes an answer to other bytes",
    file: "src/kit/review.ts",
    find: "if (answer.value_digest !== value.value_digest) {",
    replace: 'if (answer.value_digest === "") {',
    tests: [TESTS.review, TESTS.pauses],
  },
  {
    name: "an older checkpoint binds an answer",
    file: DECIDE,
    find: "request.checkpoint_id !== review.checkpoint_id)",
    replace: 'request.checkpoint_id === "")',
    tests: [TESTS.roads],
  },
  {
    name: "If-Match is not compared",
    file: DECIDE,
    find: "request.seen_version !== review.version)",
    replace: "request.seen_version === 1e9)",
    tests: [TESTS.roads],
  },
  {
    name: "a bare value answers a guarded graph",
    file: DECIDE,
    find: "if (context.allow_scalar_resume && !review.guarded)",
    replace: "if (context.allow_scalar_resume)",
    tests: [TESTS.roads],
  },
  {
    name: "an answer counts for a question that came after it",
    file: DECIDE,
    find: "if (context.opened_after_arrival) {",
    replace: "if (context.opened_after_arrival && review.version > 1e9) {",
    tests: [TESTS.answers],
  },
  {
    name: "a decision does not look at the head",
    file: DECIDE,
    find: "if (context.head_checkpoint_id !== review.checkpoint_id) {",
    replace: 'if (context.head_checkpoint_id === "") {',
    tests: [TESTS.decide, TESTS.pauses],
  },
  {
    name: "a decision does not look at other runs",
    file: DECIDE,
    find: "if (context.other_run !== null) {",
    replace: "if (context.other_run !== null && review.version > 1e9) {",
    tests: [TESTS.decide, TESTS.queue],
  },
  {
    name: "a decision is not checked against what is offered",
    file: NORMALISE,
    find: "const offered = checkDecisions(asSent, review.actions);",
    replace: "const offered = checkDecisions([], review.actions);",
    tests: [TESTS.roads],
  },
  // Replay.
  {
    name: "a repeated answer is no replay",
    file: DECIDE,
    find: "if (same) return true;",
    replace: "if (same) return false;",
    tests: [TESTS.decided],
  },
  {
    name: "anybody's same answer is a replay",
    file: DECIDE,
    find: "if (standing === null || standing.principal_id !== request.principal_id) return false;",
    replace: "if (standing === null) return false;",
    tests: [TESTS.decided, TESTS.crowd],
  },
  {
    name: "a decided review can be decided again",
    file: DECIDE,
    find: "if (standing !== null && !isOpen(review.status)) {",
    replace: "if (standing !== null && isOpen(review.status)) {",
    tests: [TESTS.decided, TESTS.crowd],
  },
  {
    name: "an idempotency key can be used for another answer",
    file: DECIDE,
    find: "request.idempotency_key === standing.idempotency_key)",
    replace: 'request.idempotency_key === "")',
    tests: [TESTS.decided],
  },
  {
    name: "a cancelled review can be decided",
    file: DECIDE,
    find: 'if (review.status === "cancelled")',
    replace: "if (review.version > 1e9)",
    tests: [TESTS.decided],
  },
  // Roads past a review.
  {
    name: "no graph is guarded",
    file: "src/policy/guarded.ts",
    find: "if (door === null) return;",
    replace: "if (door !== 0) return;",
    tests: [TESTS.roads],
  },
  {
    name: "an answer may say what it likes beside its resume",
    file: "src/http/start-run.ts",
    find: "if (graph.guarded) refuseBesides(",
    replace: 'if (graph.graph_id === "") refuseBesides(',
    tests: [TESTS.roads],
  },
  {
    name: "another graph runs on a guarded thread",
    file: "src/postgres/create-run.ts",
    find: "await refuseOtherGraph(tx, request, thread, openRuns);",
    replace: "if (openRuns.length > 1e9) await refuseOtherGraph(tx, request, thread, openRuns);",
    tests: [TESTS.roads],
  },
  {
    name: "a thread is edited and copied in the middle of a run",
    file: "src/postgres/create-run.ts",
    find: "refuseBusy(request, openRuns);",
    replace: "refuseBusy(request, []);",
    tests: [TESTS.movedOn, TESTS.copy],
  },
  {
    name: "a copy takes the answers along",
    file: "src/postgres/checkpointer/copy.sql.ts",
    find: "and w.thread_id = ${source}::text and w.slot <> -4\n",
    replace: "and w.thread_id = ${source}::text\n",
    tests: [TESTS.copy],
  },
  {
    name: "cancelling leaves the question open",
    file: "src/postgres/cancel.ts",
    find: "const own = reviews.filter((review) => review.run_id === run.run_id && isWaiting(review));",
    replace: "const own = reviews.filter((review) => review.run_id === review.id && isWaiting(review));",
    tests: [TESTS.decided],
  },
  {
    name: "a permission is asked for and not required",
    file: "src/http/authenticate.ts",
    find: "if (accepted.some((one) => principal.permissions.has(one))) return;",
    replace: "if (accepted.length > 0) return;",
    tests: [TESTS.roads],
  },
];
