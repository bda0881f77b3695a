import type { CompiledGraph, LoadedGraph } from "../graphs/graph-set.ts";
import { stateFit } from "../graphs/state-fit.ts";
import { topologyOf } from "../graphs/topology.ts";
import type { ReviewRequest } from "../policy/review/open.ts";
import { redeployRefusal, shapeFrom } from "../policy/review/redeploy.ts";
import { askedUnderOtherCode } from "../postgres/graph-shapes.sql.ts";
import { type GraphShape, parseGraphShape } from "../protocol/graph-shape.ts";
import type { Head, HeadSource } from "./head.ts";

/** What is kept of a graph with the questions that are opened now. */
export function shapeToCome(
  graph: CompiledGraph,
  loaded: LoadedGraph,
  head: Head,
  questions: readonly ReviewRequest[],
): GraphShape {
  // What review() shows is compared when it is answered; for anything else the code has to be the same.
  const needsCode = questions.some(({ flavour }) => flavour !== "review");
  return shapeFrom(topologyOf(graph), head.entered, needsCode ? loaded.code().digest : null);
}

/** An execution that is about to send what was answered under other code than this. */
export interface Redeployed {
  loaded: LoadedGraph;
  graph: CompiledGraph;
  source: HeadSource;
  head: Head;
}

/** Why the answers at the head of a thread must not be given to the graph as it is now; null where they fit. */
export async function refusalUnderOtherCode({ loaded, graph, source, head }: Redeployed): Promise<string | null> {
  const { database, tenant_id, thread_id } = source;
  const asked = await database.many(askedUnderOtherCode(tenant_id, thread_id, loaded.fingerprint));
  const here = asked.filter(({ checkpoint_id }) => checkpoint_id === head.checkpoint_id);
  if (here.length === 0) return null;
  const now = {
    fingerprint: loaded.fingerprint,
    topology: topologyOf(graph),
    codeDigest: () => loaded.code().digest,
    state: await stateFit(graph, head.stored),
  };
  for (const row of here) {
    const finished = head.finished_tasks.has(row.task_id);
    const question = { ...row, graph_shape: parseGraphShape(row.graph_shape), finished };
    const reason = redeployRefusal(question, now);
    if (reason !== null) return reason;
  }
  return null;
}
