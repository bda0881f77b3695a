import { nextAttemptMs } from "../../policy/call-retry.ts";
import { isHoldpointError } from "../../protocol/errors.ts";
import { withoutSecrets } from "../../telemetry/log-error.ts";
import { kitClock } from "../clock.ts";
import { admit } from "./admission.ts";
import { answerCache } from "./answer-cache.ts";
import { type BoundModel, bindCandidate } from "./bind.ts";
import { checkBudget } from "./budget-check.ts";
import type { Candidate } from "./candidate.ts";
import type { ModelCall, Piece } from "./model-call.ts";
import {
  type CandidateFailure,
  classifyModelFailure,
  mayFallBack,
  modelFailed,
  UNABLE,
  wordsOf,
} from "./model-failure.ts";
import { requestOnce, type Turn } from "./request-once.ts";

type Failed = CandidateFailure | undefined;

/**
 * Asks the candidates of a call in their order until one answers, and gives its pieces as they come. What fails before it
 * has said anything is asked again, or the next one is; what fails later is told, so that no second beginning is glued to
 * the first. Bound: the candidates, times the attempts at each.
 */
export async function* askCandidates(call: ModelCall): AsyncGenerator<Piece> {
  // Also where the answer is kept: what was asked here before has its place in the order of the task's questions.
  await checkBudget(call.terms.budget);
  const failures: CandidateFailure[] = [];
  let requests = 0;
  for (const candidate of call.terms.candidates) {
    const failure = windowFault(call, candidate) ?? (yield* askCandidate(call, candidate, requests));
    if (failure === undefined) return;
    failures.push(failure);
    requests += failure.attempts;
    if (!mayFallBack(failure)) break;
  }
  throw modelFailed(failures, call.terms);
}

// What an answer of ordinary length needs, where nobody has said how long it may be.
const ASSUMED_OUTPUT = 500;

/** Why the question cannot be answered within the candidate's window, where it cannot. */
function windowFault({ tokens }: ModelCall, candidate: Candidate): Failed {
  const { window, most_output = ASSUMED_OUTPUT } = candidate;
  if (window === undefined || tokens + most_output <= window) return undefined;
  const words = `its window of ${window} tokens is too small for about ${tokens} and an answer of up to ${most_output}`;
  const failure = { class: "validation", code: "context_length_exceeded" } as const;
  return { candidate, failure, words, attempts: 0, error: undefined };
}

async function* askCandidate(call: ModelCall, candidate: Candidate, before: number): AsyncGenerator<Piece, Failed> {
  const bound = tellOf(call, candidate);
  if ("words" in bound) return bound;
  const kept = answerCache(call, candidate, bound);
  const answer = await kept?.read();
  if (answer === undefined) return yield* attemptCandidate({ call, candidate, bound, kept, before });
  yield answer;
  return undefined;
}

/** A client that takes no tools, or gives no answers of a shape, leaves the question to the next candidate. */
function tellOf(call: ModelCall, candidate: Candidate): BoundModel | CandidateFailure {
  try {
    return bindCandidate(candidate, call.options);
  } catch (error) {
    const failure = { class: "validation", code: UNABLE } as const;
    const words = withoutSecrets(error instanceof Error ? error.message : "its client does not take the call");
    return { candidate, failure, words, attempts: 0, error };
  }
}

async function* attemptCandidate(turn: Turn): AsyncGenerator<Piece, Failed> {
  const { call, candidate } = turn;
  const { terms, stopped } = call;
  const clock = kitClock();
  for (let attempts = 1; ; attempts += 1) {
    const admission = await admit(candidate, call).catch((error: unknown) => refusalOf(error));
    if ("error" in admission) return failedWith(candidate, admission.error, attempts - 1);
    const outcome = yield* requestOnce(turn, admission, attempts);
    if (outcome === undefined) return undefined;
    const failed = failedWith(candidate, outcome.error, attempts);
    const waitMs = nextAttemptMs(failed.failure, attempts, terms, terms.random());
    if (waitMs === null) return failed;
    await clock.sleep(waitMs, stopped);
  }
}

/** A limit or a breaker that says no, which is no failure of this process. The waiting was done there. */
function refusalOf(error: unknown): { error: unknown } {
  if (isHoldpointError(error) && (error.code === "rate_limited" || error.code === "breaker_open")) return { error };
  throw error;
}

function failedWith(candidate: Candidate, error: unknown, attempts: number): CandidateFailure {
  const failure = classifyModelFailure(error, kitClock().now());
  return { candidate, failure, words: wordsOf(error, failure), attempts, error };
}
