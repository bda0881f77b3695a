// What the commands need of the server's answers. Loose, so that a newer server may say more than this program knows.
import { z } from "zod";
import { reviewActionSchema } from "../protocol/interrupt.ts";
import { jsonSchema } from "../protocol/json.ts";
import { reviewPolicySchema } from "../protocol/review-policy.ts";

const decisionWire = z.looseObject({
  principal_id: z.string(),
  display_name: z.string(),
  at: z.string(),
  decisions: jsonSchema,
  comment: z.string().nullish(),
  reason_code: z.string().nullish(),
  diff: jsonSchema.optional(),
});

const peopleWire = z.looseObject({ users: z.array(z.string()), groups: z.array(z.string()) });
const deadlineWire = z.looseObject({
  at: z.string(),
  done: z.boolean(),
  step: z.string(),
  to: peopleWire.optional(),
  level: z.number().optional(),
  action: z.string().optional(),
});

/** A review, as the commands read it. */
export const reviewWire = z.looseObject({
  id: z.string(),
  version: z.number(),
  group_id: z.string().optional(),
  status: z.string(),
  outcome: z.string().nullish(),
  status_reason: z.string().nullish(),
  thread_id: z.string(),
  run_id: z.string(),
  resume_run_id: z.string().nullish(),
  graph_id: z.string(),
  node: z.string(),
  flavour: z.string().optional(),
  guarded: z.boolean().optional(),
  title: z.string(),
  description: z.string(),
  value: jsonSchema.optional(),
  actions: z.array(reviewActionSchema),
  request_digest: z.string(),
  requested_by: z.string().optional(),
  policy: reviewPolicySchema.partial().loose().optional(),
  risk: z.string().nullish(),
  candidates: peopleWire.optional(),
  assignee: z.string().nullish(),
  claim: z.looseObject({ by: z.string(), until: z.string() }).nullish(),
  snoozed_until: z.string().nullish(),
  revision: z.number().optional(),
  revises: z.string().nullish(),
  deadlines: z.array(deadlineWire).optional(),
  due_at: z.string().nullish(),
  forked_from: z.string().nullish(),
  superseded_by: z.string().nullish(),
  opened_at: z.string(),
  decided_at: z.string().nullish(),
  decision: decisionWire.nullish(),
  escalation: z.looseObject({ level: z.number().nullable(), to: peopleWire, names_nobody: z.boolean() }).optional(),
});

/** A review, as the commands read it. */
export type Review = z.infer<typeof reviewWire>;

/** What POST /reviews/:id/decision answers. */
export const decidedWire = z.looseObject({ review: reviewWire, run_id: z.string().nullish() });

/** What POST /review-groups/:id/decision answers. */
export const groupDecidedWire = z.looseObject({ reviews: z.array(reviewWire), run_id: z.string().nullish() });

/** A run, as the commands read it. */
export const runWire = z.looseObject({
  run_id: z.string(),
  thread_id: z.string(),
  assistant_id: z.string().nullish(),
  status: z.string(),
  created_at: z.string(),
  updated_at: z.string(),
  metadata: z.record(z.string(), z.unknown()).nullish(),
  kwargs: z.record(z.string(), z.unknown()).nullish(),
});

/** A run, as the commands read it. */
export type RunView = z.infer<typeof runWire>;

/** The body of an error of our own routes. */
export const errorWire = z.looseObject({
  error: z.looseObject({
    code: z.string(),
    message: z.string(),
    facts: z.record(z.string(), z.unknown()).optional(),
    retryable: z.boolean().optional(),
  }),
});
