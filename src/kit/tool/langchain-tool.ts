import { type DynamicStructuredTool, tool as makeTool } from "@langchain/core/tools";
import { z } from "zod";
import { HoldpointError } from "../../protocol/errors.ts";
import type { Tool } from "./tool.ts";
import { callTool } from "./tool-call.ts";

/** The name by which models know a tool: they allow no dots. */
export function modelToolName({ name }: Pick<Tool, "name">): string {
  return name.replaceAll(".", "_");
}

/** The tool as LangChain's agents and `bindTools` take it. It is called under the same terms. Throws `invalid`. */
export function toLangChainTool(tool: Tool): DynamicStructuredTool {
  if (z.toJSONSchema(tool.input, { io: "input", unrepresentable: "any" }).type !== "object") {
    throw new HoldpointError(
      "invalid",
      `${tool.name} takes no object, and models give nothing else; make its input one`,
    );
  }
  return makeTool(
    async (parsed: unknown, { toolCall }: { toolCall?: { id?: string; args?: unknown } }) => {
      const key = toolCall?.id === undefined ? {} : { key: `${tool.name}:${toolCall.id}` };
      // What the model gave, not what LangChain has made of it: it is parsed here, once.
      return (await callTool(tool, toolCall?.args ?? parsed, { ...key, isWatched: true })).value;
    },
    { name: modelToolName(tool), description: tool.description, schema: tool.input as z.ZodObject },
  ) as unknown as DynamicStructuredTool;
}
