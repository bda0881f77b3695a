import { type Classified, classifyError, STRATEGIES } from "../../policy/error-class.ts";
import { failureWords } from "../../policy/failure-words.ts";
import { HoldpointError, isHoldpointError } from "../../protocol/errors.ts";
import { describeError, withoutSecrets } from "../../telemetry/log-error.ts";
import type { Candidate } from "./candidate.ts";
import type { GatewayTerms } from "./model-call.ts";

/** Why one candidate gave no answer. */
export interface CandidateFailure {
  candidate: Candidate;
  failure: Classified;
  /** What is told of it. */
  words: string;
  /** Requests that were made. */
  attempts: number;
  error: unknown;
}

/** Why an answer that came is none: cut at its longest, or held back by the provider. */
export type NoAnswer = "length" | "content_filter";

const NO_ANSWERS: ReadonlyMap<string, NoAnswer> = new Map([
  ["LengthFinishReasonError", "length"],
  ["ContentFilterFinishReasonError", "content_filter"],
]);

/** Tells an answer that came and is none from a failure. */
export function noAnswerOf(error: unknown): NoAnswer | undefined {
  return error instanceof Error ? NO_ANSWERS.get(error.constructor.name) : undefined;
}

/** What kind of failure a request to a model ended in. */
export function classifyModelFailure(error: unknown, nowMs: number): Classified {
  // The client reads what the provider sends: where that is no JSON, nobody asked for anything wrong.
  if (error instanceof SyntaxError) return { class: "provider", code: "malformed_answer" };
  return classifyError(error, nowMs, "provider");
}

/** The code of a call that a model's client does not take. */
export const UNABLE = "unable";

// What is wrong with the question for one model may be right for the next: it is not there, or its window is too small.
const OF_THIS_MODEL = new Set(["context_length_exceeded", "model_not_found", UNABLE]);

/** Whether the next candidate may do better. */
export function mayFallBack({ failure, error }: Pick<CandidateFailure, "failure" | "error">): boolean {
  const { class: kind, status, code } = failure;
  if (STRATEGIES[kind].fallback || status === 404 || OF_THIS_MODEL.has(code ?? "")) return true;
  // The account of one provider is empty; our own budget is everybody's.
  if (kind === "budget") return code !== "budget_exceeded";
  return error instanceof Error && error.name === "ContextOverflowError";
}

/** What the failures of all candidates are for the caller. */
export function modelFailed(
  failures: readonly CandidateFailure[],
  terms: GatewayTerms,
  more: { begun?: true } = {},
): HoldpointError {
  const last = failures.at(-1) as CandidateFailure;
  const attempts = failures.reduce((sum, { attempts: made }) => sum + made, 0);
  // Nobody was asked: the register says better why than "the model failed" does.
  if (failures.length === 1 && attempts === 0 && isHoldpointError(last.error)) return last.error;
  const told = failures.map(({ candidate, words, attempts: made }) => `${candidate.model}: ${words}${timesOf(made)}`);
  const { class: kind, status, code, retry_after_ms } = last.failure;
  const no_answer = noAnswerOf(last.error);
  return new HoldpointError("model_failed", `no model has answered: ${told.join("; ")}`, {
    facts: {
      class: kind,
      model: last.candidate.model,
      attempts,
      why: failures.length === 1 ? last.words : told.join("; "),
      ...(status === undefined ? {} : { status }),
      ...(code === undefined ? {} : { provider_code: code }),
      ...(retry_after_ms === undefined ? {} : { retry_after_ms }),
      ...(no_answer === undefined ? {} : { no_answer }),
      ...more,
    },
    ...(last.error === undefined ? {} : { cause: tellableCause(last.error, terms.secrets) }),
  });
}

const timesOf = (attempts: number) => (attempts > 1 ? ` (asked ${attempts} times)` : "");

/** What is told of a failure: of what hangs on the error, a request with its key among it, nothing. */
export function wordsOf(error: unknown, failure: Classified): string {
  return isHoldpointError(error) ? error.message : failureWords(failure);
}

/** The error behind it without what may be a key, in its message and beside it. */
function tellableCause(error: unknown, secrets: readonly string[]): Error {
  const { type, message, stack } = describeError(error);
  const cause = new Error(
    withoutSecrets(secrets.reduce((text, secret) => text.replaceAll(secret, "[redacted]"), message)),
  );
  cause.name = type;
  cause.stack = `${type}: ${cause.message}\n${stack}`;
  return cause;
}
