import { isOpen } from "../../policy/review/lifecycle.ts";
import { retryRun } from "../../postgres/retry-run.ts";
import { type RunRow, selectRunById } from "../../postgres/runs.sql.ts";
import { HoldpointError } from "../../protocol/errors.ts";
import type { ReviewStatus, ReviewTask } from "../../protocol/review.ts";
import { graphOfThread } from "../find-graph.ts";
import { reaskMoved } from "../reask-moved.ts";
import { json } from "../reply.ts";
import type { Call, Route } from "../route.ts";
import { etagOf, findReview } from "./reviews.ts";

/** What an operator does with an answer that did not arrive: goes on with it, or has the graph ask again. */
export const reviewRetryRoutes: readonly Route[] = [
  {
    method: "POST",
    path: "/reviews/:review_id/retry",
    permission: "review:decide",
    handle: async (call) => await goOn(call, "resume_failed"),
  },
  {
    method: "POST",
    path: "/reviews/:review_id/reask",
    permission: "review:decide",
    handle: async (call) => await goOn(call, "stale"),
  },
];

/**
 * Starts a run without input where the thread stands. It finds the answer that was recorded, where the review's resume has
 * failed, and asks again where what was shown has changed. The second of two who want it finds the thread busy.
 */
async function goOn(call: Call, wanted: ReviewStatus): Promise<Response> {
  const { deps, principal } = call;
  const review = await findReview(call);
  const anew = wanted === "stale" && isOpen(review.status) ? await reaskMoved(call, review) : undefined;
  if (anew !== undefined) return await goesOn(call, review, anew);
  if (review.status !== wanted) {
    const other =
      wanted === "stale" ? "asked again are stale reviews" : "tried again are reviews whose resume has failed";
    throw new HoldpointError("not_failed", `review ${review.id} is ${review.status}, and ${other}`, {
      facts: { review_id: review.id, status: review.status, resume_run_id: review.resume_run_id },
    });
  }
  const carried = review.resume_run_id ?? review.run_id;
  const run = await deps.database.one(selectRunById(principal.tenant_id, carried));
  const { guarded } = graphOfThread(call, run.graph_id);
  const isGuarded = (graph_id: string) => deps.graphs().graphs.get(graph_id)?.guarded ?? true;
  const { principal_id } = principal;
  return await goesOn(call, review, await retryRun(deps.database, { run, principal_id, guarded, isGuarded }));
}

async function goesOn(call: Call, review: ReviewTask, { thread_id, run_id }: RunRow): Promise<Response> {
  const { deps, principal } = call;
  deps.wakeups.wake("runs", thread_id);
  deps.log.info({ review_id: review.id, thread_id, run_id, principal_id: principal.principal_id }, "review goes on");
  return json({ review: await findReview(call), run_id }, 200, { etag: etagOf(review) });
}
