import type { RunnableConfig } from "@langchain/core/runnables";
import { type BaseStore, START, StateGraph } from "@langchain/langgraph";
import { HoldpointError } from "../protocol/errors.ts";
import type { CompiledGraph } from "./graph-set.ts";

/** What may be compiled or is: a StateGraph, a compiled graph, or an agent that holds one. */
export type GraphValue = object;

/** True for a compiled graph, also of a second copy of the library. */
export function isCompiled(value: unknown): value is CompiledGraph {
  return typeof value === "object" && value !== null && (value as { lg_is_pregel?: unknown }).lg_is_pregel === true;
}

/** True for anything `toCompiled` can make a graph of. */
export function isGraphValue(value: unknown): value is GraphValue {
  return isCompiled(value) || value instanceof StateGraph || isCompiled(graphOfAgent(value));
}

/** The compiled graph of a value; undefined when it is no graph. Compiling checks that every node can be reached. */
export function toCompiled(value: unknown): CompiledGraph | undefined {
  if (isCompiled(value)) return value;
  if (value instanceof StateGraph) return value.compile() as unknown as CompiledGraph;
  const inner = graphOfAgent(value);
  return isCompiled(inner) ? inner : undefined;
}

/** A copy that can be given its own checkpointer and store; the author's object is never changed. */
export function cloneGraph(graph: CompiledGraph): CompiledGraph {
  return copyOf(graph);
}

/**
 * The library's own ways to a graph's state, not what a factory may have put in their place: that is for who asks for the
 * state, and may refuse a graph that was made to run.
 */
export function libraryMethods(
  graph: CompiledGraph,
): Pick<CompiledGraph, "getState" | "getStateHistory" | "updateState"> {
  const library = Object.getPrototypeOf(graph) as CompiledGraph;
  return {
    getState: library.getState.bind(graph),
    getStateHistory: library.getStateHistory.bind(graph),
    updateState: library.updateState.bind(graph),
  };
}

function copyOf<Value extends object>(value: Value): Value {
  return Object.create(Object.getPrototypeOf(value) as object, Object.getOwnPropertyDescriptors(value)) as Value;
}

/** Called as a node of a graph begins; what it gives is the config that the node's own work is done with. */
export type NodeWatch = (config: RunnableConfig) => RunnableConfig;

/**
 * Lets somebody hear when the nodes of a copy begin, each time they are tried. Callbacks that only what a node itself
 * calls should be given are given here: given to the whole graph, LangGraph's reads and writes would carry them too, for
 * a tenth of a run's processor time.
 */
export function watchNodes(graph: CompiledGraph, watch: NodeWatch): void {
  const nodes = Object.entries(graph.nodes as Record<string, { bound: Invokable }>).map(([name, node]) => {
    if (name === START) return [name, node];
    const { bound } = node;
    const watched = Object.assign(copyOf(bound), {
      invoke: (input: unknown, config: RunnableConfig = {}) => bound.invoke(input, watch(config)),
    });
    return [name, Object.assign(copyOf(node), { bound: watched })];
  });
  graph.nodes = Object.fromEntries(nodes) as typeof graph.nodes;
}

interface Invokable {
  invoke(input: unknown, config: RunnableConfig): Promise<unknown>;
}

/**
 * Gives a copy's nodes, and those of the graphs among them, a store. Not to the graph itself: LangGraph would wrap it and
 * look a thousand times a second, for as long as the graph runs, whether anybody wants something of it. Comes before
 * whatever else is done with the nodes.
 */
export function giveStore(graph: CompiledGraph, store: BaseStore): void {
  const nodes = Object.entries(graph.nodes as Record<string, StepOfGraph>).map(([name, node]) => {
    if (!isCompiled(node.bound)) {
      const { getNode } = node;
      const getWithStore = function (this: StepOfGraph) {
        return withStore(getNode.call(this), store);
      };
      return [name, Object.assign(copyOf(node), { getNode: getWithStore })];
    }
    const inner = cloneGraph(node.bound);
    giveStore(inner, store);
    return [name, Object.assign(copyOf(node), { bound: inner })];
  });
  graph.nodes = Object.fromEntries(nodes) as typeof graph.nodes;
  graph.store = undefined as unknown as BaseStore;
}

interface StepOfGraph {
  bound: unknown;
  /** The node with what comes behind it: its writes and the edges that choose. */
  getNode(): Invokable | undefined;
}

function withStore(step: Invokable | undefined, store: BaseStore): Invokable | undefined {
  if (step === undefined) return undefined;
  return Object.assign(copyOf(step), {
    invoke: (input: unknown, config: RunnableConfig) => step.invoke(input, { ...config, store } as RunnableConfig),
  });
}

/** Gives the nodes of a copy that state no time-out of their own this one, for each time they are tried. */
export function limitNodes(graph: CompiledGraph, runTimeout: number): void {
  const nodes = graph.nodes as Record<string, { timeout?: object }>;
  const limited = Object.entries(nodes).map(([name, node]) => {
    if (name === START || node.timeout !== undefined) return [name, node];
    return [name, Object.assign(copyOf(node), { timeout: { runTimeout } })];
  });
  graph.nodes = Object.fromEntries(limited) as typeof graph.nodes;
}

/** Calls a factory and insists on a graph. */
export async function graphFromFactory(
  factory: (config: RunnableConfig) => unknown,
  config: RunnableConfig,
  origin: string,
): Promise<CompiledGraph> {
  const made = await factory(config);
  const graph = toCompiled(made);
  if (graph !== undefined) return graph;
  throw new HoldpointError(
    "graph_invalid",
    `${origin} returned ${made === null ? "null" : `a ${typeof made}`} instead of a graph; ` +
      "return a StateGraph or a compiled graph",
  );
}

// createAgent() of the langchain package wraps its graph in an object of its own.
function graphOfAgent(value: unknown): unknown {
  if (typeof value !== "object" || value === null || !("invoke" in value)) return undefined;
  return (value as { graph?: unknown }).graph;
}
