import { z } from "zod";

/** How much a finding matters, from the least to the most. */
export const SEVERITIES = ["info", "low", "medium", "high", "critical"] as const;

/** How much a finding matters. */
export type Severity = (typeof SEVERITIES)[number];

/** Something that a check has found: named by a code, weighed, and said in one sentence for a person. */
export const findingSchema = z.object({
  /** Which rule found it: letters, digits, underscore. */
  code: z.string().regex(/^[a-z][a-z0-9_]{0,63}$/),
  severity: z.enum(SEVERITIES),
  /** From 0, nothing, to 1, as bad as it gets. */
  score: z.number().min(0).max(1),
  text: z.string(),
  /** Where it was found: a JSON pointer into what was checked. */
  path: z.string().optional(),
});

/** Something that a check has found. */
export type Finding = z.infer<typeof findingSchema>;
