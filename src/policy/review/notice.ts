import type { CanonicalDecision } from "../../protocol/decision.ts";
import type { ReviewAction } from "../../protocol/interrupt.ts";
import { REVIEW_STATUSES, type ReviewStatus } from "../../protocol/review.ts";
import type { ReviewPolicy, Risk } from "../../protocol/review-policy.ts";
import { outcomeOf } from "./normalise.ts";

/** What a notice says of a review as its row has it. */
interface ToldAsIs {
  group_id: string;
  thread_id: string;
  run_id: string;
  graph_id: string;
  node: string;
  title: string;
  status: ReviewStatus;
  outcome: string | null;
  risk: Risk | null;
  priority: number;
  revision: number;
  due_at: string | null;
  assignee: string | null;
  requested_by: string;
}

/** What happened to a review, as somebody outside is told it. */
export interface ReviewNotice extends ToldAsIs {
  event: string;
  /** The link of the review's chain that says so; the number of the link tells which of two notices is the later one. */
  kind: string;
  seq: number;
  at: string;
  by: string;
  review_id: string;
  /** What would happen, one sentence an action; the first few. */
  effects: string[];
  more_effects: number;
  /** Why it ended, or what is asked. */
  reason: string | null;
}

/** What of a review's row a notice is made of. */
export interface NoticedReview extends ToldAsIs {
  id: string;
  /** As JSON. */
  actions: string;
  policy: string;
}

/** A link of a review's chain, as far as a notice goes by it. */
export interface NoticedLink {
  kind: string;
  seq: number;
  at: string;
  principal_id: string;
  body: Readonly<Record<string, unknown>>;
}

/** Who is told: addresses of webhooks, and `mailto:` with the address of a person. */
export interface NoticeTargets {
  webhooks: string[];
  mail: string[];
}

interface NotifyingKind {
  event: string;
  /** Only what somebody may have to do something about is worth a mail. */
  isMailed: boolean;
}

const mailed = (event: string): NotifyingKind => ({ event, isMailed: true });
const quiet = (event: string): NotifyingKind => ({ event, isMailed: false });

const NOTIFYING: ReadonlyMap<string, NotifyingKind> = new Map([
  ["opened", mailed("review.opened")],
  ["assigned", mailed("review.assigned")],
  ["delegated", mailed("review.assigned")],
  ["info_requested", mailed("review.info_requested")],
  ["escalated", mailed("review.escalated")],
  ["reminded", mailed("review.due_soon")],
  ["decided", quiet("review.decided")],
  ["resume_failed", mailed("review.resume_failed")],
  ["superseded", quiet("review.superseded")],
  ["cancelled", quiet("review.cancelled")],
  ["stale", mailed("review.stale")],
  ["failed", mailed("review.failed")],
  ["bypassed", mailed("review.bypassed")],
]);

const LONGEST_TITLE = 300;
const LONGEST_EFFECT = 300;
const LONGEST_REASON = 1_000;
const EFFECTS = 5;

/** What there is to tell of a link, and to whom beside those of the whole server; undefined for what nobody is told. */
export function noticeOf(
  review: NoticedReview,
  link: NoticedLink,
): { notice: ReviewNotice; targets: NoticeTargets } | undefined {
  const known = NOTIFYING.get(link.kind);
  if (known === undefined) return undefined;
  const { notify } = JSON.parse(review.policy) as Partial<ReviewPolicy>;
  const mail = known.isMailed ? (notify?.mail ?? []).map((address) => storable(`mailto:${address}`)) : [];
  const actions = JSON.parse(review.actions) as ReviewAction[];
  const notice: ReviewNotice = {
    event: known.event,
    kind: link.kind,
    seq: link.seq,
    at: link.at,
    by: link.principal_id,
    review_id: review.id,
    group_id: review.group_id,
    thread_id: review.thread_id,
    run_id: review.run_id,
    graph_id: review.graph_id,
    node: review.node,
    title: clipped(review.title, LONGEST_TITLE),
    status: isStatus(link.kind) ? link.kind : review.status,
    outcome: outcomeAfter(review, link),
    risk: review.risk,
    priority: review.priority,
    revision: review.revision,
    due_at: review.due_at,
    assignee: review.assignee,
    requested_by: review.requested_by,
    effects: actions.slice(0, EFFECTS).map(({ preview, name }) => clipped(preview ?? `${name} runs.`, LONGEST_EFFECT)),
    more_effects: Math.max(0, actions.length - EFFECTS),
    reason: reasonOf(link.body),
  };
  return { notice, targets: { webhooks: (notify?.webhooks ?? []).map(storable), mail } };
}

/** The row was read before the link was written: where both speak of the same, the link is right. */
function isStatus(kind: string): kind is ReviewStatus {
  return (REVIEW_STATUSES as readonly string[]).includes(kind);
}

function outcomeAfter(review: NoticedReview, { kind, body }: NoticedLink): string | null {
  const { decisions } = body;
  return kind === "decided" && Array.isArray(decisions) ? outcomeOf(decisions as CanonicalDecision[]) : review.outcome;
}

function reasonOf(body: Readonly<Record<string, unknown>>): string | null {
  const said = [body["reason"], body["message"], body["question"]].find((text) => typeof text === "string");
  return said === undefined ? null : clipped(said as string, LONGEST_REASON);
}

/** Postgres holds no NUL, and what is not an address must not keep a review from opening: it fails when it is sent. */
function storable(target: string): string {
  return target.replaceAll("\0", "\ufffd");
}

/** Never half a character: what is cut is stored, signed and sent. */
function clipped(text: string, longest: number): string {
  return (text.length <= longest ? text : `${text.slice(0, longest - 1)}…`).toWellFormed();
}
