import { END, type LangGraphRunnableConfig, START, type StateSchemaFields } from "@langchain/langgraph";
import { HoldpointError } from "../../protocol/errors.ts";
import { EXITS } from "../node.ts";
import { checkedNode } from "./checked-node.ts";
import { GROUP, type GroupNode, type GroupParts, isGroup } from "./node-group.ts";
import { nodeSettings, optionsOf } from "./node-options.ts";
import { type DrawnGraph, exitsOf, faultsOfGraph, targetsOf } from "./workflow-faults.ts";
import type { WorkflowGraph } from "./workflow-graph.ts";

// biome-ignore lint/suspicious/noExplicitAny: the state is the author's; the types of workflow() have checked it.
type Run = (state: any, config: LangGraphRunnableConfig) => unknown;

/** Nodes and edges as the author gives them. */
export interface Drawing {
  nodes: Readonly<Record<string, object>>;
  edges: Readonly<Record<string, unknown>>;
}

/** Puts nodes and edges into a graph. Throws `graph_invalid` with everything that is wrong with the workflow. */
export function draw(
  graph: WorkflowGraph,
  { nodes, edges }: Drawing,
  { name, fields, loopLimit, faults }: { name: string; fields: StateSchemaFields; loopLimit: number; faults: string[] },
): void {
  const parts = new Map(Object.entries(nodes).map(([key, node]) => [key, partsOf(key, node, fields)]));
  const names = [...parts.values()].flatMap((part) => part.nodes.map((node) => node.name));
  const drawn: DrawnGraph = { nodes, names, edges, fields };
  const all = [...faults, ...faultsOfGraph(drawn)];
  if (all.length > 0) {
    throw new HoldpointError("graph_invalid", `workflow "${name}" cannot be built: ${all.join("; ")}`, {
      facts: { faults: all },
    });
  }
  const by = { fields, loopLimit, nodes: () => Object.keys(graph.nodes) };
  for (const [key, part] of parts) {
    for (const node of part.nodes) addNode(graph, node, by);
    for (const [from, to] of part.edges) addEdge(graph, from, to);
    if (Object.hasOwn(edges, key)) {
      for (const to of targetsOf(edges[key])) addEdge(graph, part.leaves ?? key, to);
    }
  }
  for (const to of targetsOf(edges["start"])) addEdge(graph, START, to);
}

function partsOf(name: string, node: object, fields: StateSchemaFields): GroupParts {
  if (isGroup(node)) return node[GROUP](name, fields);
  return { nodes: [{ name, run: node as Run, options: optionsOf(node) }], edges: [] };
}

// A graph inside is added as it is: LangGraph looks into it, and it has rounds and keys of its own.
function addNode(graph: WorkflowGraph, { name, run, options = {} }: GroupNode, by: Parameters<typeof checkedNode>[2]) {
  if ((run as { lg_is_pregel?: unknown }).lg_is_pregel === true) {
    graph.addNode(name, run as never, nodeSettings(options) as never);
    return;
  }
  const exits = EXITS in run ? exitsOf(run).map((exit) => (exit === "end" ? END : exit)) : undefined;
  const settings = { ...nodeSettings(options), ...(exits === undefined ? {} : { ends: [...exits] }) };
  graph.addNode(name, checkedNode(name, run, { ...by, exits }) as never, settings as never);
}

function addEdge(graph: WorkflowGraph, from: string | readonly string[], to: string): void {
  graph.addEdge((typeof from === "string" ? from : [...from]) as never, (to === "end" ? END : to) as never);
}
