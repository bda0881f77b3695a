import type { ReviewNotice } from "./notice.ts";

/** The page of a review. */
export function reviewLinkUrl(publicUrl: string, review_id: string): string {
  return `${publicUrl}/reviews/${encodeURIComponent(review_id)}`;
}

/**
 * What a webhook is told of a review: who, which, where it stands and where to look. Not what would happen with which
 * arguments: a receiver that needs that asks for it, as somebody who may read it.
 */
export function reviewWebhookBody(notice: ReviewNotice, publicUrl: string): string {
  const { event, at, seq, by, review_id, group_id, thread_id, run_id, graph_id, node } = notice;
  const { title, status, outcome, risk, priority, revision, due_at, assignee, requested_by } = notice;
  return JSON.stringify({
    type: event,
    timestamp: at,
    data: {
      review_id,
      group_id,
      thread_id,
      run_id,
      graph_id,
      node,
      title,
      status,
      outcome,
      risk,
      priority,
      revision,
      due_at,
      assignee,
      requested_by,
      by,
      seq,
      url: reviewLinkUrl(publicUrl, review_id),
    },
  });
}
