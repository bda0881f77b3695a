import type { DecidedReview } from "../policy/review/apply.ts";
import { answerForGraph } from "../policy/review/normalise.ts";
import type { CanonicalDecision } from "../protocol/decision.ts";
import type { AskingTask, ReviewAction } from "../protocol/interrupt.ts";
import type { Json } from "../protocol/json.ts";
import type { ReviewPolicy } from "../protocol/review-policy.ts";
import type { Database } from "./database.ts";
import { fencedExclusive, type Lease } from "./fence.ts";
import { moveGroup } from "./finish.ts";
import { decisionsOf, type ReviewRow } from "./reviews.sql.ts";
import type { RunRow } from "./runs.sql.ts";

/** A decided review and who asks; how far that task has read is in the checkpoints. */
export interface AnsweredReview extends Omit<DecidedReview, "answers_read"> {
  /** The code that asked. */
  graph_fingerprint: string;
  asking: AskingTask | null;
}

/**
 * T-apply, its database half: marks the group as being applied and gives the answers that were recorded.
 * Locks: thread advisory lock, the group's reviews by id, audit. Throws `lease_lost`.
 */
export async function beginApply(
  database: Database,
  lease: Lease,
  run: RunRow,
  graph_fingerprint: string,
): Promise<AnsweredReview[]> {
  return await fencedExclusive(database, lease, async (tx, { thread }) => {
    const reviews = await moveGroup(tx, run, "apply", { reason: null }, thread.now, "system:worker", graph_fingerprint);
    const decisions = await tx.many(
      decisionsOf(
        run.tenant_id,
        reviews.map(({ id }) => id),
      ),
    );
    return reviews.map((review) => {
      const decision = decisions.findLast(({ review_id }) => review_id === review.id);
      const canonical = JSON.parse(decision?.decisions ?? "[]") as CanonicalDecision[];
      return {
        id: review.id,
        node: review.node,
        task_id: review.task_id,
        interrupt_id: review.interrupt_id,
        ordinal: review.ordinal,
        graph_fingerprint: review.graph_fingerprint,
        checkpoint_id: review.checkpoint_id,
        value_digest: review.value_digest,
        asking: askingOf(review),
        answer: answerForGraph(questionOf(review), canonical),
      };
    });
  });
}

function questionOf({ flavour, value, value_digest, actions, policy }: ReviewRow) {
  return {
    flavour,
    value: JSON.parse(value) as Json,
    value_digest,
    actions: JSON.parse(actions) as ReviewAction[],
    answers: (JSON.parse(policy) as ReviewPolicy).answers,
  };
}

function askingOf({ asking_ns, asking_checkpoint_id, asking_task_id }: ReviewRow): AskingTask | null {
  if (asking_ns === null || asking_checkpoint_id === null || asking_task_id === null) return null;
  return { asking_ns, asking_checkpoint_id, asking_task_id };
}
