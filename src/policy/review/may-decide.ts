// Who may decide a review. Looked at under the review's lock and nowhere else: between the page and the click somebody may
// have left a group, lost a key, or been overtaken by a claim.
import type { CanonicalDecision } from "../../protocol/decision.ts";
import { HoldpointError } from "../../protocol/errors.ts";
import type { Checked } from "../../protocol/fault.ts";
import type { Principal } from "../../protocol/principal.ts";
import type { ReviewPolicy } from "../../protocol/review-policy.ts";
import { type Candidates, isEverybody } from "./candidates.ts";

/** Who wants something of a review, as they stand now. */
export type Person = Pick<Principal, "principal_id" | "kind" | "groups" | "permissions">;

type Named = Pick<Person, "principal_id" | "groups">;

/** Who is asked, and who has it in hand. */
export interface Custody {
  id: string;
  candidate_users: readonly string[];
  candidate_groups: readonly string[];
  assignee: string | null;
  claimed_by: string | null;
  claimed_until: string | null;
  due_at: string | null;
  policy: ReviewPolicy;
}

/** What an administrator of reviews has set aside. */
export type Override = "candidates" | "assignee" | "claim";

/**
 * Refuses who is not asked: whoever the review is assigned to decides it, until it is due; from then on, and without an
 * assignee, the candidates; where there are none, everybody who decides at all. Throws `permission_denied`.
 */
export function refuseStrangers(review: Custody, person: Person, now: string): Override[] {
  const refusal = (why: string) =>
    new HoldpointError("permission_denied", `${person.principal_id} may not decide review ${review.id}: ${why}`, {
      facts: { review_id: review.id, principal_id: person.principal_id },
    });
  if (person.kind === "agent" || person.kind === "system") throw refusal(`it is ${AN[person.kind]}, and people decide`);
  if (!person.permissions.has("review:decide")) throw refusal("they do not hold review:decide any more");
  const { assignee } = review;
  if (assignee === person.principal_id) return [];
  const isAdmin = person.permissions.has("review:admin");
  if (assignee !== null && (review.due_at === null || now < review.due_at)) {
    if (isAdmin) return ["assignee"];
    throw refusal(`it is assigned to ${assignee}`);
  }
  if (mayBeAsked(review, person, now)) return [];
  const missed = listsOf(review).find((list) => !isOn(list, person)) as Candidates;
  if (isAdmin) return ["candidates"];
  throw refusal(`it is for ${[...missed.users, ...missed.groups].join(", ")}`);
}

const AN = { agent: "an agent", system: "the system" };

/** True for those who are asked: on every list, or named where it was escalated to. */
export function mayBeAsked(review: Custody, person: Named, now: string): boolean {
  return listsOf(review).every((list) => isOn(list, person)) || isEscalatedTo(review, person, now);
}

/** The lists that whoever decides is on; one that names nobody asks everybody, whoever it is escalated to beside them. */
function listsOf({ candidate_users, candidate_groups, policy }: Custody): Candidates[] {
  const asked = { users: [...candidate_users], groups: [...candidate_groups] };
  return [isEverybody(policy.candidates) ? policy.candidates : asked, ...(policy.also_candidates ?? [])];
}

function isOn(list: Candidates, { principal_id, groups }: Named): boolean {
  return isEverybody(list) || list.users.includes(principal_id) || list.groups.some((group) => groups.includes(group));
}

/** Those it is escalated to need not be on the lists: by the clock, or by somebody who has added them to those who are asked. */
function isEscalatedTo(review: Custody, person: Named, now: string): boolean {
  const { due_at, policy, candidate_users, candidate_groups } = review;
  const isAdded = (asked: readonly string[], before: readonly string[], names: readonly string[]) =>
    asked.some((name) => !before.includes(name) && names.includes(name));
  if (isAdded(candidate_users, policy.candidates.users, [person.principal_id])) return true;
  if (isAdded(candidate_groups, policy.candidates.groups, person.groups)) return true;
  if (due_at === null) return false;
  const overdueSeconds = (Date.parse(now) - Date.parse(due_at)) / 1000;
  return policy.escalations.some(
    ({ after_seconds, to }) => after_seconds <= overdueSeconds && !isEverybody(to) && isOn(to, person),
  );
}

/** Refuses while somebody else has the review in hand. Throws `claimed`. */
export function refuseClaimed(review: Custody, person: Person, now: string): Override[] {
  const claim = claimOf(review, now);
  if (claim === null || claim.by === person.principal_id) return [];
  if (person.permissions.has("review:admin")) return ["claim"];
  throw new HoldpointError("claimed", `${claim.by} has this review in hand until ${claim.until}`, {
    facts: { review_id: review.id, claimed_by: claim.by, claimed_until: claim.until },
  });
}

/** Who has it in hand, and until when; a lease that is over counts no more. */
export function claimOf(
  { claimed_by, claimed_until }: Pick<Custody, "claimed_by" | "claimed_until">,
  now: string,
): { by: string; until: string } | null {
  if (claimed_by === null || claimed_until === null || claimed_until <= now) return null;
  return { by: claimed_by, until: claimed_until };
}

/** What a time-out is held to. */
export interface TimedReview extends Pick<Custody, "id" | "due_at" | "policy"> {
  guarded: boolean;
}

/**
 * A time-out decides what the policy says it does, once the review is due, and nothing else: no clock that runs wrong and
 * no mistake of whoever sweeps leads past a person. Throws `permission_denied`.
 */
export function refuseEarlyTimeout(review: TimedReview, decisions: Checked<CanonicalDecision[]>, now: string): void {
  const why = whyNot(review, decisions, now);
  if (why === null) return;
  throw new HoldpointError("permission_denied", `a time-out does not decide this: ${why}`, {
    facts: { review_id: review.id, on_timeout: review.policy.on_timeout },
  });
}

function whyNot({ guarded, due_at, policy }: TimedReview, decisions: Checked<CanonicalDecision[]>, now: string) {
  const { on_timeout, allow_auto_approve } = policy;
  if (due_at === null || now < due_at) return `it is due ${due_at === null ? "never" : `at ${due_at}`}`;
  if (on_timeout !== "approve" && on_timeout !== "reject") return `its policy says "${on_timeout}"`;
  if (on_timeout === "approve" && guarded) return "its graph is guarded, and only a person approves there";
  if (on_timeout === "approve" && !allow_auto_approve) return "its policy does not allow an approval by time-out";
  if (decisions.ok && decisions.value.some(({ type }) => type !== on_timeout)) {
    return `its policy says "${on_timeout}", and nothing else is decided`;
  }
  return null;
}
