import { guardedIn } from "../../graphs/graph-set.ts";
import { isOpen } from "../../policy/review/lifecycle.ts";
import { notReasked, reask } from "../../postgres/reask.ts";
import { retryRun } from "../../postgres/retry-run.ts";
import { type RunRow, selectRunById } from "../../postgres/runs.sql.ts";
import { HoldpointError } from "../../protocol/errors.ts";
import type { ReviewTask } from "../../protocol/review.ts";
import { decidedWire } from "../../protocol/review-wire.ts";
import { shows } from "../answers.ts";
import { graphOfThread } from "../find-graph.ts";
import { reaskMoved } from "../reask-moved.ts";
import { TOO_LATE } from "../refusal-codes.ts";
import { json } from "../reply.ts";
import { type Call, defineRoute, type Route } from "../route.ts";
import { etagOf, findReview } from "./reviews.ts";

const ANSWERS = { 200: shows(decidedWire, "The review, and the run that goes on.", ["etag"]) };

/** What an operator does with an answer that did not arrive: goes on with it, or has the graph ask again. */
export const reviewRetryRoutes: readonly Route[] = [
  defineRoute({
    method: "POST",
    path: "/reviews/:review_id/retry",
    permission: "review:decide",
    event: "threads:create_run",
    summary: "Go on with an answer whose resume has failed",
    answers: ANSWERS,
    refuses: ["not_failed", "superseded", "thread_busy", "graph_not_loaded", "guarded"],
    handle: retry,
  }),
  defineRoute({
    method: "POST",
    path: "/reviews/:review_id/reask",
    permission: "review:decide",
    event: "threads:create_run",
    summary: "Have the graph ask again",
    answers: ANSWERS,
    refuses: [
      ...TOO_LATE,
      "effect_begun",
      "graph_not_loaded",
      "guarded",
      "not_failed",
      "thread_busy",
      "too_many_restarts",
    ],
    handle: askAgain,
  }),
];

/** Goes on with the answer that was recorded. The second of two who want it finds the thread busy. */
async function retry(call: Call<"review_id">): Promise<Response> {
  const review = await findReview(call);
  if (review.status === "resume_failed") return await goOn(call, review);
  const others = "tried again are reviews whose resume has failed";
  throw new HoldpointError("not_failed", `review ${review.id} is ${review.status}, and ${others}`, {
    facts: { review_id: review.id, status: review.status, resume_run_id: review.resume_run_id },
  });
}

/**
 * Has the graph ask again: what is open and fits the code no more, what was shown and has changed, and what was answered
 * to a run that failed before it began anything outside.
 */
async function askAgain(call: Call<"review_id">): Promise<Response> {
  const { deps, principal } = call;
  const review = await findReview(call);
  if (review.status === "stale") return await goOn(call, review);
  if (review.status === "resume_failed") {
    const { id: review_id, thread_id } = review;
    const { tenant_id, principal_id } = principal;
    const terms = guardOf(call, review.graph_id);
    return await goesOn(
      call,
      review,
      await reask(deps.database, { tenant_id, thread_id, review_id, principal_id, ...terms }),
    );
  }
  const anew = isOpen(review.status) ? await reaskMoved(call, review) : undefined;
  if (anew === undefined) throw notReasked(review);
  return await goesOn(call, review, anew);
}

/** Starts a run without input where the thread stands, which finds what was recorded. */
async function goOn(call: Call<"review_id">, review: ReviewTask): Promise<Response> {
  const { deps, principal } = call;
  const { principal_id } = principal;
  const run = await deps.database.one(selectRunById(principal.tenant_id, review.resume_run_id ?? review.run_id));
  const terms = guardOf(call, run.graph_id);
  return await goesOn(call, review, await retryRun(deps.database, { run, principal_id, ...terms }));
}

function guardOf(call: Call, graph_id: string) {
  return { guarded: graphOfThread(call, graph_id).guarded, isGuarded: guardedIn(call.deps.graphs) };
}

async function goesOn(call: Call<"review_id">, review: ReviewTask, { thread_id, run_id }: RunRow): Promise<Response> {
  const { deps, principal } = call;
  deps.wakeups.wake("runs", thread_id);
  deps.log.info({ review_id: review.id, thread_id, run_id, principal_id: principal.principal_id }, "review goes on");
  return json({ review: await findReview(call), run_id }, 200, { etag: etagOf(review) });
}
