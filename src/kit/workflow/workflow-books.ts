import type { LangGraphRunnableConfig } from "@langchain/langgraph";
import { HoldpointError } from "../../protocol/errors.ts";
import { BOOKS, type BookEntry, type Books } from "./workflow-state.ts";

/** Why a branch gave nothing, in the update of the node that it is; written to the kit's books instead of the state. */
export const FAILURE: unique symbol = Symbol.for("holdpoint.failure");

type Read = (channel: string) => unknown;

/** What the kit keeps of the run; undefined outside of a graph. */
export function booksOf({ configurable }: LangGraphRunnableConfig): Books | undefined {
  const read = configurable?.["__pregel_read"] as Read | undefined;
  return read?.(BOOKS) as Books | undefined;
}

/** Throws `loop_limit` where a node has finished as often as it may since the last input. */
export function checkRounds(node: string, limit: number, config: LangGraphRunnableConfig): void {
  const { count, step } = booksOf(config)?.rounds[node] ?? { count: 0, step: -1 };
  if (count < limit || step === stepOf(config)) return;
  throw new HoldpointError(
    "loop_limit",
    `node "${node}" has run ${count} times since the last input, as often as it may; ` +
      "see why the graph comes back to it, or raise loop_limit, which goes up to 20",
    { facts: { node, count, limit } },
  );
}

/** What a node that has finished adds to the books. */
export function entryOf(node: string, config: LangGraphRunnableConfig, result: unknown): BookEntry {
  const failure = isObject(result) ? (result as { [FAILURE]?: string | null })[FAILURE] : undefined;
  return { node, step: stepOf(config), ...(failure === undefined ? {} : { failure }) };
}

function stepOf({ metadata }: LangGraphRunnableConfig): number {
  const step = metadata?.["langgraph_step"];
  return typeof step === "number" ? step : 0;
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;
