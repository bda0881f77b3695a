import type { Command, LangGraphRunnableConfig } from "@langchain/langgraph";
import { getConfig } from "@langchain/langgraph";
import type { TrailEntry } from "../protocol/trail.ts";

/** What a node of the kit gives: changes of the state, and what goes on record. A state without `trail` drops that part. */
export type KitUpdate<Update> = Update & { trail?: readonly TrailEntry[] };

/** A node as LangGraph runs it. */
export type NodeFunction<State, Update> = (
  state: State,
  config: LangGraphRunnableConfig,
) => Promise<KitUpdate<Update>> | KitUpdate<Update>;

/** Where a node says which nodes may come next, when it chooses itself. */
export const EXITS: unique symbol = Symbol.for("holdpoint.exits");

/**
 * A node that chooses what comes next. It is a plain function that gives a LangGraph Command; a StateGraph is told of its
 * exits by `ends`.
 */
export interface ChoosingNode<State, Update, Exit extends string> {
  (state: State, config: LangGraphRunnableConfig): Promise<Command<unknown, KitUpdate<Update>, Exit>>;
  readonly [EXITS]: readonly Exit[];
}

/** Marks a function as a node that chooses among these exits. */
export function choosing<State, Update, const Exit extends string>(
  exits: readonly Exit[],
  node: (state: State, config: LangGraphRunnableConfig) => Promise<Command<unknown, KitUpdate<Update>, Exit>>,
): ChoosingNode<State, Update, Exit> {
  return Object.defineProperty(node, EXITS, { value: exits }) as ChoosingNode<State, Update, Exit>;
}

/** Where a node says which keys of the state it was told to write, by the option that told it. */
export const WRITES: unique symbol = Symbol.for("holdpoint.writes");

/** Marks a node with the keys that it was told to write. */
export function writing<Node extends object>(node: Node, keys: Readonly<Record<string, string | undefined>>): Node {
  return Object.defineProperty(node, WRITES, { value: keys });
}

/** The name of the node that is running; "" outside of one. */
export function currentNode(): string {
  const node = getConfig()?.metadata?.["langgraph_node"];
  return typeof node === "string" ? node : "";
}
