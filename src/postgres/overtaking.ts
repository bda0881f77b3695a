import { isWaiting } from "../policy/review/lifecycle.ts";
import type { RunKwargs } from "../protocol/run.ts";
import { auditRun } from "./audit.ts";
import { asksAnew } from "./create-run.ts";
import type { Transaction } from "./database.ts";
import type { ReviewRow } from "./reviews.sql.ts";
import { endRun, openRunsForUpdate, type RunRow } from "./runs.sql.ts";
import { supersedeReview } from "./supersede.ts";
import { readNow, setThreadStatus } from "./threads.sql.ts";

/**
 * A run that was queued before a question was asked must not walk past it: on a guarded graph it ends with the
 * reason, elsewhere the question is superseded, as it would have been by input sent a moment later.
 */
export async function refuseOvertaking(tx: Transaction, next: RunRow, reviews: readonly ReviewRow[]): Promise<boolean> {
  if (next.kind === "resume" || next.kind === "copy") return false;
  const open = reviews.filter(isWaiting);
  if (open.length === 0) return false;
  const guarded = open.find((review) => review.guarded);
  if (guarded !== undefined) {
    const message = `the thread waits for a person (review ${guarded.id}); this graph is guarded, so queued input cannot pass`;
    await tx.run(endRun(next.tenant_id, next.run_id, "error", null, { error: "guarded", message }));
    const isQueued = (await tx.many(openRunsForUpdate(next.tenant_id, next.thread_id))).length > 0;
    if (!isQueued) await tx.run(setThreadStatus(next.tenant_id, next.thread_id, "interrupted"));
    await auditRun(tx, next, "run.refused", "system:queue", { message });
    return true;
  }
  if (!asksAnew({ kind: next.kind, kwargs: JSON.parse(next.kwargs) as RunKwargs })) return false;
  const { now } = await tx.one(readNow());
  for (const review of open) {
    const reason = `input queued by ${next.principal_id} came next (run ${next.run_id})`;
    await supersedeReview(tx, review, { reason, principal_id: next.principal_id, run_id: next.run_id, at: now });
  }
  return false;
}
