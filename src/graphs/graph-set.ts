import type { RunnableConfig } from "@langchain/core/runnables";
import type { Pregel } from "@langchain/langgraph";
import type { GraphPolicies } from "../protocol/graph-mark.ts";
import type { GraphCode } from "./code.ts";

/** A compiled graph of any state. */
// biome-ignore lint/suspicious/noExplicitAny: the state's type is the author's; nothing here reads it.
export type CompiledGraph = Pregel<any, any>;

/** One graph of a workflow file. */
export interface LoadedGraph {
  graph_id: string;
  /** Relative to the folder that holds the workflows folder: the same on every machine. */
  path: string;
  export_name: string;
  /** Where the file is on this machine. */
  source_file: string;
  /** sha256 over the graph's file and everything local it refers to. */
  fingerprint: string;
  guarded: boolean;
  description?: string;
  /** The author's own. */
  version?: string;
  policies?: GraphPolicies;
  /** Inputs to be tried. */
  examples?: readonly unknown[];
  /** True when each run gets a graph of its own from a function. */
  factory: boolean;
  /** What its files say, comments and types aside. Compiled when it is first asked for: few need it. */
  code(): GraphCode;
  /**
   * A graph of the caller's own each call, which may be given its own checkpointer and store. Calls the factory, if it is
   * one, and tells it what the graph is for; to look at it unless given.
   */
  build(config: RunnableConfig, access?: GraphAccess): Promise<CompiledGraph>;
}

/** What a graph is made for. */
export interface GraphAccess {
  accessContext: "threads.create_run" | "threads.read" | "threads.update" | "assistants.read";
  /** What the run was started with; a graph that is not to run is not told. */
  context?: unknown;
}

/** Why a file, or one of its exports, is not served: one line. */
export interface GraphLoadError {
  path: string;
  line?: number;
  message: string;
}

/** What a folder of workflows holds. */
export interface GraphSet {
  graphs: ReadonlyMap<string, LoadedGraph>;
  errors: readonly GraphLoadError[];
}

/** The error as one line: file, line, cause. */
export function formatLoadError({ path, line, message }: GraphLoadError): string {
  return `${path}${line === undefined ? "" : `:${line}`}: ${message}`;
}

/** Tells whether a graph is guarded, by what is loaded when it is asked; one that is not loaded is taken for it. */
export const guardedIn = (graphs: () => GraphSet) => (graph_id: string) =>
  graphs().graphs.get(graph_id)?.guarded ?? true;
