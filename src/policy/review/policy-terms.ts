import { z } from "zod";
import { DECISION_TYPES } from "../../protocol/decision-type.ts";
import { reviewValueSchema } from "../../protocol/interrupt.ts";
import type { Json } from "../../protocol/json.ts";
import {
  candidatesSchema,
  notifySchema,
  RISKS,
  rejectOptionSchema,
  reviewPolicySchema,
  type StatedTerms,
} from "../../protocol/review-policy.ts";
import { spanSeconds } from "../span.ts";

const LONGEST_SPAN_SECONDS = 10 * 365 * 86_400;
const SPAN_EXPECTED = 'expected a span of time such as "30m", "4h" or "3d"';

/** A span of time as people write it, read as seconds. */
const span = (least: number) =>
  z.string(SPAN_EXPECTED).transform((text, context): number => {
    const seconds = spanSeconds(text);
    if (seconds !== undefined && seconds >= least && seconds <= LONGEST_SPAN_SECONDS) return seconds;
    const message = seconds === undefined ? SPAN_EXPECTED : `must be from ${least}s to 10 years`;
    context.addIssue({ code: "custom", message: `${message}, not ${JSON.stringify(text.slice(0, 40))}` });
    return z.NEVER;
  });

// An empty list would ask everybody, which is the opposite of what a list is for.
const candidates = z
  .strictObject(candidatesSchema.shape)
  .refine(({ users, groups }) => users.length + groups.length > 0, "names nobody; leave it out to ask everybody");

const escalation = z
  .strictObject({ after: span(0), to: candidates.optional() })
  .transform(({ after, to }) => ({ after_seconds: after, to: to ?? { users: [], groups: [] } }));

const { priority, max_revisions } = reviewPolicySchema.shape;

/** What can be said of a question by the graph that asks it and by the policy file, as people write it. */
export const TERMS = {
  risk: z.enum(RISKS).optional(),
  priority: priority.optional(),
  candidates: candidates.optional(),
  due: span(1).optional(),
  reminders: z.array(span(1)).max(10).optional(),
  escalations: z.array(escalation).max(10).optional(),
  ends_after: span(0).optional(),
  on_timeout: reviewPolicySchema.shape.on_timeout.optional(),
  require_comment: z.array(z.enum(DECISION_TYPES)).optional(),
  reject_options: z.array(z.strictObject(rejectOptionSchema.shape)).max(50).superRefine(refuseTwins).optional(),
  notify: z.strictObject(notifySchema.shape).optional(),
  max_revisions: max_revisions.optional(),
};

const read = z.object(TERMS);

/** The same in the words of a review's policy: only what was said, and in seconds. */
export function statedTerms({ due, ends_after, ...rest }: z.output<typeof read>): StatedTerms {
  const terms: StatedTerms = { ...rest, due_after_seconds: due, ends_after_seconds: ends_after };
  return Object.fromEntries(Object.entries(terms).filter(([, value]) => value !== undefined));
}

/** What the value of a `review()` says of its own question. */
export function statedIn(value: Json): StatedTerms | null {
  return reviewValueSchema.safeParse(value).data?.policy ?? null;
}

function refuseTwins(options: readonly { code: string }[], context: z.RefinementCtx): void {
  const seen = new Set<string>();
  for (const [index, { code }] of options.entries()) {
    if (seen.has(code)) context.addIssue({ code: "custom", path: [index, "code"], message: `"${code}" is used twice` });
    seen.add(code);
  }
}
