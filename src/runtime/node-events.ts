import { BaseCallbackHandler } from "@langchain/core/callbacks/base";
import type { StreamEvent } from "../protocol/events.ts";

/**
 * The stream mode `events`, as far as screens use it to say which node is at work: the beginnings and ends of nodes.
 * Inputs and outputs are left out, they are in the other modes.
 */
export function nodeEvents(push: (event: StreamEvent) => void): BaseCallbackHandler {
  const nodes = new Map<string, { name: string; metadata: Record<string, unknown> }>();
  const tell = (event: string, run_id: string) => {
    const node = nodes.get(run_id);
    if (node === undefined) return;
    push({ event: "events", data: { event, run_id, ...node, tags: [], parent_ids: [], data: {} } });
  };
  const end = (run_id: string) => {
    tell("on_chain_end", run_id);
    nodes.delete(run_id);
  };
  const handler = BaseCallbackHandler.fromMethods({
    handleChainStart(_chain, _inputs, run_id, _runType, tags, metadata) {
      const name: unknown = metadata?.["langgraph_node"];
      // The node's own function, as opposed to what it calls; LangGraph's first node only hands the input on.
      if (typeof name !== "string" || name === "__start__" || !tags?.some((tag) => tag.startsWith("graph:step:")))
        return;
      const { langgraph_node, langgraph_step, langgraph_checkpoint_ns } = metadata ?? {};
      nodes.set(run_id, { name, metadata: { langgraph_node, langgraph_step, langgraph_checkpoint_ns } });
      tell("on_chain_start", run_id);
    },
    handleChainEnd: (_outputs, run_id) => end(run_id),
    handleChainError: (_error, run_id) => end(run_id),
  });
  // Or a node's end could be told before its beginning.
  handler.awaitHandlers = true;
  return handler;
}
