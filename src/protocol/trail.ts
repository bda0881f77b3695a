import { z } from "zod";
import { ERROR_CLASSES } from "./error-class.ts";

const failureSchema = z.object({
  step: z.string(),
  class: z.enum(ERROR_CLASSES),
  message: z.string(),
});

/** Who read something: a model, or fixed rules where there is none or it failed. */
export const METHODS = ["model", "rules"] as const;

/** What a node of the kit did, in the words of a record: which way it went and why, what it called, what it did without. */
export const trailEntrySchema = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("analysis"),
    node: z.string(),
    method: z.enum(METHODS),
    model: z.string().nullable(),
    confidence: z.number(),
    /** Requests that were made for it, repairs included. */
    attempts: z.number().int(),
    note: z.string(),
  }),
  z.object({
    kind: z.literal("route"),
    node: z.string(),
    to: z.string(),
    by: z.enum(["condition", "score", "classifier", "thresholds", "decision"]),
    reason: z.string(),
    score: z.number().nullable(),
  }),
  z.object({
    kind: z.literal("tool"),
    node: z.string(),
    call_id: z.string(),
    tool: z.string(),
    ok: z.boolean(),
    class: z.enum(ERROR_CLASSES).nullable(),
    message: z.string().nullable(),
    attempts: z.number().int(),
    duration_ms: z.number(),
    /** `stored` when an earlier execution or the cache had the result. */
    from: z.enum(["live", "stored"]),
    cost: z.number().nullable(),
  }),
  z.object({
    kind: z.literal("fallback"),
    node: z.string(),
    /** The step whose result is used; null when none gave one. */
    step: z.string().nullable(),
    degraded: z.boolean(),
    failures: z.array(failureSchema),
  }),
]);

/** What a node of the kit did. */
export type TrailEntry = z.infer<typeof trailEntrySchema>;
