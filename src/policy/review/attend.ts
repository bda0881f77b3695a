// What people do about a review beside deciding it: pure, like what decides it. Nothing here changes what a decision is
// bound to; a question to a person and its answer change the status, and with it the version.
import type { Act } from "../../protocol/attend.ts";
import { HoldpointError } from "../../protocol/errors.ts";
import { escalate } from "./attend-escalate.ts";
import type { AttendContext, Attended, AttendedReview } from "./attendance.ts";
import { REVIEW_TRANSITIONS } from "./lifecycle.ts";
import { claimOf, mayBeAsked, type Override, type Person, refuseClaimed, refuseStrangers } from "./may-decide.ts";
import { refuse, refuseCancelled, refuseOver } from "./refuse-over.ts";

/** How long a claim holds; claiming again renews it. */
export const CLAIM_SECONDS = 15 * 60;

const TEN_YEARS_MS = 10 * 365 * 24 * 3600 * 1000;

/** What an act does; null: nothing is to be done. A refusal is thrown. */
export function attendReview(review: AttendedReview, act: Act, context: AttendContext): Attended | null {
  const { person } = context;
  if (person.kind === "agent" || person.kind === "system") {
    throw denied(review, person, "people look after reviews, not agents");
  }
  switch (act.type) {
    case "view":
      return view(review, context);
    case "comment":
      refuseEnded(review);
      refuseUninvolved(review, context);
      return { kind: "commented", body: { text: act.text }, change: {} };
    case "answer":
      refuseOver(refuseCancelled(review));
      return answer(review, act.text, context);
    default:
      refuseOver(refuseCancelled(review));
      return attendOpen(review, act, context);
  }
}

type OpenAct = Exclude<Act, { type: "view" | "comment" | "answer" }>;

function attendOpen(review: AttendedReview, act: OpenAct, context: AttendContext): Attended | null {
  const { now, person } = context;
  if (act.type === "release") return release(review, context);
  const overrides = refuseStrangers(review, person, now);
  // Neither decides anything, nor takes it from whoever has it in hand.
  if (act.type !== "snooze" && act.type !== "escalate") overrides.push(...refuseClaimed(review, person, now));
  const noted = overrides.length === 0 ? {} : { overrides };
  switch (act.type) {
    case "claim":
      return claim(review, context, noted);
    case "assign":
      return hand(review, act.to, "assigned", context, noted);
    case "delegate":
      if (review.assignee !== person.principal_id) throw denied(review, person, "only its assignee hands it on");
      return hand(review, act.to, "delegated", context, noted);
    case "snooze":
      return snooze(review, act.until, now, noted);
    case "escalate":
      if (act.to !== null) knownPerson(review, act.to, context);
      return escalate(review, act, context, noted);
    case "ask": {
      const status = REVIEW_TRANSITIONS[review.status].ask_info ?? review.status;
      if (act.to !== null) knownPerson(review, act.to, context);
      return { kind: "info_requested", body: { question: act.question, to: act.to, ...noted }, change: { status } };
    }
  }
}

type Noted = { overrides?: Override[] };

function claim(review: AttendedReview, { now, person }: AttendContext, noted: Noted): Attended {
  const renewed = claimOf(review, now)?.by === person.principal_id;
  const until = new Date(Date.parse(now) + CLAIM_SECONDS * 1000).toISOString();
  return {
    kind: "claimed",
    body: { until, renewed, ...noted },
    change: { claimed_by: person.principal_id, claimed_until: until },
  };
}

function release(review: AttendedReview, { now, person }: AttendContext): Attended | null {
  const claim = claimOf(review, now);
  if (claim === null) return null;
  const overrides = refuseClaimed(review, person, now);
  return {
    kind: "released",
    body: { claimed_by: claim.by, ...(overrides.length === 0 ? {} : { overrides }) },
    change: { claimed_by: null, claimed_until: null },
  };
}

/** Whoever gets it is somebody who is asked anyway; only an administrator brings others in. */
function hand(
  review: AttendedReview,
  to: string | null,
  kind: "assigned" | "delegated",
  context: AttendContext,
  noted: Noted,
): Attended | null {
  if (to === review.assignee) return null;
  const { person, now } = context;
  const dropped = review.claimed_by === to ? {} : { claimed_by: null, claimed_until: null };
  if (to !== null) {
    const named = knownPerson(review, to, context);
    const isAdmin = person.permissions.has("review:admin");
    if (!isAdmin && !mayBeAsked(review, named, now)) throw denied(review, person, `${to} is not among those it is for`);
  }
  return { kind, body: { to, from: review.assignee, ...noted }, change: { assignee: to, ...dropped } };
}

function snooze(review: AttendedReview, until: string | null, now: string, noted: Noted): Attended | null {
  if (until !== null && (until <= now || Date.parse(until) > Date.parse(now) + TEN_YEARS_MS)) {
    throw invalid(review, "/until", `must be a moment between now (${now}) and ten years from now`);
  }
  const current = review.snoozed_until !== null && review.snoozed_until > now ? review.snoozed_until : null;
  if (until === current) return null;
  return { kind: "snoozed", body: { until, ...noted }, change: { snoozed_until: until } };
}

function view(review: AttendedReview, { has_viewed }: AttendContext): Attended | null {
  refuseEnded(review);
  if (has_viewed) return null;
  const { version, request_digest } = review;
  return { kind: "viewed", body: { version, request_digest }, change: {} };
}

function answer(review: AttendedReview, text: string, context: AttendContext): Attended {
  const status = REVIEW_TRANSITIONS[review.status].give_info;
  if (status === null || context.asked === null)
    return refuse("nothing_asked", review, "nobody waits for an answer to a question about this review: comment on it");
  refuseUninvolved(review, context);
  return { kind: "info_given", body: { text, question: context.asked.question }, change: { status } };
}

/** What is said counts where it may weigh on the decision: with those who decide, and whoever they have asked. */
function refuseUninvolved(review: AttendedReview, { person, asked }: AttendContext): void {
  if (person.permissions.has("review:decide") || asked?.to === person.principal_id) return;
  throw denied(review, person, "they do not decide, and nobody has asked them");
}

/** Only what is over for good has nothing more to be said about it. */
function refuseEnded(review: AttendedReview): void {
  refuseCancelled(review);
  if (["closed", "superseded", "failed"].includes(review.status)) refuseOver(review);
}

function knownPerson(review: AttendedReview, to: string, { named }: AttendContext) {
  if (named === undefined) throw invalid(review, "/to", `nobody here is called ${JSON.stringify(to)}`);
  if (named.kind === "agent" || named.kind === "system") throw invalid(review, "/to", `${to} is no person`);
  return named;
}

function denied({ id }: AttendedReview, { principal_id }: Person, why: string): HoldpointError {
  const facts = { review_id: id, principal_id };
  return new HoldpointError("permission_denied", `${principal_id} may not do this to review ${id}: ${why}`, { facts });
}

function invalid({ id }: AttendedReview, pointer: string, message: string): HoldpointError {
  const facts = { review_id: id, faults: [{ pointer, message }] };
  return new HoldpointError("invalid", `${pointer}: ${message}`, { facts });
}
