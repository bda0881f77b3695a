/**
 * Where an author's own statements about a graph live on the graph object. A registered symbol, because the kit that
 * writes it and the loader that reads it do not know each other.
 */
export const GRAPH_MARK = Symbol.for("holdpoint.graph");

/** What an author states about a graph; see `defineGraph` in the kit. */
export interface GraphMark {
  /** The graph's id. */
  name?: string;
  /** True: nothing but an answered review() moves a thread past a pause. */
  guarded?: boolean;
  description?: string;
}
