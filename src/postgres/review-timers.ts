import { failpoint } from "../failpoint.ts";
import type { GraphFacts } from "../policy/review/decide.ts";
import { widened } from "../policy/review/escalation.ts";
import { isOpen } from "../policy/review/lifecycle.ts";
import { type TimeOut, timeOutOf } from "../policy/review/time-out.ts";
import { type DueSteps, dueSteps, momentOf } from "../policy/review/timetable.ts";
import { isHoldpointError } from "../protocol/errors.ts";
import type { ReviewAction } from "../protocol/interrupt.ts";
import { TIMEOUT, timeoutPrincipal } from "../protocol/principal.ts";
import type { ReviewPolicy } from "../protocol/review-policy.ts";
import { reviewLink } from "./audit.ts";
import type { Database, Transaction } from "./database.ts";
import { decide } from "./decide.ts";
import { type DueReview, dueReviews, lookLater, noteSteps, setCandidates } from "./review-timers.sql.ts";
import { liveReviewsForUpdate, type ReviewRow } from "./reviews.sql.ts";
import { openRunsForUpdate, type RunRow } from "./runs.sql.ts";
import type { Statement } from "./sql.ts";
import { tryLockThread } from "./sweeps.sql.ts";
import { threadForUpdate } from "./threads.sql.ts";
import { timeOutReview } from "./time-out-review.ts";

/** What a process knows of the graphs it has loaded. */
export interface LoadedGraphs {
  graph_ids: readonly string[];
  isGuarded(graph_id: string): boolean;
  /** What an answer to one that is loaded here is checked against. Throws `graph_invalid`. */
  factsOf(graph_id: string): Promise<GraphFacts>;
}

/** What has been done with a review. */
export interface TimerDone extends DueReview {
  told: ("reminded" | "escalated")[];
  /** How it ended; null: it has not. */
  end: TimeOut["action"] | null;
  /** Why it failed, or why what is due waits. */
  reason: string | null;
  /** What went wrong; it is tried again. */
  error?: unknown;
}

const REVIEWS = 20;
// Another run of the thread comes first, and may change what it asks.
const RUN_SECONDS = 10;
// An answer waits for its graph, as a queued run does.
const GRAPH_SECONDS = 600;
// What cannot be done must not keep the others waiting.
const BROKEN_SECONDS = 60;

/**
 * Does what is due of reviews that nobody decides: reminders, escalations and their end. Bound: the reviews of which
 * something is due when it starts, REVIEWS at most. Any number of workers do it at once, each step once.
 */
export async function runReviewTimers(database: Database, graphs: LoadedGraphs): Promise<TimerDone[]> {
  const done: TimerDone[] = [];
  for (const due of await database.many(dueReviews(graphs.graph_ids, REVIEWS))) {
    try {
      const step = await runTimer(database, due, graphs);
      if (step !== undefined) done.push(step);
    } catch (error) {
      if (isHoldpointError(error) && error.code === "database_unreachable") throw error;
      await database.run(lookLater(due.tenant_id, due.id, BROKEN_SECONDS));
      done.push({ ...due, told: [], end: null, reason: null, error });
    }
  }
  return done;
}

async function runTimer(database: Database, due: DueReview, graphs: LoadedGraphs): Promise<TimerDone | undefined> {
  const isGuarded = graphs.isGuarded(due.graph_id);
  const step = await stepTimer(database, due, { isGuarded, refusal: null });
  failpoint("review_timer.committed");
  if (step?.answer === undefined) return step?.done;
  if (!graphs.graph_ids.includes(due.graph_id)) {
    await database.run(lookLater(due.tenant_id, due.id, GRAPH_SECONDS));
    return { ...step.done, reason: `graph "${due.graph_id}" is not loaded, and its answer waits for it` };
  }
  try {
    const { replayed } = await decide(database, decisionOf(due, step, await graphs.factsOf(due.graph_id)));
    return { ...step.done, end: replayed ? null : step.answer.action };
  } catch (error) {
    // Somebody was faster, or it cannot be answered: the second look tells.
    if (!isHoldpointError(error) || error.code === "database_unreachable") throw error;
    const second = await stepTimer(database, due, { isGuarded, refusal: error.message });
    return { ...step.done, end: second?.done.end ?? null, reason: second?.done.reason ?? null };
  }
}

interface Step {
  done: TimerDone;
  /** The answer that its policy gives when nobody has. */
  answer?: Extract<TimeOut, { decisions: unknown }>;
  request_digest: string;
}

interface Scene {
  review: ReviewRow;
  live: ReviewRow[];
  openRuns: RunRow[];
  now: string;
}

/**
 * T-review-timer: does what is due of one review. An answer is left to T-decide, which looks at everything once more.
 * Locks: thread advisory lock, if nobody has it, thread row, open runs, live reviews by id, audit.
 */
async function stepTimer(
  database: Database,
  due: DueReview,
  terms: { isGuarded: boolean; refusal: string | null },
): Promise<Step | undefined> {
  return await database.transaction(async (tx) => {
    const scene = await readScene(tx, due);
    if (scene === undefined) return undefined;
    const { review, now } = scene;
    const policy = JSON.parse(review.policy) as ReviewPolicy;
    const plan = dueSteps(policy, review.timer_step, (Date.parse(now) - Date.parse(review.opened_at)) / 1000);
    const told = await tell(tx, review, plan, now);
    const ended = plan.end === null ? undefined : await end(tx, scene, { ...terms, policy, end: plan.end });
    const isFailed = ended?.action === "fail";
    const statements = [
      ...told,
      noteSteps(due.tenant_id, due.id, plan.timer_step + (isFailed ? 1 : 0), plan.next_after_seconds),
      ...(ended?.statements ?? []),
    ];
    await tx.pipeline(statements);
    failpoint("review_timer.recorded");
    const kinds = plan.tell.map(({ kind }) => (kind === "reminder" ? "reminded" : "escalated"));
    const reason = ended?.reason ?? null;
    const done: TimerDone = { ...due, told: kinds, end: isFailed ? "fail" : null, reason };
    return { done, request_digest: review.request_digest, ...(ended?.answer && { answer: ended.answer }) };
  });
}

/** The review and what surrounds it, under the thread's lock; undefined when nothing is due of it any more, or not now. */
async function readScene(tx: Transaction, { tenant_id, thread_id, id }: DueReview): Promise<Scene | undefined> {
  // A statement of its own: whoever had the lock may have decided what an older snapshot shows as open.
  const { is_locked } = await tx.one(tryLockThread(thread_id));
  if (!is_locked) return undefined;
  const [[thread], openRuns, live] = await tx.pipeline([
    threadForUpdate(tenant_id, thread_id),
    openRunsForUpdate(tenant_id, thread_id),
    liveReviewsForUpdate(tenant_id, thread_id),
  ]);
  const review = live.find((one) => one.id === id);
  if (thread === undefined || review === undefined || !isOpen(review.status)) return undefined;
  if (review.next_at === null || review.next_at > thread.now) return undefined;
  return { review, live, openRuns, now: thread.now };
}

/** The links that tell of reminders and escalations; who an escalation names is asked from now on. */
async function tell(tx: Transaction, review: ReviewRow, { tell: steps }: DueSteps, now: string): Promise<Statement[]> {
  const { tenant_id, id, opened_at, due_at } = review;
  const links: Statement[] = [];
  for (const step of steps) {
    const at = momentOf(opened_at, step.after_seconds);
    const body = step.kind === "reminder" ? { at, due_at } : { at, due_at, level: step.level, to: step.to };
    const kind = step.kind === "reminder" ? "reminded" : "escalated";
    links.push(await reviewLink(tx, review, { kind, principal_id: TIMEOUT, at: now, body }));
  }
  const asked = widened(
    review,
    steps.flatMap((step) => (step.kind === "reminder" ? [] : [step.to])),
  );
  return [...links, ...(asked === undefined ? [] : [setCandidates(tenant_id, id, asked.users, asked.groups)])];
}

interface Ended {
  /** `wait`: something else comes first. */
  action: TimeOut["action"] | "wait";
  reason: string | null;
  answer?: Extract<TimeOut, { decisions: unknown }>;
  statements: Statement[];
}

interface EndTerms {
  policy: ReviewPolicy;
  end: NonNullable<DueSteps["end"]>;
  isGuarded: boolean;
  refusal: string | null;
}

/** What the end of its time does to a review. Only a failure is written here. */
async function end(tx: Transaction, scene: Scene, { policy, end: last, isGuarded, refusal }: EndTerms): Promise<Ended> {
  const { review, openRuns } = scene;
  const actions = JSON.parse(review.actions) as ReviewAction[];
  const wanted = timeOutOf({ guarded: review.guarded || isGuarded, actions }, policy);
  const other = openRuns.find(({ kind }) => kind !== "resume");
  if (wanted.action !== "fail" && other !== undefined) {
    const reason = `run ${other.run_id} (${other.kind}) of its thread comes first`;
    return { action: "wait", reason, statements: [lookLater(review.tenant_id, review.id, RUN_SECONDS)] };
  }
  if (wanted.action !== "fail" && refusal === null) {
    return { action: wanted.action, reason: null, answer: wanted, statements: [] };
  }
  const why = refusal ?? (wanted.action === "fail" ? wanted.instead : null);
  const by = `nobody decided it by ${momentOf(review.opened_at, last.after_seconds)}`;
  const meant = policy.on_timeout === "approve" ? "approved" : "rejected";
  const reason = why === null ? by : `${by}; it was to be ${meant}, but ${why}`;
  return { action: "fail", reason, statements: await timeOutReview(tx, scene, review, reason) };
}

function decisionOf(
  { tenant_id, id, thread_id, graph_id }: DueReview,
  { answer, request_digest }: Step,
  graph: GraphFacts,
): Parameters<typeof decide>[1] {
  const request = {
    decisions: { ok: true, value: answer?.decisions ?? [] } as const,
    by_interrupt_id: false,
    seen_digest: request_digest,
  };
  return {
    principal: timeoutPrincipal(tenant_id),
    channel: "timeout",
    thread_id,
    answers: [{ review_id: id, request }],
    comment: "nobody decided in time",
    graphOf: (asked) => (asked === graph_id ? graph : null),
    elapsedMs: () => 0,
    allowScalarResume: false,
  };
}
