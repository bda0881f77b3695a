import { failpoint } from "../failpoint.ts";
import { recordedEffect } from "../policy/recorded-effect.ts";
import { REVIEW_TRANSITIONS } from "../policy/review/lifecycle.ts";
import { describeChanges } from "../policy/review/shown-change.ts";
import type { Ending } from "../policy/run-lifecycle.ts";
import type { RecordedEffect } from "../protocol/audit.ts";
import type { StreamEvent } from "../protocol/events.ts";
import type { ReviewStatus } from "../protocol/review.ts";
import { auditReview, reviewLink } from "./audit.ts";
import { type Database, isPostgresError, type Queryable, type Transaction } from "./database.ts";
import { type EffectRow, effectsOfRun } from "./effects.sql.ts";
import { expectUndisturbed } from "./fence.sql.ts";
import { fencedExclusive, type Lease } from "./fence.ts";
import { type Finish, type LastWrites, lastWrites, leaveThread, type Why } from "./last-writes.ts";
import { type OpenContext, openReviews } from "./open-reviews.ts";
import { groupForUpdate, liveReviewsForUpdate, moveReview, type ReviewRow } from "./reviews.sql.ts";
import { restingStatus, rolledBack } from "./rollback.ts";
import type { RunError, RunRow } from "./runs.sql.ts";
import type { Statement } from "./sql.ts";
import { giveBackThread, lockThread } from "./threads.sql.ts";

/**
 * T-finish: ends a run, after the saver has committed. Locks: thread advisory lock, thread row, open runs, live
 * reviews by id, audit. Throws `lease_lost` and changes nothing when the fence has moved. The last events go with it.
 * Gives how it has ended, which under the locks may be another end than was wanted.
 * Where no review is concerned it is sent whole, in one trip.
 */
export async function finishRun(
  database: Database,
  lease: Lease,
  run: RunRow,
  wanted: Finish,
  context: OpenContext,
  last: LastWrites,
): Promise<Ending> {
  if (concernsNoReview(run, wanted) && (await finishAtOnce(database, lease, run, wanted, last))) return wanted.ending;
  return await fencedExclusive(database, lease, async (tx, { thread, openRuns }) => {
    const { tenant_id, thread_id } = lease;
    const { now } = thread;
    const isQueued = openRuns.some((open) => open.run_id !== lease.run_id);
    const own = openRuns.find((open) => open.run_id === lease.run_id);
    if (own?.cancel_action === "rollback" && (await rolledBack(tx, own, thread, isQueued))) return "cancelled";
    const asking = cancelledInstead(wanted, own);
    if (asking.group !== null) await moveGroup(tx, run, asking.group.event, asking.group, now);
    const tooOften = await openReviews(tx, run, asking.questions, context, now);
    const finish = tooOften === null ? asking : failedInstead(asking, tooOften);
    if (finish.continued) await closeFailed(tx, run, now);
    failpoint("finish.reviews_opened");
    const released =
      run.kind === "copy"
        ? giveBackThread(tenant_id, thread_id, await restingStatus(tx, thread, isQueued))
        : leaveThread(lease, finish);
    const told: StreamEvent[] = tooOften === null ? [] : [{ event: "error", data: tooOften }];
    const events = [...last.events, ...told];
    await tx.finish(lastWrites(lease, run, finish, { ...last, events }, released));
    return finish.ending;
  });
}

/** A run that carries no answer, asks nothing and made nothing good ends as it is, unless somebody has cancelled it. */
function concernsNoReview(run: RunRow, finish: Finish): boolean {
  const { ending, group, continued } = finish;
  return run.kind !== "copy" && ending !== "paused" && ending !== "stale" && group === null && !continued;
}

/** False, and nothing is changed, when the lease is lost or the run is to be stopped: that takes a closer look. */
async function finishAtOnce(
  database: Database,
  lease: Lease,
  run: RunRow,
  finish: Finish,
  last: LastWrites,
): Promise<boolean> {
  const writes = lastWrites(lease, run, finish, last, leaveThread(lease, finish));
  try {
    await database.transaction((tx) => tx.finish([lockThread(lease.thread_id), expectUndisturbed(lease), ...writes]));
    return true;
  } catch (refused) {
    if (isPostgresError(refused, "HP002")) return false;
    throw refused;
  }
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
    const ran = await tx.many(effectsOfRun(run));
    await tx.run(moveReview(review.tenant_id, review.id, "closed", reason, null));
    await auditReview(tx, review, {
      kind: "closed",
      principal_id: run.principal_id,
      at,
      run_id: run.run_id,
      body: { reason, ...recordedEffects(ran) },
    });
  }
}

/** What an answer did outside is part of the record, once there is nothing more to come. */
function recordedEffects(ran: readonly EffectRow[]): { effects?: RecordedEffect[] } {
  return ran.length === 0 ? {} : { effects: ran.map(recordedEffect) };
}

/** Moves every review of the run's group that the event applies to. */
export async function moveGroup(
  tx: Transaction,
  run: Pick<RunRow, "tenant_id" | "thread_id" | "run_id" | "group_id">,
  event: "apply" | "close" | "fail_resume" | "go_stale" | "cancel",
  { reason, changes = [] }: Why,
  at: string,
  principal_id = "system:worker",
  graph_fingerprint?: string,
): Promise<ReviewRow[]> {
  if (run.group_id === null) return [];
  const moved: ReviewRow[] = [];
  const statements: Statement[] = [];
  const [group, ran] = await tx.pipeline([groupForUpdate(run.tenant_id, run.group_id), effectsOfRun(run)]);
  const effects = event === "apply" ? {} : recordedEffects(ran);
  const spoken = changes.length === 0 ? reason : `${reason}: ${describeChanges(changes)}`;
  const said = { ...(reason === null ? {} : { reason }), ...(changes.length === 0 ? {} : { changes }) };
  for (const review of group) {
    const status: ReviewStatus | null = REVIEW_TRANSITIONS[review.status][event];
    if (status === null) continue;
    const body = { ...said, ...otherCode(review, graph_fingerprint), ...effects };
    statements.push(
      moveReview(review.tenant_id, review.id, status, spoken, null),
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
