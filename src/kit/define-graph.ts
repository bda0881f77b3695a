import { HoldpointError } from "../protocol/errors.ts";
import { GRAPH_MARK, type GraphMark } from "../protocol/graph-mark.ts";

/**
 * States a graph's id, that it is guarded, or what it is for. Takes what a graph file may export: a StateGraph, a
 * compiled graph, a promise of either, or a factory `(config) => graph`; a function marked here counts as a factory.
 */
export function defineGraph<Graph extends object>(graph: Graph, mark: GraphMark): Graph {
  if ((typeof graph !== "object" && typeof graph !== "function") || graph === null) {
    throw new HoldpointError(
      "graph_invalid",
      `defineGraph() was given ${graph === null ? "null" : `a ${typeof graph}`}; give it a StateGraph, a compiled graph, a promise of one, or a factory`,
    );
  }
  // Not enumerable: a graph is copied and printed by others, and this is nothing of theirs.
  Object.defineProperty(graph, GRAPH_MARK, { value: { ...markOf(graph), ...mark }, configurable: true });
  return graph;
}

/** Marks a graph as guarded: it pauses with review() only, and no state edit, jump or new input passes a pause. */
export function guarded<Graph extends object>(graph: Graph): Graph {
  return defineGraph(graph, { guarded: true });
}

function markOf(graph: object): GraphMark {
  return (graph as { [GRAPH_MARK]?: GraphMark })[GRAPH_MARK] ?? {};
}
