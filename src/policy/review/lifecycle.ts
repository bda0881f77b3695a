import type { ReviewStatus } from "../../protocol/review.ts";

/** What can happen to a review. A decided review is never reopened: a new question is a new review. */
export type ReviewEvent =
  | "ask_info"
  | "give_info"
  | "decide"
  | "apply"
  | "close"
  | "fail_resume"
  | "retry_resume"
  | "go_stale"
  | "cancel"
  | "supersede"
  | "time_out";

const ENDED: Record<ReviewEvent, null> = {
  ask_info: null,
  give_info: null,
  decide: null,
  apply: null,
  close: null,
  fail_resume: null,
  retry_resume: null,
  go_stale: null,
  cancel: null,
  supersede: null,
  time_out: null,
};

const WAITING = {
  ...ENDED,
  decide: "decided",
  go_stale: "stale",
  cancel: "cancelled",
  supersede: "superseded",
  time_out: "failed",
} as const;

/** What each event makes of each status; null: refused. */
export const REVIEW_TRANSITIONS: Record<ReviewStatus, Record<ReviewEvent, ReviewStatus | null>> = {
  open: { ...WAITING, ask_info: "info_requested" },
  // Another question may come while the first one waits.
  info_requested: { ...WAITING, ask_info: "info_requested", give_info: "open" },
  // Superseded only while the rest of its group is open: once a run carries the answer, that run comes first.
  decided: {
    ...ENDED,
    apply: "resuming",
    go_stale: "stale",
    fail_resume: "resume_failed",
    cancel: "cancelled",
    supersede: "superseded",
  },
  // A worker that dies while applying is followed by another, which applies again.
  resuming: {
    ...ENDED,
    apply: "resuming",
    close: "closed",
    fail_resume: "resume_failed",
    go_stale: "stale",
    cancel: "cancelled",
  },
  // Closed when a later run of the thread goes on from where the resume failed.
  resume_failed: { ...ENDED, retry_resume: "decided", close: "closed", supersede: "superseded", cancel: "cancelled" },
  stale: { ...ENDED, supersede: "superseded", cancel: "cancelled" },
  closed: ENDED,
  cancelled: ENDED,
  superseded: ENDED,
  failed: ENDED,
};

/** True while the review's question stands: unanswered, or answered while the rest of its group is not. */
export function isWaiting(review: { status: ReviewStatus; resume_run_id: string | null }): boolean {
  return isOpen(review.status) || (review.status === "decided" && review.resume_run_id === null);
}

/** True while a person can still answer. */
export function isOpen(status: ReviewStatus): boolean {
  return REVIEW_TRANSITIONS[status].decide !== null;
}
