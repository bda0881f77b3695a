import { z } from "zod";
import { defineTool, type ToolOptions } from "../../src/kit/tool/tool.ts";

/** What the tool of a test takes. */
export const input = z.object({ id: z.number().int(), card: z.string().optional() });
/** What it gives. */
export const output = z.object({ name: z.string() });
type Options = ToolOptions<string, typeof input, typeof output>;

/** A tool that does one thing after the other, and counts how often it was called. */
export function scripted(steps: readonly (() => unknown)[], options: Partial<Options> = {}) {
  const calls: { effect_id: string }[] = [];
  const run = async (_args: unknown, { effect_id }: { effect_id: string }) => {
    calls.push({ effect_id });
    return (await (steps[Math.min(calls.length, steps.length) - 1] as () => unknown)()) as { name: string };
  };
  const tool = defineTool({ name: "find", description: "Finds.", input, output, effect: "read", ...options, run });
  return { tool, calls };
}

/** It goes well. */
export const ada = () => ({ name: "Ada" });
/** It fails, with what is known of the failure. */
export const failing = (fields: object) => () => {
  throw Object.assign(new Error("it went wrong"), fields);
};
/** The other side is busy. */
export const busy = failing({ status: 503 });
