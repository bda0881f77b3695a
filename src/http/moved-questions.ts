import type { LoadedGraph } from "../graphs/graph-set.ts";
import { stateFit } from "../graphs/state-fit.ts";
import { topologyOf } from "../graphs/topology.ts";
import type { GraphFacts } from "../policy/review/decide.ts";
import { redeployRefusal } from "../policy/review/redeploy.ts";
import { goStale } from "../postgres/go-stale.ts";
import { askedUnderOtherCode } from "../postgres/graph-shapes.sql.ts";
import { parseGraphShape } from "../protocol/graph-shape.ts";
import type { Call } from "./route.ts";

/**
 * Compares the graph with what it was like when it asked, for each question of the thread that was asked under other
 * code. Outside the decision's transaction: nothing that is compared can change. What a factory makes depends on the
 * run, so there the worker compares alone.
 */
export async function movedQuestions(
  { deps, principal }: Call,
  loaded: LoadedGraph,
  thread_id: string,
): Promise<Pick<GraphFacts, "moved">> {
  if (loaded.factory) return {};
  const { fingerprint } = loaded;
  const asked = await deps.database.many(askedUnderOtherCode(principal.tenant_id, thread_id, fingerprint));
  if (asked.length === 0) return {};
  const graph = await loaded.build({});
  const topology = topologyOf(graph);
  const moved = new Map<string, string | null>();
  for (const row of asked) {
    const { checkpoint_id } = row;
    const tuple = await deps.saver.getTuple({ configurable: { thread_id, checkpoint_ns: "", checkpoint_id } });
    const state = await stateFit(graph, tuple?.checkpoint.channel_values ?? {});
    const question = { ...row, graph_shape: parseGraphShape(row.graph_shape), finished: false };
    moved.set(
      row.id,
      redeployRefusal(question, { fingerprint, topology, state, codeDigest: () => loaded.code().digest }),
    );
  }
  return { moved };
}

/**
 * Takes back what nobody can answer under the code there is now, so that a run without input can ask again: on a guarded
 * graph an open question would keep that run out, and no decision could remove it.
 */
export async function takeBackMoved(call: Call, loaded: LoadedGraph, thread_id: string): Promise<void> {
  const { moved = new Map<string, null>() } = await movedQuestions(call, loaded, thread_id);
  const reasons = new Map([...moved].filter((entry): entry is [string, string] => entry[1] !== null));
  if (reasons.size === 0) return;
  const { tenant_id, principal_id } = call.principal;
  await goStale(call.deps.database, { tenant_id, thread_id, reasons, principal_id });
}
