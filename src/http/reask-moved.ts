import { randomUUID } from "node:crypto";
import { guardedIn } from "../graphs/graph-set.ts";
import { createRun } from "../postgres/create-run.ts";
import { type RunRow, selectRunById } from "../postgres/runs.sql.ts";
import type { ReviewTask } from "../protocol/review.ts";
import type { RunKwargs } from "../protocol/run.ts";
import { graphOfThread } from "./find-graph.ts";
import { movedQuestions, takeBackMoved } from "./moved-questions.ts";
import type { Call } from "./route.ts";

/**
 * Has the graph ask again what is open and no answer fits any more, because its code has changed; undefined where an
 * answer fits. The run that asks is set up as the one that asked before.
 */
export async function reaskMoved(call: Call, review: ReviewTask): Promise<RunRow | undefined> {
  const { deps, principal } = call;
  const { thread_id, graph_id } = review;
  const loaded = graphOfThread(call, graph_id);
  const { moved } = await movedQuestions(call, loaded, thread_id);
  if (moved?.get(review.id) == null) return undefined;
  await takeBackMoved(call, loaded, thread_id);
  const asked = await deps.database.one(selectRunById(principal.tenant_id, review.run_id));
  const { assistant_id, metadata, priority } = asked;
  const { reask: _reask, ...settings } = JSON.parse(asked.kwargs) as RunKwargs;
  return await createRun(deps.database, {
    tenant_id: principal.tenant_id,
    thread_id,
    run_id: randomUUID(),
    principal_id: principal.principal_id,
    kind: "run",
    graph_id,
    guarded: loaded.guarded,
    isGuarded: guardedIn(deps.graphs),
    assistant_id,
    kwargs: { ...settings, input: null, command: null, checkpoint: null },
    metadata,
    multitask_strategy: "reject",
    after_seconds: 0,
    priority,
    if_not_exists: "reject",
  });
}
