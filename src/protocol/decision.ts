import { z } from "zod";
import { MAX_IDEMPOTENCY_KEY } from "./idempotency.ts";
import { jsonSchema, uuidSchema } from "./json.ts";

/** How long what is said to the graph may be. */
export const MAX_MESSAGE = 10_000;

const action = z.number().int().min(0).optional();
const message = z.string().max(MAX_MESSAGE).optional();

/** What a person says about one action. `action` is its index; it may be left out when there is only one. */
export const decisionSchema = z.discriminatedUnion("type", [
  z.object({ action, type: z.literal("approve") }),
  /** Arguments are changed and nothing else: a name that is sent has to be the action's. */
  z.object({ action, type: z.literal("edit"), name: z.string().optional(), args: jsonSchema }),
  z.object({ action, type: z.literal("reject"), message }),
  z.object({ action, type: z.literal("respond"), message, value: jsonSchema.optional() }),
]);

/** What a person says about one action, as it is sent. */
export type Decision = z.infer<typeof decisionSchema>;

/** The same with its action named: what is stored, compared and given to the graph. */
export type CanonicalDecision = Decision & { action: number };

// Postgres holds no NUL characters, and a lone surrogate would be stored as another character.
const isText = (value: string) => !value.includes("\0") && value.isWellFormed();
const NOT_TEXT = "must not contain NUL characters or lone surrogates";

/** The body of `POST /reviews/:id/decision`. */
export const decisionBodySchema = z
  .object({
    decisions: z.array(decisionSchema).min(1).max(100),
    comment: z.string().max(10_000).refine(isText, NOT_TEXT).optional(),
    /** One of the reasons that the review offers for a rejection. */
    reason_code: z.string().min(1).max(100).refine(isText, NOT_TEXT).optional(),
    seen_digest: z.string().max(200).refine(isText, NOT_TEXT).optional(),
    idempotency_key: z.string().min(1).max(MAX_IDEMPOTENCY_KEY).refine(isText, NOT_TEXT).optional(),
  })
  .meta({ id: "DecisionCreate" });

/** The body of `POST /reviews/:id/decision`. */
export type DecisionBody = z.infer<typeof decisionBodySchema>;

/** The body of `POST /review-groups/:group_id/decision`. Each review's own decisions are read when it is known to be open. */
export const groupDecisionBodySchema = decisionBodySchema
  .pick({ comment: true, reason_code: true, idempotency_key: true })
  .extend({
    answers: z
      .array(
        z.object({
          review_id: uuidSchema,
          decisions: z.unknown(),
          seen_digest: z.string().max(200).refine(isText, NOT_TEXT).optional(),
        }),
      )
      .min(1)
      .max(100),
  })
  .meta({ id: "GroupDecisionCreate" });

/** The body of `POST /review-groups/:group_id/decision`. */
export type GroupDecisionBody = z.infer<typeof groupDecisionBodySchema>;

/** What tied a decision to the bytes its maker saw; `unbound` only where the compatibility setting allows it. */
export type Binding = "digest" | "version" | "interrupt_id" | "checkpoint" | "unbound";
