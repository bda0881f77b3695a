import { z } from "zod";
import { reviewActionSchema } from "./interrupt.ts";
import { jsonSchema } from "./json.ts";
import { REVIEW_STATUSES, type ReviewCounts, type ReviewTask } from "./review.ts";
import { RISKS, reviewPolicySchema } from "./review-policy.ts";

// What is answered of reviews. These describe: nothing that leaves is parsed by them.

const moment = z.iso.datetime({ offset: true });
const id = z.uuid();
const json = jsonSchema;
const object = z.record(z.string(), json);
const people = z.object({ users: z.array(z.string()), groups: z.array(z.string()) });

const decisionWire = z
  .object({
    id,
    principal_id: z.string(),
    display_name: z.string(),
    channel: z.string(),
    at: moment,
    decisions: json,
    comment: z.string().nullable(),
    reason_code: z.string().nullable(),
    diff: json.describe("RFC 6902: from the proposed arguments to the decided ones."),
    binding: z.string(),
  })
  .meta({ id: "ReviewDecision" });

const step = { at: moment, done: z.boolean() };
const deadlineWire = z
  .discriminatedUnion("step", [
    z.object({ ...step, step: z.literal("reminder") }),
    z.object({ ...step, step: z.literal("escalation"), level: z.int(), to: people }),
    z.object({ ...step, step: z.literal("end"), action: z.enum(["fail", "reject", "approve"]) }),
  ])
  .meta({ id: "ReviewDeadline" });

/** A review, as it is answered. */
export const reviewWire = z
  .object({
    id,
    version: z.int().describe("Raised by every change; travels as ETag and If-Match."),
    group_id: id,
    status: z.enum(REVIEW_STATUSES),
    outcome: z.enum(["approved", "edited", "rejected", "responded", "mixed"]).nullable(),
    status_reason: z.string().nullable(),
    thread_id: id,
    run_id: id,
    resume_run_id: id.nullable(),
    graph_id: z.string(),
    graph_fingerprint: z.string(),
    assistant_id: id.nullable(),
    node: z.string(),
    checkpoint_id: z.string(),
    checkpoint_ns: z.string(),
    task_id: z.string(),
    interrupt_id: z.string().nullable(),
    flavour: z.enum(["review", "hitl", "hitl_py", "agent_inbox", "schema", "raw", "breakpoint"]),
    guarded: z.boolean(),
    title: z.string(),
    description: z.string().describe("Markdown written by the graph or a model: hostile until rendered."),
    value: json,
    response_schema: object.nullable(),
    actions: z.array(reviewActionSchema),
    value_digest: z.string(),
    policy_digest: z.string(),
    request_digest: z.string().describe("What a decision's seen_digest must equal."),
    requested_by: z.string(),
    policy: reviewPolicySchema,
    risk: z.enum(RISKS).nullable(),
    priority: z.int().min(0).max(100),
    candidates: people,
    assignee: z.string().nullable(),
    claim: z.object({ by: z.string(), until: moment }).nullable(),
    snoozed_until: moment.nullable(),
    revision: z.int(),
    restarts: z.int(),
    revises: id.nullable(),
    due_at: moment.nullable(),
    deadlines: z.array(deadlineWire),
    next_at: moment.nullable(),
    forked_from: id.nullable(),
    superseded_by: id.nullable(),
    opened_at: moment,
    decided_at: moment.nullable(),
    resumed_at: moment.nullable(),
    closed_at: moment.nullable(),
    decision: decisionWire.nullable(),
  })
  .meta({ id: "Review" }) satisfies z.ZodType<ReviewTask>;

/** What is answered to a decision: the review as it is now, and the run that carries the answer. */
export const decidedWire = z.object({ review: reviewWire, run_id: id.nullable() }).meta({ id: "Decided" });

/** The same of several reviews. */
export const groupDecidedWire = z
  .object({ reviews: z.array(reviewWire), run_id: id.nullable() })
  .meta({ id: "GroupDecided" });

const count = z.int().min(0);

/** How many reviews there are of each kind, as it is answered. */
export const reviewCountsWire = z
  .object({
    open: count,
    info_requested: count,
    decided: count,
    resuming: count,
    resume_failed: count,
    stale: count,
    mine: count,
    my_groups: count,
    unclaimed: count,
    overdue: count,
    snoozed: count,
    high_risk: count,
  })
  .meta({ id: "ReviewCounts" }) satisfies z.ZodType<ReviewCounts>;
