import { useQuery } from "@tanstack/react-query";
import {
  BaseEdge,
  type EdgeProps,
  Handle,
  type NodeProps,
  Position,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
} from "@xyflow/react";
import "@xyflow/react/dist/base.css";
import { memo, useMemo } from "react";
import { get } from "../data/api.ts";
import { Failed, Loading } from "../ui/states.tsx";
import { Line } from "../ui/text.tsx";
import {
  edgeId,
  type GraphDrawing,
  type GraphNode,
  graphNodes,
  type Place,
  pathThrough,
  place,
  STATE_WORDS,
} from "./graph-model.ts";
import { nodeName, type RunDetail } from "./model.ts";
import { formatMs } from "./spans.ts";
import { statusSign } from "./status.tsx";
import { TableScroll } from "./table-scroll.tsx";

interface Props {
  run: RunDetail;
  active: ReadonlySet<string>;
}

/** The graph of a run with where it stands: drawn, and as a table that says the same. */
export default function GraphView({ run, active }: Props) {
  const { data, error, refetch } = useQuery({
    queryKey: ["graph", run.graph_id],
    queryFn: ({ signal }) => get<GraphDrawing>(`/assistants/${encodeURIComponent(run.graph_id)}/graph`, signal),
    staleTime: 60_000,
  });
  if (data === undefined)
    return error ? <Failed error={error} retry={() => void refetch()} /> : <Loading what="the graph" />;
  const nodes = graphNodes(data, run, active);
  return (
    <div className="run-graph">
      <ReactFlowProvider>
        <Drawing nodes={nodes} />
      </ReactFlowProvider>
      <NodeTable nodes={nodes} />
    </div>
  );
}

const nodeTypes = { step: memo(StepNode) };
const edgeTypes = { line: memo(LineEdge) };
const WIDEST = 700;
const MOST_HEIGHT = 760;
/** What else stands above and below the drawing: all of it is in the window at once. */
const ABOVE_AND_BELOW = 300;
const ZOOM = { padding: 0.08, maxZoom: 1, minZoom: 0.3 };

function Drawing({ nodes }: { nodes: GraphNode[] }) {
  const flow = useReactFlow();
  const shape = nodes.map(({ id }) => id).join("\n");
  // biome-ignore lint/correctness/useExhaustiveDependencies: where nodes are does not depend on what they do
  const placed = useMemo(() => place(nodes), [shape]);
  const scale = Math.min(1, (Math.min(window.innerWidth, WIDEST) - 60) / Math.max(1, placed.width));
  const shown = nodes.map((node) => {
    const { x, y } = placed.nodes.get(node.id) as Place;
    return { id: node.id, type: "step", position: { x, y }, data: { node } };
  });
  const edges = nodes.flatMap(({ id, targets }) =>
    targets.map((target) => ({
      id: edgeId(id, target.id),
      source: id,
      target: target.id,
      type: "line",
      data: { points: placed.edges.get(edgeId(id, target.id)) ?? [] },
      className: target.isConditional ? "run-edge run-conditional" : "run-edge",
    })),
  );
  return (
    <div className="graph-frame">
      <div
        className="graph-drawing"
        role="img"
        aria-label="The graph, drawn. The table says the same."
        style={{
          height: `clamp(320px, 100dvh - ${ABOVE_AND_BELOW}px, ${Math.min(MOST_HEIGHT, placed.height * scale + 40)}px)`,
        }}
      >
        <ReactFlow
          nodes={shown}
          edges={edges}
          nodeTypes={nodeTypes}
          edgeTypes={edgeTypes}
          fitView
          fitViewOptions={ZOOM}
          minZoom={0.2}
          maxZoom={2}
          nodesDraggable={false}
          nodesConnectable={false}
          nodesFocusable={false}
          edgesFocusable={false}
          elementsSelectable={false}
          zoomOnScroll={false}
          zoomOnDoubleClick={false}
          preventScrolling={false}
          disableKeyboardA11y
          proOptions={{ hideAttribution: true }}
        />
      </div>
      <p className="graph-zoom">
        <button type="button" className="button quiet" onClick={() => void flow.zoomIn()}>
          Larger
        </button>
        <button type="button" className="button quiet" onClick={() => void flow.zoomOut()}>
          Smaller
        </button>
        <button type="button" className="button quiet" onClick={() => void flow.fitView(ZOOM)}>
          Fit
        </button>
        <span className="muted">A dashed line is taken under a condition.</span>
      </p>
    </div>
  );
}

function LineEdge({ data }: EdgeProps) {
  return <BaseEdge path={pathThrough((data as { points: Place[] }).points)} />;
}

function StepNode({ data }: NodeProps) {
  const { node } = data as { node: GraphNode };
  return (
    <div className={`flow-node state-${node.state}${node.isEnd ? " flow-end" : ""}`}>
      <Handle type="target" position={Position.Top} isConnectable={false} />
      <span className="flow-name">
        {node.state !== "untouched" && <span className="flow-sign">{statusSign(signOf(node))}</span>}
        <Line text={nodeName(node.id)} />
      </span>
      {!node.isEnd && (
        <span className="flow-state">
          {STATE_WORDS[node.state]}
          {node.executions > 0 && ` · ${formatMs(node.duration_ms)}`}
          {node.executions > 1 && ` · ${node.executions}×`}
        </span>
      )}
      <Handle type="source" position={Position.Bottom} isConnectable={false} />
    </div>
  );
}

const signOf = ({ state }: GraphNode) => (state === "interrupted" ? "waiting" : state);

function NodeTable({ nodes }: { nodes: readonly GraphNode[] }) {
  return (
    <TableScroll label="Nodes of the graph">
      <thead>
        <tr>
          <th scope="col">Node</th>
          <th scope="col">State</th>
          <th scope="col">Executions</th>
          <th scope="col">Time</th>
          <th scope="col">Leads to</th>
        </tr>
      </thead>
      <tbody>
        {nodes.map((node) => (
          <tr key={node.id}>
            <th scope="row">
              <Line text={nodeName(node.id)} />
            </th>
            <td>
              <span className={`state-text state-${node.state}`}>
                <span aria-hidden="true">{node.state === "untouched" ? "·" : statusSign(signOf(node))} </span>
                {node.isEnd ? "" : STATE_WORDS[node.state]}
              </span>
            </td>
            <td className="number">{node.executions === 0 ? "" : node.executions}</td>
            <td className="number">{node.executions === 0 ? "" : formatMs(node.duration_ms)}</td>
            <td>
              <Line
                text={node.targets
                  .map(({ id, isConditional }) => nodeName(id) + (isConditional ? " (if)" : ""))
                  .join(", ")}
              />
            </td>
          </tr>
        ))}
      </tbody>
    </TableScroll>
  );
}
