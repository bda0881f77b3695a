import type { CanonicalDecision, Decision } from "../../../protocol/decision.ts";
import type { Checked, Fault } from "../../../protocol/fault.ts";
import type { ReviewAction } from "../../../protocol/interrupt.ts";
import type { Json } from "../../../protocol/json.ts";
import type { ReviewPolicy } from "../../../protocol/review-policy.ts";

/** A pause as it is stored. */
export interface StoredPause {
  graph_id: string;
  node: string;
  /** False for a static breakpoint, which asks nothing. */
  asks: boolean;
  value: Json;
  response_schema: Record<string, Json> | null;
}

/** What a person is shown of a pause; its digest is taken over `shown`. */
export interface Question {
  title: string;
  description: string;
  actions: ReviewAction[];
  shown: Json;
}

/** Where the parts of a decision stand in what was sent, as JSON pointers. */
export interface DecisionPlace {
  self: string;
  args: string;
  name: string;
  message: string;
  value: string;
}

/** Decisions as they were sent, in that order; `places` where they were not sent in our own form. */
export type SentDecisions =
  | { ok: true; value: readonly Decision[]; places?: { all: string; each: readonly DecisionPlace[] } }
  | { ok: false; faults: Fault[] };

/** A review whose answer goes to its graph. */
export interface AnsweredQuestion {
  value: Json;
  value_digest: string;
  actions: readonly ReviewAction[];
  /** What approve and reject mean where the graph has no words for them. */
  answers: ReviewPolicy["answers"];
}

/** How pauses of one flavour speak. */
export interface FlavourForm {
  /** What a pause shows; undefined when it is not of this flavour. Never throws, whatever a graph has put there. */
  question(pause: StoredPause): Question | undefined;
  /** Reads the value of a resume that was sent at the pointer `at`. */
  fromResume(resume: unknown, actions: readonly ReviewAction[], at: string): SentDecisions;
  /** What is wrong beyond what each action offers, by pointers into our own form. */
  faultsOf(decisions: readonly CanonicalDecision[]): Fault[];
  /** The words that do not go together in one answer, or null. */
  mixed(decisions: readonly CanonicalDecision[], actions: readonly ReviewAction[]): MixedBatch | null;
  /** What `interrupt()` gives to the graph; undefined where it takes no answer. */
  toGraph(question: AnsweredQuestion, decisions: readonly CanonicalDecision[]): Json | undefined;
}

/** Decisions that a flavour cannot take together. */
export interface MixedBatch {
  faults: Fault[];
  /** Each is a set of words: all decisions have to be of one of them. */
  choices: string[][];
}

/** Nothing more to check than what each action offers. */
export const NO_MORE_CHECKS: Pick<FlavourForm, "faultsOf" | "mixed"> = { faultsOf: () => [], mixed: () => null };

/** The decisions, unless one could not be read. */
export function gathered(
  read: readonly Checked<{ decision: Decision; place: DecisionPlace }>[],
  all: string,
): SentDecisions {
  const faults = read.flatMap((one) => (one.ok ? [] : one.faults));
  if (faults.length > 0) return { ok: false, faults };
  const given = read.flatMap((one) => (one.ok ? [one.value] : []));
  return {
    ok: true,
    value: given.map(({ decision }) => decision),
    places: { all, each: given.map(({ place }) => place) },
  };
}
