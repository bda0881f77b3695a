import { type Mutant, TESTS } from "./mutant.ts";

const END = "src/policy/review/time-out.ts";
const FAILURE = "src/postgres/time-out-review.ts";
const TIMERS = "src/postgres/review-timers.ts";

/** Faults in what becomes of a review that nobody decides. */
export const TIMER_MUTANTS: readonly Mutant[] = [
  {
    name: "a time-out approves on a guarded graph",
    file: END,
    find: 'if (on_timeout === "approve" && review.guarded)',
    replace: 'if (on_timeout === "approve" && review.actions.length === 0)',
    tests: [TESTS.timetable],
  },
  {
    name: "a time-out approves without the policy's word",
    file: END,
    find: 'if (on_timeout === "approve" && !allow_auto_approve)',
    replace: 'if (on_timeout === "approve" && review.actions.length === 0)',
    tests: [TESTS.timetable],
  },
  {
    name: "a time-out gives an answer that is not offered",
    file: END,
    find: "!allowed.includes(on_timeout)",
    replace: "allowed.length === 0",
    tests: [TESTS.timetable],
  },
  {
    name: "a graph that has become guarded counts as it was",
    file: TIMERS,
    find: "guarded: review.guarded || isGuarded",
    replace: "guarded: review.guarded",
    tests: [TESTS.reviewTimeOuts],
  },
  {
    name: "those who are asked are reminded of what is over",
    file: "src/policy/review/timetable.ts",
    find: "step === reminder && !isOver",
    replace: "step === reminder",
    tests: [TESTS.timetable],
  },
  {
    name: "an escalation asks fewer where everybody is asked",
    file: "src/policy/review/escalation.ts",
    find: "if (candidate_users.length + candidate_groups.length === 0) return undefined;",
    replace: "if (lists.length > 1e9) return undefined;",
    tests: [TESTS.reviewTimers],
  },
  {
    name: "a step that is done is not noted",
    file: TIMERS,
    find: "plan.timer_step + (isFailed ? 1 : 0)",
    replace: "review.timer_step",
    tests: [TESTS.reviewTimers],
  },
  {
    name: "the first thing that is due of a review is its due time",
    file: "src/policy/review/timetable.ts",
    find: "return timetable(policy)[0]?.after_seconds ?? null;",
    replace: "return policy.due_after_seconds;",
    tests: [TESTS.reviewTimers],
  },
  {
    name: "an answer by time-out does not wait for the run that comes first",
    file: TIMERS,
    find: 'openRuns.find(({ kind }) => kind !== "resume")',
    replace: 'openRuns.find(({ kind }) => kind === "state_update")',
    tests: [TESTS.reviewTimeOuts],
  },
  {
    name: "an answer that cannot be given is forgotten",
    file: TIMERS,
    find: "const second = await stepTimer(database, due, { isGuarded, refusal: error.message });",
    replace: "const second = await stepTimer(database, due, { isGuarded, refusal: null });",
    tests: [TESTS.reviewTimeOuts],
  },
  {
    name: "a thread waits on when its review has timed out",
    file: FAILURE,
    find: "    failThread(tenant_id, thread_id, status, JSON.stringify(error)),\n",
    replace: "",
    tests: [TESTS.reviewTimers],
  },
  {
    name: "what a pause asks beside a question outlives it",
    file: FAILURE,
    find: "other.id !== review.id && isWaiting(other)",
    replace: "other.id !== review.id && isWaiting(other) && other.version < 0",
    tests: [TESTS.reviewTimeOuts],
  },
  {
    name: "who has not loaded a graph does what is due of its reviews",
    file: "src/postgres/review-timers.sql.ts",
    find: "v.graph_id = any(w.graph_ids)",
    replace: "v.graph_id = all(w.graph_ids)",
    tests: [TESTS.reviewTimers],
  },
  {
    name: "one review that cannot be read keeps all others waiting",
    file: TIMERS,
    find: '      if (isHoldpointError(error) && error.code === "database_unreachable") throw error;\n      await',
    replace: "      if (error !== undefined) throw error;\n      await",
    tests: [TESTS.reviewTimers],
  },
  {
    name: "what a deleted thread has asked stays open",
    file: "src/postgres/sweeps.ts",
    find: "    await takeBackReviews(tx, tenant_id, thread_id, why);\n",
    replace: "",
    tests: [TESTS.reviewTimers],
  },
];
