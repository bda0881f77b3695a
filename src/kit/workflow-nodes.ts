import { EXITS } from "./node.ts";
import { type NodeOptions, withOptions } from "./node-options.ts";
import type { Known, NodeConfig, NodeResult } from "./workflow-types.ts";

/** How a node is executed, and where it may go when it gives commands. */
export interface NodeTerms<Exit extends string> extends NodeOptions {
  /** The nodes that its commands go to; a node with exits has no edge. */
  exits?: readonly Exit[];
}

/** A function that was checked against a workflow's state. */
export type FlowNode<State, Context, Result, Exit extends string> = ((
  state: State,
  config: NodeConfig<Context>,
) => Promise<Result> | Result) &
  ([Exit] extends [never] ? unknown : { readonly [EXITS]: readonly Exit[] });

/** The nodes of the kit, for one workflow's state. */
export interface BoundNodes<State, Update, Context> {
  /** A node of one's own. What it gives is checked against the state: its keys, and what they hold. */
  node<Result extends NodeResult<Update>, const Exit extends string = never>(
    run: (
      state: State,
      config: NodeConfig<Context>,
    ) => Promise<Result & Known<Result, Update>> | (Result & Known<Result, Update>),
    terms?: NodeTerms<Exit>,
  ): FlowNode<State, Context, Result, Exit>;
}

/** Makes them. */
export function boundNodes(): BoundNodes<unknown, unknown, unknown> {
  return {
    node(run: object, { exits, ...options }: NodeTerms<string> = {}) {
      // A function of its own: the one that is given may be a node elsewhere, too.
      const own = (...given: unknown[]) => (run as (...given: unknown[]) => unknown)(...given);
      const known = exits ?? (run as { [EXITS]?: readonly string[] })[EXITS];
      if (known !== undefined) Object.defineProperty(own, EXITS, { value: known });
      return withOptions(own, options) as never;
    },
  };
}
