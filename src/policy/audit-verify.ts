import { z } from "zod";
import { type AuditedReview, recordedEffectSchema } from "../protocol/audit.ts";
import { REVIEW_STATUSES } from "../protocol/review.ts";
import { CHAIN_START, linkHash } from "./audit-chain.ts";
import { digest } from "./digest.ts";
import { receiptDigest } from "./recorded-effect.ts";

/** What does not fit: the entry's own hash, the one before it, its place, or a row that it speaks of. */
export type AuditFaultKind = "hash" | "prev_hash" | "gap" | "order" | "row";

/** The first entry of a review's record that does not hold. */
export interface AuditFault {
  review_id: string;
  /** Which entry of the review's chain, from 1. */
  seq: number;
  /** The row of the audit log; null where it is missing. */
  audit_seq: number | null;
  what: AuditFaultKind;
  message: string;
}

type Link = AuditedReview["links"][number];
type Fault = Omit<AuditFault, "review_id">;

/** Checks one review: first that its chain is whole, then that the rows are what the chain says. Null: everything holds. */
export function verifyReview(audited: AuditedReview): AuditFault | null {
  const fault = chainFault(audited) ?? rowFault(audited);
  return fault === null ? null : { review_id: audited.review_id, ...fault };
}

function chainFault({ review_id, review, links }: AuditedReview): Fault | null {
  const [first] = links;
  if (first === undefined) return { seq: 1, audit_seq: null, what: "gap", message: "the review has no entry at all" };
  if (review === null) {
    const { review_seq: seq, audit_seq } = first;
    return { seq, audit_seq, what: "row", message: `it names review ${review_id}, which does not exist` };
  }
  let previous: Link | undefined;
  for (const [position, link] of links.entries()) {
    const what = brokenPart(link, previous, position + 1);
    if (what !== null) return { seq: position + 1, audit_seq: link.audit_seq, ...what };
    previous = link;
  }
  return null;
}

function brokenPart(link: Link, previous: Link | undefined, seq: number): Pick<Fault, "what" | "message"> | null {
  const { audit_seq: _place, prev_hash, hash, ...covered } = link;
  if (link.review_seq !== seq)
    return { what: "gap", message: `entry ${seq} is missing; entry ${link.review_seq} stands in its place` };
  if (previous !== undefined && link.audit_seq <= previous.audit_seq)
    return { what: "order", message: `it was written before entry ${seq - 1}` };
  if (prev_hash !== (previous?.hash ?? CHAIN_START))
    return {
      what: "prev_hash",
      message: `its prev_hash is not the hash of ${seq === 1 ? "a beginning" : `entry ${seq - 1}`}`,
    };
  if (hash === null || !covers(hash, prev_hash, covered))
    return { what: "hash", message: "its hash is not that of its content: something in it was changed" };
  return null;
}

/** False also for content that cannot be hashed at all: nothing that we have written is like that. */
function covers(hash: string, prev_hash: string, covered: Omit<Link, "audit_seq" | "prev_hash" | "hash">): boolean {
  try {
    return linkHash(prev_hash, { ...covered, thread_id: covered.thread_id ?? "" }) === hash;
  } catch {
    return false;
  }
}

function rowFault(audited: AuditedReview): Fault | null {
  const bodies = audited.links.map((link) => ({ link, body: recordIn(link.body) }));
  for (const { link, body } of bodies) {
    const message =
      (link.kind === "opened" ? openedFault(audited, body) : null) ??
      (link.kind === "decided" ? decidedFault(audited, body) : null) ??
      effectsFault(audited, body);
    if (message !== null) return { seq: link.review_seq, audit_seq: link.audit_seq, what: "row", message };
  }
  const missing =
    unrecordedFault(
      audited,
      bodies.map(({ body }) => body),
    ) ?? statusFault(audited);
  // The chain cannot tell that its end is gone; the rows can.
  return missing === null ? null : { seq: audited.links.length + 1, audit_seq: null, what: "gap", message: missing };
}

function openedFault({ review }: AuditedReview, body: Record<string, unknown>): string | null {
  if (review === null) return null;
  for (const name of ["value_digest", "policy_digest", "request_digest"] as const) {
    const recorded = body[name];
    if (recorded !== undefined && recorded !== review[name])
      return `the review's ${name} is ${review[name]}, and was ${String(recorded)} when it opened`;
  }
  for (const name of ["value", "actions"] as const) {
    if (body[name] !== undefined && !isSame(parsed(review[name]), body[name]))
      return `the review's ${name} are not what was shown when it opened`;
  }
  if (body["policy_digest"] !== undefined && digestOf(review.policy) !== review.policy_digest)
    return "the review's policy is not the one that it opened with";
  return null;
}

const DECIDED_TEXTS = ["decisions_digest", "comment", "reason_code", "binding", "channel"] as const;

function decidedFault({ decisions, links }: AuditedReview, body: Record<string, unknown>): string | null {
  const row = decisions.find(({ id }) => id === body["decision_id"]);
  if (row === undefined) return `decision ${String(body["decision_id"])} is missing`;
  const wrong = DECIDED_TEXTS.find((name) => (body[name] ?? null) !== row[name]);
  if (wrong !== undefined) return `the ${wrong} of decision ${row.id} is not the one that was recorded`;
  for (const name of ["decisions", "diff"] as const) {
    if (!isSame(parsed(row[name]), body[name]))
      return `the ${name} of decision ${row.id} are not those that were recorded`;
  }
  if (digestOf(row.decisions) !== row.decisions_digest)
    return `decision ${row.id} does not have the digest that it names`;
  const link = links.find(({ kind, body: said }) => kind === "decided" && recordIn(said)["decision_id"] === row.id);
  return link?.principal_id === row.principal_id
    ? null
    : `decision ${row.id} is by ${row.principal_id}, and was made by ${link?.principal_id ?? "nobody"}`;
}

const recordedEffects = z.array(recordedEffectSchema);

function effectsFault({ effects }: AuditedReview, body: Record<string, unknown>): string | null {
  const said = recordedEffects.safeParse(body["effects"] ?? []);
  if (!said.success) return "what it says of effects cannot be read";
  for (const recorded of said.data) {
    const row = effects.find(({ effect_id }) => effect_id === recorded.effect_id);
    if (row === undefined) return `effect ${recorded.effect_id} (${recorded.name}) is missing`;
    const isOther = (["name", "kind", "args_digest"] as const).some((name) => row[name] !== recorded[name]);
    if (isOther || digestOf(row.args) !== row.args_digest)
      return `effect ${row.effect_id} is not the one that was recorded`;
    if (recorded.status === "receipt" && row.status !== "receipt")
      return `effect ${row.effect_id} has lost its receipt`;
    if (recorded.result_digest !== null && receiptDigest(row.result ?? "") !== recorded.result_digest)
      return `the receipt of effect ${row.effect_id} is not the one that was recorded`;
  }
  return null;
}

/** Decisions that no entry speaks of. */
function unrecordedFault({ decisions }: AuditedReview, bodies: readonly Record<string, unknown>[]): string | null {
  const stray = decisions.find(({ id }) => !bodies.some((body) => body["decision_id"] === id));
  return stray === undefined ? null : `decision ${stray.id} has no entry: it is missing, or the decision was added`;
}

const STATUS_OF: Readonly<Record<string, string>> = {
  opened: "open",
  info_given: "open",
  resume_queued: "decided",
  ...Object.fromEntries(REVIEW_STATUSES.map((status) => [status, status])),
};

function statusFault({ review, links }: AuditedReview): string | null {
  const last = links.findLast(({ kind }) => Object.hasOwn(STATUS_OF, kind));
  const recorded = last === undefined ? "never opened" : STATUS_OF[last.kind];
  return review === null || recorded === review.status
    ? null
    : `the review is ${review.status} and by its entries ${recorded}: the entry that says so is missing, or the review was changed`;
}

function recordIn(body: string): Record<string, unknown> {
  const value = parsed(body);
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** By their JSON, keys in any order; also for the strings that the canonical form refuses. */
function isSame(left: unknown, right: unknown): boolean {
  return sorted(left) === sorted(right);
}

function sorted(value: unknown): string | undefined {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

function digestOf(json: string): string | null {
  try {
    return digest(JSON.parse(json));
  } catch {
    return null;
  }
}
