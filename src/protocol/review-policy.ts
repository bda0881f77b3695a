import { z } from "zod";
import { DECISION_TYPES } from "./decision-type.ts";
import { jsonSchema } from "./json.ts";

/** How much harm a wrong answer does. */
export const RISKS = ["low", "medium", "high"] as const;

/** How much harm a wrong answer does. */
export type Risk = (typeof RISKS)[number];

// They are shown in one line, matched exactly, and kept where neither NUL nor half a character has a form.
const line = (longest: number) =>
  z
    .string()
    .min(1)
    .max(longest)
    .refine((text) => !/[\u0000-\u001f\u007f]/.test(text) && text.isWellFormed(), "must be text in one line")
    .refine((text) => text.trim() === text, "must not begin or end with a space");
const names = z.array(line(200)).max(100);

/** People and groups by name. */
export const candidatesSchema = z.object({ users: names.default([]), groups: names.default([]) });

const TEN_YEARS_SECONDS = 10 * 365 * 24 * 3600;
const seconds = z.number().int().min(1).max(TEN_YEARS_SECONDS);

/** Somebody else is asked when nobody has decided by then. */
export const escalationSchema = z.object({
  /** Counted from the moment the review is due. */
  after_seconds: z.number().int().min(0).max(TEN_YEARS_SECONDS),
  /** Who is asked beside the candidates; nobody: those who administer reviews. */
  to: candidatesSchema.default({ users: [], groups: [] }),
});

/** A reason that reviewers choose from when they reject. */
export const rejectOptionSchema = z.object({
  code: line(100),
  title: line(200),
  /** What the graph is told unless the reviewer writes something else. */
  message: z
    .string()
    .max(10_000)
    .refine((text) => !text.includes("\0") && text.isWellFormed(), "must not contain NUL or half a character")
    .optional(),
});

/** Who is told of what happens to a review. */
export const notifySchema = z.object({
  webhooks: z
    .array(line(2_000).refine(isWebAddress, "must be an http or https URL without a password"))
    .max(20)
    .default([]),
  mail: z
    .array(line(320).regex(/^[^\s@<>,;"]+@[^\s@<>,;"]+$/, "must be a mail address"))
    .max(100)
    .default([]),
});

/** What is left of an action's own offer; made of the graph's offer, which it never exceeds. */
export const actionLimitSchema = z.object({
  action: z.number().int().min(0),
  allowed: z.array(z.enum(DECISION_TYPES)).min(1),
  /** JSON pointers; null: as the graph says. */
  editable_paths: z.array(z.string()).nullable(),
});

/**
 * What surrounds a question: who may decide, until when, and what happens otherwise. It is settled when the review opens,
 * of what the graph says, what the policy file says and the defaults, and its digest is part of what a decision is bound to.
 */
export const reviewPolicySchema = z.object({
  risk: z.enum(RISKS).nullable(),
  /** 0 to 100; 50 unless somebody says otherwise. */
  priority: z.number().int().min(0).max(100),
  candidates: candidatesSchema,
  /** Further lists that whoever decides must be on too: where a graph and a rule, or two actions, name different people. */
  also_candidates: z.array(candidatesSchema).optional(),
  due_after_seconds: seconds,
  /** How long before it is due those who are asked are reminded. */
  reminders: z.array(seconds).max(10),
  /** In order. */
  escalations: z.array(escalationSchema).max(10),
  /** How long after the last escalation, or after it is due where there is none, it ends. */
  ends_after_seconds: z.number().int().min(0).max(TEN_YEARS_SECONDS),
  /** What its end does when nobody has decided; `keep` leaves it open for ever. */
  on_timeout: z.enum(["fail", "reject", "approve", "keep"]),
  /** Without it `on_timeout: approve` is refused; on a guarded graph it is refused always. */
  allow_auto_approve: z.boolean(),
  /** Decisions that are taken with a comment only. */
  require_comment: z.array(z.enum(DECISION_TYPES)),
  reject_options: z.array(rejectOptionSchema).max(50),
  notify: notifySchema,
  /** How often a question may be sent back to the graph, and how often it may have to be asked again, before its run fails. */
  max_revisions: z.number().int().min(1).max(100),
  max_restarts: z.number().int().min(0).max(100),
  /** What approve and reject mean to a plain `interrupt()`: the JSON the graph receives. Null: only `respond` is offered. */
  answers: z.object({ approve: jsonSchema.optional(), reject: jsonSchema.optional() }).nullable(),
  /** What the policy file takes from what the graph offers; an action that is not named keeps all of it. */
  limits: z.array(actionLimitSchema).optional(),
});

/** What surrounds a question, settled. */
export type ReviewPolicy = z.infer<typeof reviewPolicySchema>;

/** The part of it that `review()` can state for its question. */
export const statedTermsSchema = reviewPolicySchema
  .pick({
    priority: true,
    candidates: true,
    due_after_seconds: true,
    reminders: true,
    escalations: true,
    ends_after_seconds: true,
    on_timeout: true,
    require_comment: true,
    reject_options: true,
    notify: true,
    max_revisions: true,
  })
  .extend({ risk: z.enum(RISKS) })
  .partial();

/** The part of it that `review()` can state for its question. */
export type StatedTerms = z.infer<typeof statedTermsSchema>;

const HOUR_SECONDS = 3600;

/** What surrounds a question that nobody has said anything about: due in three days, then escalated once, then failed. */
export const DEFAULT_REVIEW_POLICY: ReviewPolicy = {
  risk: null,
  priority: 50,
  candidates: { users: [], groups: [] },
  due_after_seconds: 72 * HOUR_SECONDS,
  reminders: [24 * HOUR_SECONDS],
  escalations: [{ after_seconds: 0, to: { users: [], groups: [] } }],
  ends_after_seconds: 24 * HOUR_SECONDS,
  on_timeout: "fail",
  allow_auto_approve: false,
  require_comment: [],
  reject_options: [],
  notify: { webhooks: [], mail: [] },
  max_revisions: 3,
  max_restarts: 3,
  answers: null,
};

function isWebAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return /^https?:$/.test(protocol) && username === "" && password === "";
}
