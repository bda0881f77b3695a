import { failpoint } from "../failpoint.ts";
import { recordedEffect } from "../policy/recorded-effect.ts";
import { REVIEW_TRANSITIONS } from "../policy/review/lifecycle.ts";
import type { ReviewRequest } from "../policy/review/open.ts";
import { type Ending, threadStatusAfter } from "../policy/run-lifecycle.ts";
import type { StreamEvent } from "../protocol/events.ts";
import type { ReviewStatus } from "../protocol/review.ts";
import type { RunStatus } from "../protocol/run.ts";
import { auditReview, reviewLink, runAudit } from "./audit.ts";
import type { Database, Queryable, Transaction } from "./database.ts";
import { effectsOfRun } from "./effects.sql.ts";
import { eventBatch } from "./events.ts";
import { fencedExclusive, type Lease } from "./fence.ts";
import { type OpenContext, openReviews } from "./open-reviews.ts";
import { groupForUpdate, liveReviewsForUpdate, moveReview, type ReviewRow } from "./reviews.sql.ts";
import { restingStatus, rolledBack } from "./rollback.ts";
import { endRun, type RunError, type RunRow } from "./runs.sql.ts";
import type { Statement } from "./sql.ts";
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
    const asking = cancelledInstead(wanted, own);
    if (asking.group !== null) await moveGroup(tx, run, asking.group.event, asking.group.reason, now);
    const tooOften = await openReviews(tx, run, asking.questions, context, now);
    const finish = tooOften === null ? asking : failedInstead(asking, tooOften);
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
      ...eventBatch(
        lease,
        run.attempt,
        tooOften === null ? last.events : [...last.events, { event: "error", data: tooOften }],
      ),
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

/** A question that has come back too often is asked no more: the run fails, and the thread says so. */
function failedInstead(finish: Finish, error: RunError): Finish {
  return { ...finish, ending: "failed", output: null, error, interrupts: "{}", questions: [], continued: false };
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
