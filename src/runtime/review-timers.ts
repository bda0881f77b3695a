import type { GraphSet, LoadedGraph } from "../graphs/graph-set.ts";
import type { GraphFacts } from "../policy/review/decide.ts";
import { type LoadedGraphs, runReviewTimers } from "../postgres/review-timers.ts";
import { HoldpointError } from "../protocol/errors.ts";
import type { RunnerParts } from "./runner.ts";

type TimerParts = Pick<RunnerParts, "database" | "graphs" | "metrics" | "wakeups" | "log">;

/** Reminds, escalates and ends reviews whose time has come, a bounded number at a time; gives with how many something was done. */
export async function sweepReviewTimers(parts: TimerParts): Promise<number> {
  const { metrics, wakeups, log } = parts;
  const done = await runReviewTimers(parts.database, loadedGraphs(parts.graphs()));
  for (const { id: review_id, thread_id, graph_id, told, end, reason, error } of done) {
    const ids = { review_id, thread_id, graph_id };
    for (const step of told) metrics.review_steps.inc({ step });
    if (told.length > 0) log.info({ ...ids, told }, "a review waits");
    if (error !== undefined) log.error({ ...ids, err: error }, "what was due of a review failed; it is tried again");
    if (end === null && reason !== null) log.debug({ ...ids, reason }, "the end of a review's time has to wait");
    if (end === null) continue;
    metrics.reviews_timed_out.inc({ action: end });
    log.warn({ ...ids, action: end, reason }, "a review timed out");
    wakeups.wake("runs", thread_id);
    wakeups.wake("events", thread_id);
  }
  return done.length;
}

function loadedGraphs({ graphs }: GraphSet): LoadedGraphs {
  return {
    graph_ids: [...graphs.keys()],
    isGuarded: (graph_id) => graphs.get(graph_id)?.guarded ?? false,
    factsOf: (graph_id) => factsOf(graphs.get(graph_id) as LoadedGraph),
  };
}

async function factsOf(graph: LoadedGraph): Promise<GraphFacts> {
  try {
    return { fingerprint: graph.fingerprint, nodes: new Set(Object.keys((await graph.build({})).nodes)) };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const message = `graph "${graph.graph_id}" made no graph without a run's settings: ${why}`;
    throw new HoldpointError("graph_invalid", message, { cause });
  }
}
