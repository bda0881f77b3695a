// What to send into the graph for a decided group (T-apply). LangGraph answers the *next* question with a resume that
// is sent twice, and ignores one whose question is gone; so the checkpoint is read first, every time.
import type { Json } from "../../protocol/json.ts";

/** A decided review and the answer the graph is to receive. */
export interface DecidedReview {
  id: string;
  node: string;
  task_id: string;
  interrupt_id: string | null;
  ordinal: number;
  /** How many answers the asking task has read by now. */
  answers_read: number;
  checkpoint_id: string;
  value_digest: string;
  answer: Json | undefined;
}

/** The thread's head as the checkpointer and the graph see it. */
export interface HeadFacts {
  checkpoint_id: string | null;
  /** Tasks that still have to run. */
  next_tasks: ReadonlySet<string>;
  /** Tasks whose output is stored. */
  finished_tasks: ReadonlySet<string>;
  /** Pending interrupts by id, with the digest of what each shows. */
  pending: ReadonlyMap<string, string>;
  nodes: ReadonlySet<string>;
}

/** What to do. */
export type Application =
  /** Send these answers by interrupt id. */
  | { kind: "answer"; resume: Record<string, Json> }
  /** Everything is answered already, or a breakpoint is passed: go on with null. */
  | { kind: "continue" }
  /** What was decided can no longer be applied. */
  | { kind: "stale"; reason: string };

/** Chooses per review: answer by id, already read, already applied, or stale; any stale one stops the whole group. */
export function applyDecisions(reviews: readonly DecidedReview[], head: HeadFacts): Application {
  const resume: Record<string, Json> = {};
  for (const review of reviews) {
    const reason = staleReason(review, head);
    if (reason !== null) return { kind: "stale", reason };
    if (review.interrupt_id === null || head.finished_tasks.has(review.task_id) || isRead(review)) continue;
    resume[review.interrupt_id] = review.answer ?? null;
  }
  return Object.keys(resume).length === 0 ? { kind: "continue" } : { kind: "answer", resume };
}

// An answer that was read must not be sent again: the same id would answer the task's next question.
const isRead = (review: DecidedReview) => review.answers_read > review.ordinal;

function staleReason(review: DecidedReview, head: HeadFacts): string | null {
  if (!head.nodes.has(review.node)) return `the graph no longer has the node "${review.node}"`;
  if (head.checkpoint_id !== review.checkpoint_id) {
    return `the thread has moved from checkpoint ${review.checkpoint_id} to ${head.checkpoint_id ?? "none"}`;
  }
  if (head.finished_tasks.has(review.task_id)) return null;
  if (!head.next_tasks.has(review.task_id)) return `the graph would no longer run the node "${review.node}" next`;
  if (review.interrupt_id === null || isRead(review)) return null;
  const shown = head.pending.get(review.interrupt_id);
  if (shown === undefined) return `the node "${review.node}" no longer asks this question`;
  if (shown !== review.value_digest) return `the node "${review.node}" has asked again since and shows something else`;
  return null;
}
