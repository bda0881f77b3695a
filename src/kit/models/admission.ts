import { HoldpointError } from "../../protocol/errors.ts";
import { kitClock } from "../clock.ts";
import type { BreakerPermit, LimiterPort, RateTerms } from "../guards.ts";
import { portsIfAny } from "../ports.ts";
import type { Candidate } from "./candidate.ts";
import { limitsOf, type ModelCall } from "./model-call.ts";

/** Leave for one request: its place within the limits, and what its breaker is told. */
export interface Admission {
  /** Tells how many tokens it has come to in the end, 0 when it came to nothing, and how it went. */
  settle(tokens: number, went: keyof BreakerPermit): Promise<void>;
}

// An answer of ordinary length, where nobody has said how long it may be.
const ASSUMED_OUTPUT = 500;

/** Waits until a request is within the limits, and enters the breaker. Throws `rate_limited` or `breaker_open`. */
export async function admit(candidate: Candidate, call: ModelCall): Promise<Admission> {
  const guards = portsIfAny()?.guards;
  if (guards === undefined) return { settle: async () => {} };
  const { limits, breakers } = guards;
  const { id, model, most_output } = candidate;
  const { requests, tokens } = limitsOf(call.terms, model);
  const expected = call.tokens + (most_output ?? ASSUMED_OUTPUT);
  // More than is ever allowed at once would wait for ever.
  const taken = Math.min(expected, tokens?.limit ?? expected);
  const giveBack = async (used: number) => {
    if (tokens !== undefined && used !== taken) await limits.adjust(`model:${id}:tokens`, used - taken, tokens);
  };
  const endsAt = kitClock().now() + call.terms.longestMs;
  if (tokens !== undefined) await take(limits, `model:${id}:tokens`, taken, tokens, { call, model, endsAt });
  try {
    if (requests !== undefined) await take(limits, `model:${id}:requests`, 1, requests, { call, model, endsAt });
    const { breaker } = call.terms;
    const permit = breaker === false ? undefined : await breakers.enter(`model:${id}`, breaker);
    return {
      async settle(used, went) {
        await Promise.all([giveBack(used), permit?.[went]()]);
      },
    };
  } catch (error) {
    await giveBack(0);
    throw error;
  }
}

interface Wait {
  call: ModelCall;
  model: string;
  endsAt: number;
}

async function take(
  limits: LimiterPort,
  name: string,
  amount: number,
  terms: RateTerms,
  { call, model, endsAt }: Wait,
): Promise<void> {
  const clock = kitClock();
  // Bound: no wait goes beyond `endsAt`, and each is longer than nothing.
  for (;;) {
    const answer = await limits.take(name, amount, terms);
    if (answer.granted) return;
    const retry_after_ms = Math.max(1, Math.ceil(answer.retry_after_ms));
    if (clock.now() + retry_after_ms > endsAt) {
      const message = `the limit of ${terms.limit} ${name.split(":").at(-1)} a minute to the model ${model} is used up; try again in ${retry_after_ms} ms, or raise it`;
      throw new HoldpointError("rate_limited", message, { facts: { model, retry_after_ms } });
    }
    await clock.sleep(retry_after_ms, call.stopped);
  }
}
