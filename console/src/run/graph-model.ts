import { Graph, layout } from "@dagrejs/dagre";
import type { RunDetail } from "./model.ts";

/** A graph as the server draws it. */
export interface GraphDrawing {
  nodes: { id: string }[];
  edges: { source: string; target: string; data?: string; conditional?: boolean }[];
}

/** Where a node stands in a run. */
export type NodeState = "untouched" | "running" | "waiting" | "success" | "error" | "interrupted" | "cancelled";

/** A node of a graph, and what a run has done there. */
export interface GraphNode {
  id: string;
  state: NodeState;
  executions: number;
  duration_ms: number;
  /** Where edges lead from here. */
  targets: { id: string; isConditional: boolean; label: string | null }[];
  isEnd: boolean;
}

/** A point of the drawing; of a node its upper left corner. */
export interface Place {
  x: number;
  y: number;
}

/** A graph laid out: its nodes, and the points that its edges go through, which keep them away from other nodes. */
export interface Layout {
  nodes: Map<string, Place>;
  edges: Map<string, Place[]>;
  width: number;
  height: number;
}

const NODE_WIDTH = 176;
const NODE_HEIGHT = 46;
const END_WIDTH = 84;
const END_HEIGHT = 30;
const ENDS = ["__start__", "__end__"];

/** The nodes of a drawing with what a run has done; `active` are those that execute now. */
export function graphNodes(drawing: GraphDrawing, run: RunDetail, active: ReadonlySet<string>): GraphNode[] {
  const waiting = new Set(
    run.questions.filter(({ status }) => status === "open" || status === "info_requested").map(({ node }) => node),
  );
  return drawing.nodes.map(({ id }) => {
    // A node of a drawn subgraph has the names of those it is inside of.
    const name = id.split(":").at(-1) as string;
    const own = run.executions.filter(({ node }) => node === name || node === id);
    const last = own.at(-1);
    const state: NodeState = waiting.has(name)
      ? "waiting"
      : active.has(name)
        ? "running"
        : last === undefined
          ? "untouched"
          : last.status;
    return {
      id,
      state,
      executions: own.length,
      duration_ms: own.reduce((sum, one) => sum + one.duration_ms, 0),
      targets: drawing.edges
        .filter(({ source }) => source === id)
        .map(({ target, conditional, data }) => ({
          id: target,
          isConditional: conditional === true,
          label: data ?? null,
        })),
      isEnd: ENDS.includes(id),
    };
  });
}

/** Places nodes so that edges lead downwards. */
export function place(nodes: readonly GraphNode[]): Layout {
  const graph = new Graph();
  graph.setGraph({ rankdir: "TB", nodesep: 24, ranksep: 30, marginx: 4, marginy: 4 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { id, isEnd } of nodes) {
    graph.setNode(id, { width: isEnd ? END_WIDTH : NODE_WIDTH, height: isEnd ? END_HEIGHT : NODE_HEIGHT });
  }
  const known = new Set(nodes.map(({ id }) => id));
  for (const { id, targets } of nodes) {
    for (const target of targets) if (known.has(target.id)) graph.setEdge(id, target.id);
  }
  layout(graph);
  const placed = nodes.map(({ id }): [string, Place] => {
    const { x, y, width, height } = graph.node(id) as { x: number; y: number; width: number; height: number };
    return [id, { x: x - width / 2, y: y - height / 2 }];
  });
  const edges = graph.edges().map((edge: { v: string; w: string }): [string, Place[]] => {
    const { points = [] } = graph.edge(edge) as { points?: Place[] };
    return [edgeId(edge.v, edge.w), points];
  });
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number };
  return { nodes: new Map(placed), edges: new Map(edges), width, height };
}

/** What an edge is called. */
export const edgeId = (source: string, target: string) => `${source} ${target}`;

/** A line through points, its corners rounded. */
export function pathThrough([first, ...rest]: readonly Place[]): string {
  const last = rest.at(-1);
  if (first === undefined || last === undefined) return "";
  const corners = rest.slice(0, -1).map((point, place) => {
    const next = rest[place + 1] as Place;
    return `Q ${point.x} ${point.y} ${(point.x + next.x) / 2} ${(point.y + next.y) / 2}`;
  });
  return [`M ${first.x} ${first.y}`, ...corners, `L ${last.x} ${last.y}`].join(" ");
}

/** What its state is called. */
export const STATE_WORDS: Record<NodeState, string> = {
  untouched: "not reached",
  running: "executes now",
  waiting: "waits for a person",
  success: "done",
  error: "failed",
  interrupted: "asked, and was not answered",
  cancelled: "cancelled",
};
