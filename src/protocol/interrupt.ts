import { z } from "zod";
import { DECISION_TYPES } from "./decision-type.ts";
import { jsonSchema } from "./json.ts";
import { statedTermsSchema } from "./review-policy.ts";

/** One of approve, edit, reject, respond. */
export type DecisionType = (typeof DECISION_TYPES)[number];

/** One action a review asks about, as `review()` shows it. */
export const reviewActionSchema = z.object({
  index: z.number().int().min(0),
  name: z.string().min(1),
  args: jsonSchema,
  description: z.string().optional(),
  allowed: z.array(z.enum(DECISION_TYPES)).min(1),
  /** JSON Schema the edited arguments must match. */
  args_schema: z.record(z.string(), jsonSchema).optional(),
  /** JSON Schema the value of a response must match, where `args_schema` is not that of the response itself. */
  response_schema: z.record(z.string(), jsonSchema).optional(),
  /** JSON pointers (RFC 6901) an edit may change; absent means all of them. */
  editable_paths: z.array(z.string()).optional(),
  risk: z.enum(["low", "medium", "high"]).optional(),
  /** One sentence: what will happen if this is approved. */
  preview: z.string().optional(),
});

/** One action of a review. */
export type ReviewAction = z.infer<typeof reviewActionSchema>;

/** Something the reviewer can check for themselves. */
export const evidenceSchema = z.object({
  kind: z.enum(["url", "message", "state_path", "source", "artifact"]),
  label: z.string(),
  ref: z.string(),
  sha256: z.string().optional(),
});

/** The value that `review()` hands to `interrupt()`. `value_digest` covers everything else in it. */
export const reviewValueSchema = z.object({
  holdpoint: z.literal("review"),
  key: z.string().min(1),
  title: z.string().min(1),
  description: z.string(),
  actions: z.array(reviewActionSchema).min(1),
  evidence: z.array(evidenceSchema).optional(),
  /** What the graph says of who decides and until when; the policy file has a say in it too. */
  policy: statedTermsSchema.optional(),
  value_digest: z.string(),
});

/** The value that `review()` hands to `interrupt()`. */
export type ReviewValue = z.infer<typeof reviewValueSchema>;

/**
 * How a pause speaks: `review()`; LangChain's human-in-the-loop middleware as JavaScript or as Python writes it; LangGraph's
 * HumanInterrupt; `interrupt()` with a responseSchema; any other `interrupt()`; a static breakpoint.
 */
export type Flavour = "review" | "hitl" | "hitl_py" | "agent_inbox" | "schema" | "raw" | "breakpoint";

/** The task that asks: in a subgraph, another one than the root's task at which the question surfaces. */
export interface AskingTask {
  asking_ns: string;
  asking_checkpoint_id: string;
  asking_task_id: string;
}

/** A pending interrupt as LangGraph reports it in a task. */
export interface PendingInterrupt {
  /** null: a static breakpoint. */
  interrupt_id: string | null;
  /** null: a static breakpoint. */
  asking: AskingTask | null;
  /** How many answers the asking task had read when it asked this. */
  ordinal: number;
  task_id: string;
  node: string;
  value: unknown;
  response_schema?: Record<string, unknown>;
}
