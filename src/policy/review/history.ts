import type { AuditedReview } from "../../protocol/audit.ts";
import type { Json } from "../../protocol/json.ts";
import type { ReviewDecision, ReviewTask } from "../../protocol/review.ts";
import { type AuditFault, verifyReview } from "../audit-verify.ts";

/** An effect of a run that carried an answer. */
export interface RanEffect {
  effect_id: string;
  name: string;
  kind: string;
  status: string;
  attempt: number;
  /** Left out, as the receipt is, where the history is redacted. */
  args?: Json;
  /** The receipt. */
  result?: Json;
  error: string | null;
  intent_at: string;
  receipt_at: string | null;
}

/** A run that carried an answer, and what it did outside. */
export interface CarriedRun {
  run_id: string;
  /** Null: it is not there any more. */
  status: string | null;
  error: Json;
  effects: RanEffect[];
}

/** Who looked at it, and at what. */
export interface Viewing {
  principal_id: string;
  at: string;
  version: number | null;
  request_digest: string | null;
}

/** One link of the chain. */
export interface HistoryEvent {
  seq: number;
  at: string;
  kind: string;
  principal_id: string;
  run_id: string | null;
  body: Json;
}

/** A decision, and what its maker could go by. */
export interface MadeDecision extends ReviewDecision {
  /** The permissions and groups its maker held then; `policy` where nobody has decided. */
  held: string[];
  /** What an administrator has set aside: that somebody else was asked, assigned, or had it in hand. */
  overrides: string[];
}

/** Everything about a review, from what was shown to what was done. */
export interface ReviewHistory {
  review_id: string;
  title: string;
  status: string;
  outcome: string | null;
  thread_id: string;
  graph_id: string;
  node: string;
  shown: Pick<
    ReviewTask,
    | "opened_at"
    | "requested_by"
    | "request_digest"
    | "value_digest"
    | "policy_digest"
    | "graph_fingerprint"
    | "checkpoint_id"
  >;
  viewed: Viewing[];
  decisions: MadeDecision[];
  ran: CarriedRun[];
  /** True where whoever asks may read reviews alone: what effects were given and what they gave is of the run. */
  redacted: boolean;
  events: HistoryEvent[];
  chain: { state: "intact" | "broken"; entries: number; head: string | null; fault: AuditFault | null };
}

/** Puts the history of a review together out of what is stored of it. */
export function reviewHistory(
  review: ReviewTask,
  record: AuditedReview,
  decisions: readonly ReviewDecision[],
  ran: readonly CarriedRun[],
  redacted: boolean,
): ReviewHistory {
  const events = record.links.map(({ review_seq: seq, at, kind, principal_id, run_id, body }) => {
    return { seq, at, kind, principal_id, run_id, body: parsed(body) };
  });
  const fault = verifyReview(record);
  const { id, title, status, outcome, thread_id, graph_id, node } = review;
  const { opened_at, requested_by, request_digest, value_digest, policy_digest, graph_fingerprint, checkpoint_id } =
    review;
  return {
    review_id: id,
    title,
    status,
    outcome,
    thread_id,
    graph_id,
    node,
    shown: { opened_at, requested_by, request_digest, value_digest, policy_digest, graph_fingerprint, checkpoint_id },
    viewed: events.filter(({ kind }) => kind === "viewed").map(viewing),
    decisions: decisions.map((decision) => madeDecision(decision, events)),
    ran: redacted ? ran.map((run) => ({ ...run, effects: run.effects.map(withoutData) })) : [...ran],
    redacted,
    events,
    chain: {
      state: fault === null ? "intact" : "broken",
      entries: events.length,
      head: record.links.at(-1)?.hash ?? null,
      fault,
    },
  };
}

function withoutData({ args: _args, result: _result, ...effect }: RanEffect): RanEffect {
  return effect;
}

// One that failed may be gone on with by another run, which closes the review.
const CARRYING = new Set(["resume_queued", "resuming", "resume_failed", "closed"]);

/** The runs that a review's chain says have carried an answer to it, in order. */
export function carryingRuns({ links }: AuditedReview): string[] {
  const runs = links.filter(({ kind }) => CARRYING.has(kind)).map(({ run_id }) => run_id);
  return [...new Set(runs.filter((run_id) => run_id !== null))];
}

function viewing({ principal_id, at, body }: HistoryEvent): Viewing {
  const { version, request_digest } = fieldsOf(body);
  return {
    principal_id,
    at,
    version: typeof version === "number" ? version : null,
    request_digest: typeof request_digest === "string" ? request_digest : null,
  };
}

function madeDecision(decision: ReviewDecision, events: readonly HistoryEvent[]): MadeDecision {
  const link = events.find(({ kind, body }) => kind === "decided" && fieldsOf(body)["decision_id"] === decision.id);
  const { held, overrides } = fieldsOf(link?.body ?? null);
  return { ...decision, held: texts(held), overrides: texts(overrides) };
}

const texts = (value: Json | undefined) =>
  Array.isArray(value) ? value.filter((text): text is string => typeof text === "string") : [];

function fieldsOf(body: Json): Record<string, Json> {
  return typeof body === "object" && body !== null && !Array.isArray(body) ? body : {};
}

/** A body that was damaged is shown as the text it is. */
function parsed(body: string): Json {
  try {
    return JSON.parse(body) as Json;
  } catch {
    return body;
  }
}
