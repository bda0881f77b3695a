import { type DynamicStructuredTool, tool as makeTool } from "@langchain/core/tools";
import { z } from "zod";
import { HoldpointError } from "../protocol/errors.ts";
import type { Tool } from "./tool.ts";
import { callTool } from "./tool-call.ts";

/** The name by which models know a tool: they allow no dots. */
export function modelToolName({ name }: Pick<Tool, "name">): string {
  return name.replaceAll(".", "_");
}

/** The tool as LangChain's agents and `bindTools` take it. It is called under the same terms. Throws `invalid`. */
export function toLangChainTool(tool: Tool): DynamicStructuredTool {
  const schema = z.toJSONSchema(tool.input, { io: "input", unrepresentable: "any" });
  if (schema.type !== "object") {
    throw new HoldpointError(
      "invalid",
      `${tool.name} takes no object, and models give nothing else; make its input one`,
    );
  }
  const { description } = tool;
  // The schema as JSON: by a zod schema LangChain would give on what it has parsed, which is parsed here.
  return makeTool(
    async (args: unknown, config: { toolCall?: { id?: string } }) => {
      const id = config.toolCall?.id;
      return (await callTool(tool, args, id === undefined ? {} : { key: `${tool.name}:${id}` })).value;
    },
    { name: modelToolName(tool), description, schema: schema as { type: "object" } },
  ) as unknown as DynamicStructuredTool;
}
