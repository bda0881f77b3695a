import { type StateGraph, StateSchema, type StateSchemaFields } from "@langchain/langgraph";
import { z } from "zod";
import type { GraphPolicies } from "../../protocol/graph-mark.ts";
import { defineGraph } from "../define-graph.ts";
import { type NamesOf, refuseUnknown } from "../known-options.ts";
import { type Drawing, draw } from "./draw-graph.ts";
import { faultsOfStatement, ROUNDS } from "./workflow-faults.ts";
import { WorkflowGraph } from "./workflow-graph.ts";
import { type BoundNodes, boundNodes } from "./workflow-nodes.ts";
import { kitFields } from "./workflow-state.ts";
import type {
  CheckedNodes,
  Edges,
  FieldsOf,
  Given,
  InputOf,
  NodeNames,
  NodesLike,
  ShapeOf,
  StateOf,
  UpdateOf,
} from "./workflow-types.ts";

/** How often each node may run between one input and the next. */
export type LoopLimit = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13 | 14 | 15 | 16 | 17 | 18 | 19 | 20;

/** How a workflow's runs are executed. What the operator has set for a graph counts before it. */
export interface WorkflowPolicies extends GraphPolicies {
  /** True: nothing but an answered review moves a thread past a pause. */
  guarded?: boolean;
  /**
   * True: keys with a default begin with it again at each new input, so that nothing of an earlier one counts for it. The
   * state goes on unless given, as a conversation needs it.
   */
  fresh?: boolean;
  /** How long a node may take each time, where it does not say so itself. */
  node_timeout_ms?: number;
  /** How often each node may run since the last input, through all pauses and answers; 10 unless given. */
  loop_limit?: LoopLimit;
}

/** What a workflow is called, and what it knows. */
export interface WorkflowOptions<
  Input extends Given,
  State extends StateSchemaFields,
  Output extends z.ZodRawShape,
  Context extends z.ZodObject,
> {
  /** The graph's id. */
  name: string;
  description: string;
  /** The author's own, such as "1.0.0"; kept with every checkpoint. */
  version: string;
  /** What a run is given. These are keys of the state, too. */
  input: Input;
  /** What the graph comes to know: zod schemas, or LangGraph's values with reducers. */
  state: State;
  /** What a run gives back; all of the state unless given. */
  output?: Output;
  /** What a run is configured with. */
  context?: Context;
  policies?: WorkflowPolicies;
  /** To be tried: forms offer them. */
  examples?: readonly { name: string; input: InputOf<NoInfer<Input>> }[];
}

type GraphOf<
  Input extends Given,
  Fields extends StateSchemaFields,
  Output extends z.ZodRawShape,
  Names extends string,
> = StateGraph<
  StateSchema<Fields>,
  StateOf<Fields>,
  UpdateOf<Fields>,
  Names | "__start__",
  z.ZodObject<ShapeOf<Input>>,
  z.ZodRawShape extends Output ? StateSchema<Fields> : z.ZodObject<Output>
>;

/** A workflow: its state, the nodes of the kit for this state, and the way to a graph. */
export interface Workflow<Input extends Given, Fields extends StateSchemaFields, Output extends z.ZodRawShape, Context>
  extends BoundNodes<StateOf<Fields>, UpdateOf<Fields>, Context> {
  /** For the compiler alone: `type State = typeof flow.State`. */
  readonly State: StateOf<Fields>;
  /** For the compiler alone: what a node may give. */
  readonly Update: UpdateOf<Fields>;
  /**
   * Draws the graph: a StateGraph of LangGraph, uncompiled. `edges` says where each node leads; `start` and `end` are no
   * nodes, an array leads to several at once, and nodes that choose themselves have none.
   */
  graph<const Nodes extends NodesLike<StateOf<Fields>, Context>>(drawing: {
    nodes: Nodes & CheckedNodes<Nodes, UpdateOf<Fields>>;
    edges: Edges<Nodes>;
  }): GraphOf<Input, Fields, Output, NodeNames<Nodes>>;
}

/** Declares a workflow. */
export function workflow<
  const Input extends Given,
  const State extends StateSchemaFields,
  const Output extends z.ZodRawShape = z.ZodRawShape,
  Context extends z.ZodObject = z.ZodObject,
>(
  options: WorkflowOptions<Input, State, Output, Context>,
): Workflow<Input, FieldsOf<Input, State>, Output, z.output<Context>> {
  refuseUnknown("workflow", options, KEYS);
  const nodes = boundNodes();
  const graph = (drawing: Drawing) => graphOf(options as unknown as AnyOptions, drawing);
  return { ...nodes, graph } as unknown as Workflow<Input, FieldsOf<Input, State>, Output, z.output<Context>>;
}

type AnyOptions = WorkflowOptions<Given, StateSchemaFields, z.ZodRawShape, z.ZodObject>;

const KEYS = {
  name: true,
  description: true,
  version: true,
  input: true,
  state: true,
  output: true,
  context: true,
  policies: true,
  examples: true,
} satisfies NamesOf<AnyOptions>;
const DRAWING_KEYS = { nodes: true, edges: true } satisfies NamesOf<Drawing>;

function graphOf(options: AnyOptions, drawing: Drawing): WorkflowGraph {
  refuseUnknown("graph", drawing, DRAWING_KEYS);
  const { name, description, version, context, examples = [], policies = {} } = options;
  const input = isSchema(options.input) ? options.input : z.object(options.input);
  const fields: StateSchemaFields = { ...input.shape, ...options.state, ...kitFields() };
  const output = options.output === undefined ? undefined : z.object(options.output);
  const faults = faultsOfStatement({
    name,
    input,
    fields,
    own: Object.keys({ ...input.shape, ...options.state }),
    output: Object.keys(options.output ?? {}),
    policies,
    examples,
  });
  const inputs = examples.map(({ input }) => input);
  const { guarded = false, fresh = false, node_timeout_ms, loop_limit: loopLimit = ROUNDS, ...rest } = policies;
  const schemas = {
    state: new StateSchema(fields),
    input,
    ...(output === undefined ? {} : { output }),
    ...(context === undefined ? {} : { context }),
  };
  const graph = new WorkflowGraph(schemas, { name, description, loopLimit, fresh: fresh ? fields : undefined });
  draw(graph, drawing, { name, fields, loopLimit, faults });
  if (node_timeout_ms !== undefined) graph.setNodeDefaults({ timeout: node_timeout_ms });
  return defineGraph(graph, { name, description, version, guarded, policies: rest, examples: inputs });
}

// By its mark, not by its class: a project may have a copy of zod of its own.
function isSchema(given: Given): given is z.ZodObject {
  return "_zod" in given;
}
