/**
 * Where an author's own statements about a graph live on the graph object. A registered symbol, because the kit that
 * writes it and the loader that reads it do not know each other.
 */
export const GRAPH_MARK = Symbol.for("holdpoint.graph");

/** How an author wants a graph's runs to be executed. */
export interface GraphPolicies {
  /** What may be lost: with `sync` nothing that a step has finished, with `async` the last step. */
  durability?: "sync" | "async";
  /** Runs of the graph that execute at the same time, over all processes. */
  concurrency?: number;
  /** How long a run may execute, over all its attempts. */
  timeout_ms?: number;
  /** What a run may spend. */
  budget?: { tokens?: number; cost?: number };
}

/** What an author states about a graph; see `defineGraph` in the kit. */
export interface GraphMark {
  /** The graph's id. */
  name?: string;
  /** True: nothing but an answered review() moves a thread past a pause. */
  guarded?: boolean;
  description?: string;
  /** The author's own version of it, such as "1.2.0". */
  version?: string;
  policies?: GraphPolicies;
  /** Inputs to be tried. */
  examples?: readonly unknown[];
}
