import type { Flavour, ReviewAction } from "./interrupt.ts";
import type { Json } from "./json.ts";
import type { ReviewPolicy, Risk } from "./review-policy.ts";

/** `open` and `info_requested` wait for a person; `decided` has its answer queued; `resuming` is being applied. */
export const REVIEW_STATUSES = [
  "open",
  "info_requested",
  "decided",
  "resuming",
  "closed",
  "stale",
  "resume_failed",
  "cancelled",
  "superseded",
  "failed",
] as const;

/** Where a review stands. */
export type ReviewStatus = (typeof REVIEW_STATUSES)[number];

/** How it was answered. */
export type ReviewOutcome = "approved" | "edited" | "rejected" | "responded" | "mixed";

/** A pause that waits for a person, as the API shows it. */
export interface ReviewTask {
  id: string;
  /** Raised by every change; travels as ETag and If-Match. */
  version: number;
  group_id: string;
  status: ReviewStatus;
  outcome: ReviewOutcome | null;
  /** Why it is stale, superseded, cancelled or failed, for a person. */
  status_reason: string | null;
  thread_id: string;
  run_id: string;
  /** The run that carries the answer. */
  resume_run_id: string | null;
  graph_id: string;
  graph_fingerprint: string;
  assistant_id: string | null;
  node: string;
  checkpoint_id: string;
  checkpoint_ns: string;
  task_id: string;
  /** null: a static breakpoint. */
  interrupt_id: string | null;
  flavour: Flavour;
  guarded: boolean;
  title: string;
  /** Markdown written by the graph or a model: hostile until rendered. */
  description: string;
  value: Json;
  response_schema: Record<string, Json> | null;
  actions: ReviewAction[];
  value_digest: string;
  policy_digest: string;
  /** What a decision's `seen_digest` must equal. */
  request_digest: string;
  requested_by: string;
  /** Who may decide, until when, and what happens otherwise, as settled when the review opened. */
  policy: ReviewPolicy;
  risk: Risk | null;
  /** 0 to 100. */
  priority: number;
  /** Who is asked, those it was escalated to included; both empty: everybody who may decide at all. */
  candidates: { users: string[]; groups: string[] };
  /** Who is to decide it. */
  assignee: string | null;
  /** Who has it in hand, and until when; what is over counts no more. */
  claim: { by: string; until: string } | null;
  snoozed_until: string | null;
  /** Which turn of the same question this is, and how often it had to be asked again. */
  revision: number;
  restarts: number;
  /** The review that this one comes after. */
  revises: string | null;
  due_at: string | null;
  /** What happens while nobody decides, in order; known from the moment it opens. */
  deadlines: ReviewDeadline[];
  /** When the next reminder, escalation or end is. */
  next_at: string | null;
  /** The thread that this one was copied from, for a question that came along with the copy. */
  forked_from: string | null;
  /** The review that asks in its place, once the thread has paused again; null where nothing is asked instead. */
  superseded_by: string | null;
  opened_at: string;
  decided_at: string | null;
  resumed_at: string | null;
  closed_at: string | null;
  /** The decision that stands, once there is one. */
  decision: ReviewDecision | null;
}

/** A step of a review's timetable: those who are asked are reminded, others are asked as well, or its time is over. */
export type ReviewDeadline = { at: string; done: boolean } & (
  | { step: "reminder" }
  | { step: "escalation"; level: number; to: { users: string[]; groups: string[] } }
  | { step: "end"; action: "fail" | "reject" | "approve" }
);

/** What a person said, and what bound it. */
export interface ReviewDecision {
  id: string;
  principal_id: string;
  display_name: string;
  channel: string;
  at: string;
  decisions: Json;
  comment: string | null;
  /** One of the policy's reasons for a rejection. */
  reason_code: string | null;
  /** RFC 6902: from the proposed arguments to the decided ones. */
  diff: Json;
  binding: string;
}

/** How many reviews there are of each kind that somebody may have to do something about. */
export interface ReviewCounts {
  open: number;
  info_requested: number;
  decided: number;
  resuming: number;
  resume_failed: number;
  stale: number;
  mine: number;
  my_groups: number;
  unclaimed: number;
  overdue: number;
  snoozed: number;
  high_risk: number;
}
