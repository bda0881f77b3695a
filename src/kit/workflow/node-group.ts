import type { LangGraphRunnableConfig, StateSchemaFields } from "@langchain/langgraph";
import type { NodeOptions } from "./node-options.ts";

/** One of the graph's nodes that a node of the kit consists of. */
export interface GroupNode {
  name: string;
  // biome-ignore lint/suspicious/noExplicitAny: the state is the author's; the kit's own types bind it before.
  run: (state: any, config: LangGraphRunnableConfig) => unknown;
  options?: NodeOptions;
}

/** What a node of the kit consists of, once it has a name. */
export interface GroupParts {
  /** The first has the name that the author has given; that is where one enters. */
  nodes: readonly [GroupNode, ...GroupNode[]];
  /** Edges among them; from several is a join. */
  edges: readonly (readonly [from: string | readonly string[], to: string])[];
  /** The node whose edges the author draws; none where all exits are chosen inside. */
  leaves?: string;
}

/** Where a node that is several of the graph's nodes says which. */
export const GROUP: unique symbol = Symbol.for("holdpoint.group");

/** Several nodes of a graph that are one to the author. `Inner` are the names of the others; a leading `*` is its own. */
export interface NodeGroup<Inner extends string = string> {
  readonly [GROUP]: (name: string, fields: StateSchemaFields) => GroupParts;
  /** For the compiler alone. */
  readonly inner?: Inner;
}

/** Whether this is several nodes. */
export function isGroup(node: unknown): node is NodeGroup {
  return typeof node === "object" && node !== null && GROUP in node;
}
