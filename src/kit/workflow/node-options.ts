import type { RetryPolicy } from "@langchain/langgraph";
import { classifyError, STRATEGIES } from "../../policy/error-class.ts";
import { kitClock } from "../clock.ts";
import { type NamesOf, refuseUnknown } from "../known-options.ts";

/** How a node is executed. */
export interface NodeOptions {
  /** Executes it again after an error; not at all unless given. */
  retry?: {
    /** Executions at most, of which the first is one; 3 unless given. */
    attempts?: number;
    /** The wait before the second, doubled before each further one; 500 ms unless given. */
    first_ms?: number;
    /** Which errors it may help against; those that pass by themselves unless given. */
    when?: (error: unknown) => boolean;
  };
  /** How long one execution may take. */
  timeout_ms?: number;
}

const NODE_OPTION_KEYS = { retry: true, timeout_ms: true } satisfies NamesOf<NodeOptions>;
const RETRY_KEYS = { attempts: true, first_ms: true, when: true } satisfies NamesOf<NonNullable<NodeOptions["retry"]>>;

const ATTEMPTS = 3;
const FIRST_MS = 500;

const passesByItself = (error: unknown) => STRATEGIES[classifyError(error, kitClock().now()).class].retry !== "never";

/** The same in LangGraph's words. */
export function nodeSettings({ retry, timeout_ms }: NodeOptions): { retryPolicy?: RetryPolicy; timeout?: number } {
  const retryPolicy = retry && {
    maxAttempts: retry.attempts ?? ATTEMPTS,
    initialInterval: retry.first_ms ?? FIRST_MS,
    retryOn: retry.when ?? passesByItself,
    logWarning: false,
  };
  return {
    ...(retryPolicy === undefined ? {} : { retryPolicy }),
    ...(timeout_ms === undefined ? {} : { timeout: timeout_ms }),
  };
}

const OPTIONS = Symbol.for("holdpoint.node_options");

/** Refuses what is not said of how a node is executed. */
export function checkNodeOptions(whose: string, { retry, ...others }: object & NodeOptions, more: object = {}): void {
  refuseUnknown(whose, others, { ...NODE_OPTION_KEYS, ...more });
  if (retry !== undefined) refuseUnknown(`retry of ${whose}`, retry, RETRY_KEYS);
}

/** Keeps a node's options with it. */
export function withOptions<Node extends object>(node: Node, options: NodeOptions): Node {
  return Object.defineProperty(node, OPTIONS, { value: options, configurable: true });
}

/** The options that a node was made with. */
export function optionsOf(node: object): NodeOptions {
  return (node as { [OPTIONS]?: NodeOptions })[OPTIONS] ?? {};
}
