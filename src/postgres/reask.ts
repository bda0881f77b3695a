import { randomUUID } from "node:crypto";
import { nextTurn, tooOften } from "../policy/review/turns.ts";
import { HoldpointError } from "../protocol/errors.ts";
import type { ReviewPolicy } from "../protocol/review-policy.ts";
import type { RunKwargs } from "../protocol/run.ts";
import { createRunIn } from "./create-run.ts";
import type { Database, Queryable } from "./database.ts";
import { effectOfStep } from "./reask.sql.ts";
import { type ReviewRow, selectGroup, selectReview } from "./reviews.sql.ts";
import { type RunRow, selectRunById } from "./runs.sql.ts";
import { lockThread } from "./threads.sql.ts";

/** Who wants which question asked again. */
export interface Reask {
  tenant_id: string;
  thread_id: string;
  review_id: string;
  principal_id: string;
  guarded: boolean;
  isGuarded: (graph_id: string) => boolean;
}

/**
 * T-reask: leaves an answer behind whose run has failed, and starts a run that takes the step of the question again, which
 * asks it as a new review. Locks: as T-create-run, whose last words it is. Only while nothing has been begun outside: a step
 * that is taken again has other names, under which no effect would find its receipt.
 * Throws `not_failed`, `effect_begun`, `too_many_restarts`, `thread_busy`, `guarded`.
 */
export async function reask(database: Database, request: Reask): Promise<RunRow> {
  const { tenant_id, thread_id, review_id, principal_id, guarded, isGuarded } = request;
  return await database.transaction(async (tx) => {
    await tx.run(lockThread(thread_id));
    const review = await tx.one(selectReview(tenant_id, review_id));
    const { group_id, checkpoint_id, flavour } = review;
    await refuseReask(tx, review);
    const failed = await tx.one(selectRunById(tenant_id, review.resume_run_id ?? review.run_id));
    const settings = JSON.parse(failed.kwargs) as RunKwargs;
    return await createRunIn(tx, {
      tenant_id,
      thread_id,
      run_id: randomUUID(),
      principal_id,
      kind: "run",
      graph_id: failed.graph_id,
      guarded,
      isGuarded,
      assistant_id: failed.assistant_id,
      kwargs: {
        ...settings,
        input: null,
        command: null,
        checkpoint: null,
        reask: { group_id, checkpoint_id, at_breakpoint: flavour === "breakpoint" },
      },
      metadata: failed.metadata,
      multitask_strategy: "reject",
      after_seconds: 0,
      priority: failed.priority,
      if_not_exists: "reject",
    });
  });
}

async function refuseReask(tx: Queryable, review: ReviewRow): Promise<void> {
  const { id: review_id, tenant_id, group_id, status } = review;
  if (status !== "resume_failed") throw notReasked({ id: review_id, status, resume_run_id: review.resume_run_id });
  const effect = await tx.maybeOne(effectOfStep(review));
  if (effect !== undefined) throw effectBegun(review_id, effect);
  // Refused before the answer is left behind: it can still be carried out.
  for (const one of await tx.many(selectGroup(tenant_id, group_id))) {
    const policy = JSON.parse(one.policy) as ReviewPolicy;
    const error = tooOften({ node: one.node, policy }, nextTurn(one, { isRestart: true }));
    if (error !== null) throw new HoldpointError(error.error, error.message, { facts: { review_id: one.id } });
  }
}

/** A review that is not to be asked again as it stands. */
export function notReasked({ id, ...facts }: Pick<ReviewRow, "id" | "status" | "resume_run_id">): HoldpointError {
  const others = "asked again are stale reviews, and those whose resume has failed";
  return new HoldpointError("not_failed", `review ${id} is ${facts.status}, and ${others}`, {
    facts: { review_id: id, ...facts },
  });
}

function effectBegun(
  review_id: string,
  { effect_id, name, status, run_id }: { effect_id: string; name: string; status: string; run_id: string },
): HoldpointError {
  const outcome = status === "receipt" ? "has its receipt" : "has left no receipt";
  return new HoldpointError(
    "effect_begun",
    `review ${review_id} is not asked again: effect "${name}" (${effect_id}) was begun by run ${run_id} and ${outcome}, and the step would begin it a second time; carry the recorded answer on with POST /reviews/${review_id}/retry`,
    { facts: { review_id, effect_id, name, status, run_id } },
  );
}
