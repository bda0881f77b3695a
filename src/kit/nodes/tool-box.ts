import { getConfig } from "@langchain/langgraph";
import { HoldpointError } from "../../protocol/errors.ts";
import { currentNode } from "../node.ts";
import { modelToolName } from "../tool/langchain-tool.ts";
import type { Tool } from "../tool/tool.ts";

/** Tools by name, as authors and as models know them. */
export interface ToolBox {
  readonly tools: readonly Tool[];
  /** Undefined where there is no such tool. */
  find(name: string): Tool | undefined;
  /** Their names, for who has asked for another. */
  readonly names: string;
}

/** Puts tools together. Throws `invalid` where two have one name. */
export function toolBox(tools: readonly Tool[]): ToolBox {
  const byName = new Map<string, Tool>();
  for (const tool of tools) {
    const other = byName.get(modelToolName(tool));
    if (other !== undefined)
      throw new HoldpointError(
        "invalid",
        `the tools "${other.name}" and "${tool.name}" are one to a model; rename one`,
      );
    byName.set(modelToolName(tool), tool);
  }
  const names = tools.map(({ name }) => name).join(", ");
  return { tools, find: (name) => byName.get(modelToolName({ name })), names };
}

/** How the n-th call of this execution of the node is known: the same when the task is executed again. */
export function callId(ordinal: number): string {
  const step = getConfig()?.metadata?.["langgraph_step"];
  return `${currentNode() || "tools"}-${typeof step === "number" ? step : 0}-${ordinal}`;
}
