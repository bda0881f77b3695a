import { z } from "zod";
import { ERROR_CLASSES } from "./error-class.ts";

/** What became of one call of a tool. */
export const toolOutcomeSchema = z.object({
  call_id: z.string(),
  tool: z.string(),
  /** The arguments, without what the tool keeps to itself. */
  args: z.json(),
  ok: z.boolean(),
  /** What it gave; null when it failed. */
  result: z.json(),
  error: z.object({ class: z.enum(ERROR_CLASSES), message: z.string() }).nullable(),
  /** The step of the chain it was, when it was one. */
  step: z.string().nullable(),
  attempts: z.number().int(),
  duration_ms: z.number(),
  /** `stored` when an earlier execution or the cache had the result. */
  from: z.enum(["live", "stored"]),
  cost: z.number().nullable(),
});

/** What became of one call of a tool. */
export type ToolOutcome = z.infer<typeof toolOutcomeSchema>;
