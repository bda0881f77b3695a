import { randomUUID } from "node:crypto";
import { isWaiting, REVIEW_TRANSITIONS } from "../policy/review/lifecycle.ts";
import type { ReviewRequest } from "../policy/review/open.ts";
import { firstStepAfterSeconds } from "../policy/review/timetable.ts";
import { nextTurn, type Turn, tooOften } from "../policy/review/turns.ts";
import type { GraphShape } from "../protocol/graph-shape.ts";
import type { RunKwargs } from "../protocol/run.ts";
import { auditReview } from "./audit.ts";
import type { Queryable } from "./database.ts";
import { decisionsOf, groupForUpdate, insertReview, liveReviewsForUpdate, type ReviewRow } from "./reviews.sql.ts";
import type { RunError, RunRow } from "./runs.sql.ts";
import { linkSuperseded, setSupersededBy } from "./supersede.sql.ts";
import { supersedeReview } from "./supersede.ts";

/** What opening reviews needs to know. */
export interface OpenContext {
  graph_fingerprint: string;
  /** What is still to run, for comparing it with a later version of the code. */
  graph_shape?: GraphShape | null;
  guarded: boolean;
  checkpoint_id: string | null;
  forked_from: string | null;
}

/**
 * Opens what is not open yet. A question that is shown differently now supersedes the one that was shown before. Says why
 * when one has come back too often: then nothing is opened, and what the thread asked is taken back.
 */
export async function openReviews(
  tx: Queryable,
  run: RunRow,
  questions: readonly ReviewRequest[],
  context: OpenContext,
  at: string,
): Promise<RunError | null> {
  const { checkpoint_id } = context;
  if (questions.length === 0 || checkpoint_id === null) return null;
  const live = await tx.many(liveReviewsForUpdate(run.tenant_id, run.thread_id));
  const isSame = (review: ReviewRow, question: ReviewRequest) =>
    REVIEW_TRANSITIONS[review.status].supersede !== null &&
    review.checkpoint_id === checkpoint_id &&
    review.task_id === question.task_id &&
    review.interrupt_id === question.interrupt_id;
  const stands = (review: ReviewRow, question: ReviewRequest) =>
    isWaiting(review) && review.request_digest === question.request_digest;
  const standing = live.find((review) =>
    questions.some((question) => isSame(review, question) && stands(review, question)),
  );
  const group_id = standing?.group_id ?? randomUUID();
  const asked = questions.map((question) => ({ question, before: live.find((review) => isSame(review, question)) }));
  const anew = asked.filter(({ question, before }) => before === undefined || !stands(before, question));
  if (anew.length === 0) return null;
  const sentBack = await sentBackBy(tx, run);
  const leftBehind = await leftBehindBy(tx, run);
  const turns = anew.map(({ question, before }) => {
    const left = before === undefined ? take(leftBehind, question.node) : undefined;
    const after = before ?? left ?? take(sentBack, question.node);
    const turn = nextTurn(after, { isRestart: before !== undefined || left !== undefined });
    return { question, before, left, turn };
  });
  const error = turns.map(({ question, turn }) => tooOften(question, turn)).find((one) => one !== null) ?? null;
  for (const { question, before, left, turn } of turns) {
    const id = randomUUID();
    if (before !== undefined) {
      const changed = isWaiting(before)
        ? "the graph asked again and what it shows has changed"
        : "the graph asked again";
      const cause = { principal_id: "system:worker", run_id: run.run_id, at };
      if (error !== null) await supersedeReview(tx, before, { ...cause, reason: `${changed}; ${error.message}` });
      else await supersedeReview(tx, before, { ...cause, reason: changed, superseded_by: id });
    }
    if (error === null) await openReview(tx, run, question, { ...context, checkpoint_id }, { id, group_id, at, turn });
    if (error === null && left !== undefined) await tx.run(setSupersededBy(run.tenant_id, left.id, id));
  }
  // Only what an answer resumes has left nothing behind.
  if (error === null && run.group_id === null)
    await tx.run(linkSuperseded(run.tenant_id, run.thread_id, run.run_id, group_id));
  // What stands beside it would wait in vain: the run that asks it has failed.
  if (error !== null)
    await takeBack(
      tx,
      run,
      live.filter((review) => isWaiting(review) && !turns.some(({ before }) => before === review)),
      error,
      at,
    );
  return error;
}

/** Takes back the questions that a run leaves open which asks too often. */
async function takeBack(
  tx: Queryable,
  run: RunRow,
  open: readonly ReviewRow[],
  error: RunError,
  at: string,
): Promise<void> {
  for (const review of open) {
    const reason = `run ${run.run_id} ended: ${error.message}`;
    await supersedeReview(tx, review, { reason, principal_id: "system:worker", run_id: run.run_id, at });
  }
}

/** The reviews whose answer was to ask again, of which this run carries the answers. */
async function sentBackBy(tx: Queryable, run: RunRow): Promise<ReviewRow[]> {
  if (run.group_id === null) return [];
  const group = await tx.many(groupForUpdate(run.tenant_id, run.group_id));
  const ids = group.map(({ id }) => id);
  const back = (await tx.many(decisionsOf(run.tenant_id, ids))).filter(({ channel }) => channel === "ask");
  return group.filter(({ id }) => back.some(({ review_id }) => review_id === id));
}

/** The reviews whose answer this run has let go of, to ask again. */
async function leftBehindBy(tx: Queryable, { tenant_id, kwargs }: RunRow): Promise<ReviewRow[]> {
  const { reask } = JSON.parse(kwargs) as RunKwargs;
  if (reask === undefined) return [];
  return (await tx.many(groupForUpdate(tenant_id, reask.group_id))).filter(
    ({ superseded_by }) => superseded_by === null,
  );
}

/** The first of them at this node; each comes back once. */
function take(reviews: ReviewRow[], node: string): ReviewRow | undefined {
  const at = reviews.findIndex((review) => review.node === node);
  return at === -1 ? undefined : reviews.splice(at, 1)[0];
}

async function openReview(
  tx: Queryable,
  run: RunRow,
  question: ReviewRequest,
  context: OpenContext & { checkpoint_id: string },
  { id, group_id, at, turn }: { id: string; group_id: string; at: string; turn: Turn },
): Promise<void> {
  const review = await tx.maybeOne(
    insertReview({
      ...question,
      ...turn,
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
      ...(turn.revises === null ? {} : turn),
    },
  });
}
