import type { z } from "zod";
import { HoldpointError } from "../../protocol/errors.ts";
import type { Tool } from "./tool.ts";
import { undoCall } from "./tool-call.ts";

/** A call that is to be undone: what it was given and what it gave. */
export interface UndoneCall<Input extends z.ZodType, Output extends z.ZodType> {
  args: z.input<Input>;
  result: z.output<Output>;
  /** The key it was called with, where one task makes several calls. */
  key?: string;
}

/**
 * Undoes a call by what the tool declares for it: an effect of its own, once. Throws `invalid` where the tool declares
 * nothing, and what a call throws.
 */
export async function compensate<Name extends string, Input extends z.ZodType, Output extends z.ZodType>(
  tool: Tool<Name, Input, Output>,
  { args, result, key }: UndoneCall<Input, Output>,
): Promise<void> {
  if (tool.options.compensate === undefined) {
    throw new HoldpointError("invalid", `${tool.name} declares no compensate(), so nobody knows how to undo it`);
  }
  await undoCall(tool, args, result, key);
}
