import { START } from "@langchain/langgraph";
import { ANYWHERE, type NodeShape, type Topology } from "../protocol/graph-shape.ts";
import type { CompiledGraph } from "./graph-set.ts";

// What a StateGraph keeps of how it was built. Its compiled form has the same as closures only.
interface Builder {
  nodes: Record<string, NodeSpec>;
  edges: Iterable<readonly [string, string]>;
  waitingEdges?: Iterable<readonly [string[], string]>;
  branches: Record<string, Record<string, { ends?: Record<string, string> }>>;
  channels?: Record<string, Channel>;
}

interface NodeSpec {
  ends?: readonly string[];
  defer?: boolean;
}

interface Channel {
  lc_graph_name?: string;
}

interface CompiledNode {
  subgraphs?: readonly unknown[];
  errorHandlerNode?: string;
}

/**
 * The nodes of a graph, where each may lead, what they wait for and what is inside them. What only code decides (a
 * command without stated `ends`) is not known and not claimed.
 */
export function topologyOf(graph: CompiledGraph): Topology {
  const builder = (graph as { builder?: Partial<Builder> }).builder;
  const names = Object.keys(graph.nodes).sort();
  const nodes = names.map((name) => [name, nodeShape(name, graph, isBuilder(builder) ? builder : undefined)] as const);
  return { nodes: Object.fromEntries(nodes), keys: keysOf(graph, builder) };
}

function isBuilder(builder: Partial<Builder> | undefined): builder is Builder {
  return builder?.nodes !== undefined && builder.edges !== undefined && builder.branches !== undefined;
}

function nodeShape(name: string, graph: CompiledGraph, builder: Builder | undefined): NodeShape {
  const { subgraphs, errorHandlerNode } = (graph.nodes as Record<string, CompiledNode>)[name] as CompiledNode;
  const joins = [...(builder?.waitingEdges ?? [])];
  const waits_for = joins.filter(([, end]) => end === name).map(([starts]) => starts.toSorted());
  const [inner] = subgraphs ?? [];
  return {
    to: builder === undefined ? [ANYWHERE] : targetsOf(name, builder),
    ...(waits_for.length === 0 ? {} : { waits_for: waits_for.sort() }),
    ...(errorHandlerNode === undefined ? {} : { on_error: errorHandlerNode }),
    ...(builder?.nodes[name]?.defer === true ? { deferred: true as const } : {}),
    ...(isGraph(inner) ? { inner: topologyOf(inner) } : {}),
  };
}

function targetsOf(name: string, builder: Builder): string[] {
  const edges = [...builder.edges].filter(([start]) => start === name).map(([, end]) => end);
  const joins = [...(builder.waitingEdges ?? [])].filter(([starts]) => starts.includes(name)).map(([, end]) => end);
  const branches = Object.values(builder.branches[name] ?? {}).flatMap(({ ends }) =>
    ends === undefined ? [ANYWHERE] : Object.values(ends),
  );
  return [...new Set([...edges, ...joins, ...branches, ...(builder.nodes[name]?.ends ?? [])])].sort();
}

// The builder's channels are the state; those that the compiled graph adds are LangGraph's own.
function keysOf(graph: CompiledGraph, builder: Partial<Builder> | undefined): Record<string, string> {
  const channels = builder?.channels ?? (graph.channels as Record<string, Channel>);
  const kinds = Object.entries(channels).map(([key, channel]) => [key, channel.lc_graph_name ?? "unknown"] as const);
  return Object.fromEntries(kinds.filter(([key]) => key !== START).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function isGraph(value: unknown): value is CompiledGraph {
  return typeof value === "object" && value !== null && (value as { lg_is_pregel?: unknown }).lg_is_pregel === true;
}
