import { type CarriedRun, carryingRuns, type ReviewHistory, reviewHistory } from "../policy/review/history.ts";
import type { Json } from "../protocol/json.ts";
import { auditPage } from "./audit-export.sql.ts";
import type { Database } from "./database.ts";
import { effectsOfRun } from "./effects.sql.ts";
import { decisionsOf, selectReview } from "./reviews.sql.ts";
import { reviewDecision, reviewTask } from "./reviews.ts";
import { selectRunById } from "./runs.sql.ts";

const FIRST_ID = "00000000-0000-0000-0000-000000000000";

/** Everything about a review, without the data of effects where it is `redacted`; undefined when there is none. */
export async function readReviewHistory(
  database: Database,
  tenant_id: string,
  review_id: string,
  redacted = false,
): Promise<ReviewHistory | undefined> {
  const wanted = { after: FIRST_ID, review_id, since_s: null, since_at: null, limit: 1 };
  const [row, decisions, [record]] = await Promise.all([
    database.maybeOne(selectReview(tenant_id, review_id)),
    database.many(decisionsOf(tenant_id, [review_id])),
    database.many(auditPage(tenant_id, wanted)),
  ]);
  if (row === undefined || record === undefined) return undefined;
  const { thread_id } = row;
  const ran = await Promise.all(
    carryingRuns(record).map((run_id) => carriedRun(database, { tenant_id, thread_id, run_id })),
  );
  return reviewHistory(reviewTask(row, decisions), record, decisions.map(reviewDecision), ran, redacted);
}

async function carriedRun(
  database: Database,
  run: { tenant_id: string; thread_id: string; run_id: string },
): Promise<CarriedRun> {
  const [row, effects] = await Promise.all([
    database.maybeOne(selectRunById(run.tenant_id, run.run_id)),
    database.many(effectsOfRun(run)),
  ]);
  return {
    run_id: run.run_id,
    status: row?.status ?? null,
    error: JSON.parse(row?.error ?? "null") as Json,
    effects: effects.map((effect) => ({
      effect_id: effect.effect_id,
      name: effect.name,
      kind: effect.kind,
      status: effect.status,
      attempt: effect.attempt,
      args: JSON.parse(effect.args) as Json,
      result: JSON.parse(effect.result ?? "null") as Json,
      error: effect.error,
      intent_at: effect.intent_at,
      receipt_at: effect.receipt_at,
    })),
  };
}
