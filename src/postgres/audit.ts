import { CHAIN_START, linkHash } from "../policy/audit-chain.ts";
import { type NoticedReview, noticeOf } from "../policy/review/notice.ts";
import {
  type ChainEnd,
  insertReviewAudit,
  insertReviewAuditAndTell,
  insertRunAudit,
  reviewChainEnds,
} from "./audit.sql.ts";
import type { Queryable } from "./database.ts";
import type { Statement } from "./sql.ts";

/** The row that says what happened to a run; part of the transaction that makes it happen. */
export function runAudit(
  run: { tenant_id: string; thread_id: string; run_id: string | null },
  kind: string,
  principal_id: string,
  body: Record<string, unknown> = {},
): Statement {
  const { tenant_id, thread_id, run_id } = run;
  return insertRunAudit({ tenant_id, thread_id, run_id, kind, principal_id, body: JSON.stringify(body) });
}

/** Records what happened to a run, in the transaction that made it happen. */
export async function auditRun(tx: Queryable, ...row: Parameters<typeof runAudit>): Promise<void> {
  await tx.run(runAudit(...row));
}

/** What happened to a review. */
export interface ReviewAuditEvent {
  kind: string;
  principal_id: string;
  /** The transaction's `holdpoint.now()`. */
  at: string;
  run_id?: string | null;
  body?: Record<string, unknown>;
}

// Where chains end, as far as a transaction has read or written them: several links then cost one look.
const knownEnds = new WeakMap<Queryable, Map<string, Pick<ChainEnd, "review_seq" | "hash">>>();

/** Remembers, for the rest of the transaction, the ends that `reviewChainEnds` gave for these reviews. */
export function noteChainEnds(tx: Queryable, review_ids: readonly string[], rows: readonly ChainEnd[]): void {
  const ends = knownEnds.get(tx) ?? new Map<string, Pick<ChainEnd, "review_seq" | "hash">>();
  for (const id of review_ids) {
    ends.set(id, rows.find(({ review_id }) => review_id === id) ?? { review_seq: 0, hash: CHAIN_START });
  }
  knownEnds.set(tx, ends);
}

/** Adds a link to the review's chain. The caller holds the review's row, so no two links can follow the same one. */
export async function auditReview(tx: Queryable, ...link: LinkArguments): Promise<void> {
  await tx.run(await reviewLink(tx, ...link));
}

type LinkArguments = [review: NoticedReview & { tenant_id: string }, event: ReviewAuditEvent];

/**
 * The statement that adds a link, and has told whoever is to be told of it; it must be sent, and before the one of the
 * next link of the same review.
 */
export async function reviewLink(tx: Queryable, ...[review, event]: LinkArguments): Promise<Statement> {
  const { tenant_id, id: review_id, thread_id } = review;
  if (knownEnds.get(tx)?.get(review_id) === undefined) {
    noteChainEnds(tx, [review_id], await tx.many(reviewChainEnds(tenant_id, [review_id])));
  }
  const ends = knownEnds.get(tx) as Map<string, Pick<ChainEnd, "review_seq" | "hash">>;
  const { review_seq: last, hash: prev_hash } = ends.get(review_id) as Pick<ChainEnd, "review_seq" | "hash">;
  const { kind, at, principal_id, run_id = null, body = {} } = event;
  const review_seq = last + 1;
  const link = {
    tenant_id,
    review_id,
    review_seq,
    kind,
    at,
    principal_id,
    thread_id,
    run_id,
    body: JSON.stringify(body),
  };
  const hash = linkHash(prev_hash, link);
  ends.set(review_id, { review_seq, hash });
  const told = noticeOf(review, { kind, at, principal_id, body, seq: review_seq });
  if (told === undefined) return insertReviewAudit({ ...link, prev_hash, hash });
  return insertReviewAuditAndTell(
    { ...link, prev_hash, hash },
    { event: told.notice.event, run_id: review.run_id, body: JSON.stringify(told.notice), ...told.targets },
  );
}
