import { randomUUID } from "node:crypto";
import { failpoint } from "../failpoint.ts";
import { recordedEffect } from "../policy/recorded-effect.ts";
import { isWaiting, REVIEW_TRANSITIONS } from "../policy/review/lifecycle.ts";
import type { ReviewRequest } from "../policy/review/open.ts";
import { firstStepAfterSeconds } from "../policy/review/timetable.ts";
import { type Ending, threadStatusAfter } from "../policy/run-lifecycle.ts";
import type { StreamEvent } from "../protocol/events.ts";
import type { GraphShape } from "../protocol/graph-shape.ts";
import type { ReviewStatus } from "../protocol/review.ts";
import type { RunStatus } from "../protocol/run.ts";
import { auditReview, reviewLink, runAudit } from "./audit.ts";
import type { Database, Queryable, Transaction } from "./database.ts";
import { effectsOfRun } from "./effects.sql.ts";
import { eventBatch } from "./events.ts";
import { fencedExclusive, type Lease } from "./fence.ts";
import { groupForUpdate, insertReview, liveReviewsForUpdate, moveReview, type ReviewRow } from "./reviews.sql.ts";
import { restingStatus, rolledBack } from "./rollback.ts";
import { endRun, type RunError, type RunRow } from "./runs.sql.ts";
import type { Statement } from "./sql.ts";
import { supersedeReview } from "./supersede.ts";
import { finishThread, giveBackThread } from "./threads.sql.ts";

/** What an execution leaves behind. JSON is text here: it is stored as it stands. */
export interface Finish {
  ending: Ending;
  /** The last values, or the open questions: what `wait` answers. */
  output: string | null;
  error: RunError | null;
  values: string | null;
  /** {task_id: [{id, value}]} */
  interrupts: string;
  /** The questions the thread now waits for. */
  questions: readonly ReviewRequest[];
  /** What became of the decided group this run carried; null when it carried none. */
  group: { event: "close" | "fail_resume" | "go_stale"; reason: string | null } | null;
  /** True when the run went on from where the thread stood: a resume that had failed there has now been made good. */
  continued: boolean;
}

/** What opening reviews needs to know. */
export interface OpenContext {
  graph_fingerprint: string;
  /** What is still to run, for comparing it with a later version of the code. */
  graph_shape?: GraphShape | null;
  guarded: boolean;
  checkpoint_id: string | null;
  forked_from: string | null;
}

/** What an execution has not stored yet. */
export interface LastWrites {
  events: readonly StreamEvent[];
  /** Statements that carry the guard of the lease themselves. */
  beside: readonly Statement[];
}

const RUN_STATUS: Record<Ending, Exclude<RunStatus, "pending" | "running">> = {
  finished: "success",
  paused: "success",
  stale: "error",
  failed: "error",
  timed_out: "timeout",
  cancelled: "interrupted",
};

/**
 * T-finish: ends a run, after the saver has committed. Locks: thread advisory lock, thread row, open runs, live
 * reviews by id, audit. Throws `lease_lost` and changes nothing when the fence has moved. The last events go with it.
 */
export async function finishRun(
  database: Database,
  lease: Lease,
  run: RunRow,
  wanted: Finish,
  context: OpenContext,
  last: LastWrites,
): Promise<void> {
  await fencedExclusive(database, lease, async (tx, { thread, openRuns }) => {
    const { tenant_id, thread_id, run_id } = lease;
    const { now } = thread;
    const isQueued = openRuns.some((open) => open.run_id !== run_id);
    const own = openRuns.find((open) => open.run_id === run_id);
    if (own?.cancel_action === "rollback" && (await rolledBack(tx, own, thread, isQueued))) return;
    const finish = cancelledInstead(wanted, own);
    if (finish.group !== null) await moveGroup(tx, run, finish.group.event, finish.group.reason, now);
    await openReviews(tx, run, finish.questions, context, now);
    if (finish.continued) await closeFailed(tx, run, now);
    failpoint("finish.reviews_opened");
    const error = finish.error === null ? null : JSON.stringify(finish.error);
    const status = RUN_STATUS[finish.ending];
    const released =
      run.kind === "copy"
        ? giveBackThread(tenant_id, thread_id, await restingStatus(tx, thread, isQueued))
        : finishThread(
            tenant_id,
            thread_id,
            threadStatusAfter(finish.ending, isQueued),
            finish.values,
            finish.interrupts,
            error,
          );
    const kind = finish.ending === "paused" ? "run.paused" : "run.ended";
    await tx.finish([
      ...eventBatch(lease, run.attempt, last.events),
      ...last.beside,
      released,
      endRun(tenant_id, run_id, status, finish.output, finish.error),
      runAudit(run, kind, "system:worker", { status, attempt: run.attempt, ...finish.error }),
    ]);
  });
}

/** A cancellation that came before the run could be stopped: what it has done stands, but it asks nothing any more. */
function cancelledInstead(finish: Finish, run: RunRow | undefined): Finish {
  if (finish.ending !== "paused" || run === undefined || run.cancel_action === null) return finish;
  const error = { error: "cancelled", message: `cancelled by ${run.cancelled_by}` };
  return { ...finish, ending: "cancelled", output: null, error, interrupts: "{}", questions: [] };
}

async function closeFailed(tx: Queryable, run: RunRow, at: string): Promise<void> {
  for (const review of await tx.many(liveReviewsForUpdate(run.tenant_id, run.thread_id))) {
    if (review.status !== "resume_failed") continue;
    const reason = `run ${run.run_id} went on from where the resume had failed`;
    await tx.run(moveReview(review.tenant_id, review.id, "closed", reason, null));
    await auditReview(tx, review, {
      kind: "closed",
      principal_id: run.principal_id,
      at,
      run_id: run.run_id,
      body: { reason },
    });
  }
}

/** Opens what is not open yet. A question that is shown differently now supersedes the one that was shown before. */
export async function openReviews(
  tx: Queryable,
  run: RunRow,
  questions: readonly ReviewRequest[],
  context: OpenContext,
  at: string,
): Promise<void> {
  if (questions.length === 0 || context.checkpoint_id === null) return;
  const live = await tx.many(liveReviewsForUpdate(run.tenant_id, run.thread_id));
  const isSame = (review: ReviewRow, question: ReviewRequest) =>
    REVIEW_TRANSITIONS[review.status].supersede !== null &&
    review.checkpoint_id === context.checkpoint_id &&
    review.task_id === question.task_id &&
    review.interrupt_id === question.interrupt_id;
  const stands = (review: ReviewRow, question: ReviewRequest) =>
    isWaiting(review) && review.request_digest === question.request_digest;
  const standing = live.find((review) =>
    questions.some((question) => isSame(review, question) && stands(review, question)),
  );
  const group_id = standing?.group_id ?? randomUUID();
  for (const question of questions) {
    const before = live.find((review) => isSame(review, question));
    if (before !== undefined && stands(before, question)) continue;
    const id = randomUUID();
    if (before !== undefined) {
      const reason = isWaiting(before)
        ? "the graph asked again and what it shows has changed"
        : "the graph asked again";
      await supersedeReview(tx, before, {
        reason,
        principal_id: "system:worker",
        run_id: run.run_id,
        at,
        superseded_by: id,
      });
    }
    await openReview(tx, run, question, { ...context, checkpoint_id: context.checkpoint_id }, { id, group_id, at });
  }
}

async function openReview(
  tx: Queryable,
  run: RunRow,
  question: ReviewRequest,
  context: OpenContext & { checkpoint_id: string },
  { id, group_id, at }: { id: string; group_id: string; at: string },
): Promise<void> {
  const review = await tx.maybeOne(
    insertReview({
      ...question,
      id,
      group_id,
      tenant_id: run.tenant_id,
      thread_id: run.thread_id,
      run_id: run.run_id,
      graph_id: run.graph_id,
      graph_fingerprint: context.graph_fingerprint,
      graph_shape: context.graph_shape == null ? null : JSON.stringify(context.graph_shape),
      assistant_id: run.assistant_id,
      checkpoint_id: context.checkpoint_id,
      checkpoint_ns: "",
      guarded: context.guarded,
      value: JSON.stringify(question.value),
      response_schema: question.response_schema === null ? null : JSON.stringify(question.response_schema),
      actions: JSON.stringify(question.actions),
      policy: JSON.stringify(question.policy),
      risk: question.policy.risk,
      priority: question.policy.priority,
      candidate_users: question.policy.candidates.users,
      candidate_groups: question.policy.candidates.groups,
      due_after_seconds: question.policy.due_after_seconds,
      next_after_seconds: firstStepAfterSeconds(question.policy),
      requested_by: run.principal_id,
      forked_from: context.forked_from,
    }),
  );
  if (review === undefined) return;
  await auditReview(tx, review, {
    kind: "opened",
    principal_id: run.principal_id,
    at,
    run_id: run.run_id,
    body: {
      request_digest: review.request_digest,
      value_digest: review.value_digest,
      policy_digest: review.policy_digest,
      value: question.value,
      actions: question.actions,
    },
  });
}

/** Moves every review of the run's group that the event applies to. */
export async function moveGroup(
  tx: Transaction,
  run: Pick<RunRow, "tenant_id" | "thread_id" | "run_id" | "group_id">,
  event: "apply" | "close" | "fail_resume" | "go_stale" | "cancel",
  reason: string | null,
  at: string,
  principal_id = "system:worker",
  graph_fingerprint?: string,
): Promise<ReviewRow[]> {
  if (run.group_id === null) return [];
  const moved: ReviewRow[] = [];
  const statements: Statement[] = [];
  const [group, ran] = await tx.pipeline([groupForUpdate(run.tenant_id, run.group_id), effectsOfRun(run)]);
  // What the answer did outside is part of the record, once there is nothing more to come.
  const effects = event === "apply" || ran.length === 0 ? {} : { effects: ran.map(recordedEffect) };
  for (const review of group) {
    const status: ReviewStatus | null = REVIEW_TRANSITIONS[review.status][event];
    if (status === null) continue;
    const body = { ...(reason === null ? {} : { reason }), ...otherCode(review, graph_fingerprint), ...effects };
    statements.push(
      moveReview(review.tenant_id, review.id, status, reason, null),
      await reviewLink(tx, review, { kind: status, principal_id, at, run_id: run.run_id, body }),
    );
    moved.push({ ...review, status });
  }
  if (statements.length > 0) await tx.pipeline(statements);
  return moved;
}

/** Says under which code a question was shown and under which its answer runs, where that is not the same. */
export function otherCode(review: ReviewRow, graph_fingerprint: string | undefined): Record<string, string> {
  const shown_fingerprint = review.graph_fingerprint;
  return graph_fingerprint === undefined || graph_fingerprint === shown_fingerprint
    ? {}
    : { shown_fingerprint, graph_fingerprint };
}
