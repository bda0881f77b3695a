import { z } from "zod";

const text = z.string();
const maybe = z.string().nullable();

/** A link of a review's chain as it is stored; nothing is believed of it, what does not fit is what is looked for. */
export const storedLinkSchema = z.object({
  tenant_id: text,
  audit_seq: z.number(),
  review_id: text,
  review_seq: z.number(),
  kind: text,
  at: text,
  principal_id: text,
  thread_id: maybe,
  run_id: maybe,
  body: text,
  prev_hash: maybe,
  hash: maybe,
});

const reviewSchema = z.object({
  id: text,
  status: text,
  thread_id: text,
  run_id: text,
  resume_run_id: maybe,
  value: text,
  actions: text,
  policy: text,
  value_digest: text,
  policy_digest: text,
  request_digest: text,
});

const decisionSchema = z.object({
  id: text,
  principal_id: text,
  channel: text,
  decisions: text,
  decisions_digest: text,
  comment: maybe,
  reason_code: maybe,
  diff: text,
  binding: text,
});

const effectSchema = z.object({
  effect_id: text,
  run_id: text,
  name: text,
  kind: text,
  status: text,
  args: text,
  args_digest: text,
  result: maybe,
});

/** Everything by which the record of one review can be checked, without its database: the chain, and the rows it speaks of. */
export const auditedReviewSchema = z.object({
  review_id: text,
  /** Null where there are links of a review that does not exist. */
  review: reviewSchema.nullable(),
  links: z.array(storedLinkSchema),
  decisions: z.array(decisionSchema),
  effects: z.array(effectSchema),
});

/** Everything by which the record of one review can be checked. */
export type AuditedReview = z.infer<typeof auditedReviewSchema>;

/** What a link says of an effect of the run that it speaks of. */
export const recordedEffectSchema = z.object({
  effect_id: text,
  name: text,
  kind: text,
  status: text,
  args_digest: text,
  /** Of a receipt. */
  result_digest: maybe,
});

/** What a link says of an effect of the run that it speaks of. */
export type RecordedEffect = z.infer<typeof recordedEffectSchema>;
