import { isGraphBubbleUp } from "@langchain/langgraph";
import { STRATEGIES } from "../../policy/error-class.ts";
import { kitClock } from "../clock.ts";
import type { BreakerPermit, Use } from "../guards.ts";
import { portsIfAny } from "../ports.ts";
import type { Admission } from "./admission.ts";
import type { KeptAnswer } from "./answer-cache.ts";
import type { BoundModel } from "./bind.ts";
import type { Candidate } from "./candidate.ts";
import type { ModelCall, Piece } from "./model-call.ts";
import { classifyModelFailure, modelFailed, noAnswerOf, wordsOf } from "./model-failure.ts";
import { keepRefusal } from "./refusal.ts";
import { requestPieces } from "./request.ts";
import { createTally, longestAccount, type Tally } from "./tally.ts";

/** One candidate within one call. */
export interface Turn {
  call: ModelCall;
  candidate: Candidate;
  bound: BoundModel;
  kept: KeptAnswer | undefined;
  /** Requests that other candidates were asked before. */
  before: number;
}

/** How a request ended: with an answer, with an error, or because nobody wanted the rest. */
type End = { kind: "answered" } | { kind: "failed"; error: unknown } | { kind: "left" };

/**
 * Makes one request and keeps account of it. Gives undefined when it was answered, else the error of a request that has
 * said nothing yet; throws where something was said, or where the failure is not the model's.
 */
export async function* requestOnce(
  turn: Turn,
  admission: Admission,
  attempts: number,
): AsyncGenerator<Piece, { error: unknown } | undefined> {
  const { call, candidate } = turn;
  const tally = createTally(candidate);
  const pieces: Piece[] = [];
  let end: End = { kind: "left" };
  let given = 0;
  try {
    for await (const piece of requestPieces(turn.bound, call)) {
      keepRefusal(piece);
      tally.see(piece);
      if (pieces.length === 0) markRequests(piece, turn.before + attempts);
      pieces.push(piece);
      if (!tally.hasBegun) continue;
      for (; given < pieces.length; given += 1) yield pieces[given] as Piece;
    }
    if (tally.isCut) throw Object.assign(new Error("the answer was cut"), { code: "ERR_STREAM_PREMATURE_CLOSE" });
    for (; given < pieces.length; given += 1) yield pieces[given] as Piece;
    end = { kind: "answered" };
  } catch (error) {
    end = { kind: "failed", error };
  } finally {
    await settle(turn, admission, tally, end);
  }
  if (end.kind === "answered") {
    await turn.kept?.write(pieces);
    return undefined;
  }
  const { error } = end;
  call.stopped?.throwIfAborted();
  if (isGraphBubbleUp(error)) throw error;
  if (!tally.hasBegun) return { error };
  const failure = classifyModelFailure(error, kitClock().now());
  const words = `${wordsOf(error, failure)}, after it had begun to answer`;
  const failed = { candidate, failure, words, attempts: turn.before + attempts, error };
  throw modelFailed([failed], call.terms, { begun: true });
}

/** Whoever is given the answer can tell how many requests it took. */
function markRequests(piece: Piece, requests: number): void {
  piece.response_metadata = { ...piece.response_metadata, requests };
}

/** Tells the limits, the breaker and the account what has become of a request. */
async function settle(
  { call, candidate }: Pick<Turn, "call" | "candidate">,
  admission: Admission,
  tally: Tally,
  end: End,
): Promise<void> {
  const use = accountOf(call, candidate, tally, end);
  const tokens = use === undefined ? 0 : use.input_tokens + use.output_tokens;
  await Promise.all([admission.settle(tokens, went(call, end)), use && portsIfAny()?.guards.meter.record(use)]);
}

function accountOf(call: ModelCall, candidate: Candidate, tally: Tally, end: End): Use | undefined {
  if (end.kind === "answered" || tally.isBilled) return tally.account(call);
  // The provider's client throws such an answer away, and its account with it.
  const isLost = end.kind === "failed" && noAnswerOf(end.error) !== undefined;
  return isLost ? longestAccount(candidate, call) : undefined;
}

function went({ stopped }: ModelCall, end: End): keyof BreakerPermit {
  if (end.kind !== "failed") return "succeeded";
  if (stopped?.aborted === true || isGraphBubbleUp(end.error)) return "ignored";
  const { class: kind } = classifyModelFailure(end.error, kitClock().now());
  return STRATEGIES[kind].isProviderFault ? "faulted" : "ignored";
}
