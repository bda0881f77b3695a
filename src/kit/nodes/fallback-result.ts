import { z } from "zod";
import { ERROR_CLASSES } from "../../protocol/error-class.ts";
import { LADDER } from "./fallback.ts";

/** The schema of a state key that holds what a fallback gave: `state: { weather: fallbackResult(weatherSchema).nullable() }`. */
export function fallbackResult<Schema extends z.ZodType>(value: Schema) {
  const failure = z.object({ step: z.string(), class: z.enum(ERROR_CLASSES), message: z.string() });
  return z.object({
    value,
    /** The step that gave it. */
    step: z.string(),
    rung: z.enum(LADDER),
    /** True unless it is what was asked for. */
    degraded: z.boolean(),
    failures: z.array(failure),
  });
}
