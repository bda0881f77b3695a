import type { Escalated } from "../../protocol/attend.ts";
import type { PrincipalKind } from "../../protocol/principal.ts";
import type { Candidates } from "./candidates.ts";
import type { NextLevel } from "./escalation.ts";
import type { Custody, Person } from "./may-decide.ts";
import type { Standing } from "./refuse-over.ts";

/** The review as it stands under its lock. */
export interface AttendedReview extends Custody, Standing {
  request_digest: string;
  snoozed_until: string | null;
  timer_step: number;
}

/** What surrounds the review. */
export interface AttendContext {
  now: string;
  person: Person;
  /** Who it is handed to or asked of, where somebody is named and known. */
  named: { principal_id: string; kind: PrincipalKind; groups: readonly string[] } | undefined;
  /** True when the person has seen this version before. */
  has_viewed: boolean;
  /** The question that waits for an answer. */
  asked: { question: string; to: string | null } | null;
}

/** What comes of it: the link of the chain, and the columns that change. */
export interface Attended {
  kind: string;
  body: Record<string, unknown>;
  change: Partial<Pick<AttendedReview, "assignee" | "claimed_by" | "claimed_until" | "snoozed_until" | "status">>;
  /** What is said of an escalation, who is asked then, and where the timetable stands; undefined where that stays. */
  escalation?: { said: Escalated; candidates: Candidates | undefined; next: NextLevel | undefined };
}
