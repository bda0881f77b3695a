import { nextAttemptMs, type RetryTerms } from "../policy/call-retry.ts";
import { type Classified, STRATEGIES } from "../policy/error-class.ts";
import { HoldpointError } from "../protocol/errors.ts";
import { kitClock } from "./clock.ts";
import type { BreakerPermit } from "./guards.ts";
import { portsIfAny } from "./ports.ts";
import { withinTime } from "./time-limit.ts";
import type { Tool } from "./tool.ts";
import { classifyFailure, type FailedCall, isOthers, toolFailed } from "./tool-failure.ts";

/** How one call is attempted. */
export interface AttemptTerms extends RetryTerms {
  tool: Tool;
  timeoutMs: number;
  /** All attempts and the waits between them. */
  wholeMs: number;
  /** The run's, and whatever else ends the call. */
  stopped: AbortSignal | undefined;
  call: FailedCall;
  /** Whether a failure leaves it open if it happened, so that it is not attempted again. */
  isLast(error: unknown): boolean;
}

/** What came of the attempts. */
export interface Attempted<Value> {
  value: Value;
  attempts: number;
}

const NO_PERMIT: BreakerPermit = { succeeded: async () => {}, faulted: async () => {}, ignored: async () => {} };

/** Calls until it is done or there is no use. Bound: `terms.attempts`. */
export async function attemptCall<Value>(
  terms: AttemptTerms,
  body: (signal: AbortSignal) => Promise<Value> | Value,
): Promise<Attempted<Value>> {
  const clock = kitClock();
  const endsAt = clock.now() + terms.wholeMs;
  for (let attempts = 1; ; attempts += 1) {
    await takeRate(terms);
    const permit = await enterBreaker(terms.tool);
    try {
      const value = await withinTime(terms.timeoutMs, terms.stopped, body);
      await permit.succeeded();
      return { value, attempts };
    } catch (error) {
      const failure = await settle(terms, permit, error);
      const left = { leftMs: endsAt - clock.now(), chance: Math.random() };
      const waitMs = terms.isLast(error) ? null : nextAttemptMs(failure, attempts, terms, left);
      if (waitMs === null) throw toolFailed(terms.call, error, failure, attempts);
      await clock.sleep(waitMs, terms.stopped).catch((reason: unknown) => {
        terms.stopped?.throwIfAborted();
        throw reason;
      });
    }
  }
}

/** Tells the breaker how it went. Throws on what is none of the tool's. */
async function settle({ stopped }: AttemptTerms, permit: BreakerPermit, error: unknown): Promise<Classified> {
  const failure = classifyFailure(error, kitClock().now());
  const isFault = STRATEGIES[failure.class].isProviderFault;
  if (stopped?.aborted === true || isOthers(error)) {
    await permit.ignored();
    throw error;
  }
  await (isFault ? permit.faulted() : permit.ignored());
  return failure;
}

async function enterBreaker({ name, options }: Tool): Promise<BreakerPermit> {
  if (options.breaker === false) return NO_PERMIT;
  return (await portsIfAny()?.guards.breakers.enter(`tool:${name}`, options.breaker)) ?? NO_PERMIT;
}

/** Waits while the limit is used up, for as long as one attempt may take; a longer wait is told instead. */
async function takeRate({ tool, timeoutMs, stopped }: AttemptTerms): Promise<void> {
  const { rate } = tool.options;
  const limits = portsIfAny()?.guards.limits;
  if (rate === undefined || limits === undefined) return;
  const clock = kitClock();
  const endsAt = clock.now() + timeoutMs;
  // Bound: no wait goes beyond `endsAt`, and each is longer than nothing.
  for (;;) {
    const answer = await limits.take(`tool:${tool.name}`, 1, rate);
    if (answer.granted) return;
    const retry_after_ms = Math.max(1, Math.ceil(answer.retry_after_ms));
    if (clock.now() + retry_after_ms > endsAt) {
      const message = `${tool.name} may be called ${rate.limit} times in ${rate.per_ms ?? 60_000} ms, and that is used up; try again in ${retry_after_ms} ms`;
      throw new HoldpointError("rate_limited", message, { facts: { tool: tool.name, retry_after_ms } });
    }
    await clock.sleep(retry_after_ms, stopped).catch((reason: unknown) => {
      stopped?.throwIfAborted();
      throw reason;
    });
  }
}
