import { nextAttemptMs, type RetryTerms } from "../../policy/call-retry.ts";
import { type Classified, STRATEGIES } from "../../policy/error-class.ts";
import { HoldpointError } from "../../protocol/errors.ts";
import { kitClock } from "../clock.ts";
import { isNotDone, notDone } from "../effects/not-done.ts";
import type { BreakerPermit } from "../guards.ts";
import { portsIfAny } from "../ports.ts";
import { withinTime } from "../time-limit.ts";
import type { Tool } from "./tool.ts";
import { classifyFailure, type FailedCall, isOthers, toolFailed } from "./tool-failure.ts";

/** How one call is attempted. */
export interface AttemptTerms extends RetryTerms {
  tool: Tool;
  timeoutMs: number;
  call: FailedCall;
  /** Whether it may happen once only, so that it is attempted again only where it surely did not happen. */
  isOnce: boolean;
}

/** What came of the attempts. */
export interface Attempted<Value> {
  value: Value;
  attempts: number;
}

/** What an attempt failed by: the call itself, or a limit that let nothing through. */
type Tried = { failure: Classified } | { limitedMs: number };

// Beside the error and not on it: others throw it on, and others read it.
const triedBy = new WeakMap<object, Tried>();

/** Makes attempts until one goes well or there is no use. Bound: `terms.attempts`, and one time-out of waiting for the limit. */
export async function attemptCall<Value>(
  terms: AttemptTerms,
  stopped: AbortSignal | undefined,
  attempt: (ordinal: number) => Promise<Value>,
): Promise<Attempted<Value>> {
  let attempts = 1;
  let patienceMs = terms.timeoutMs;
  for (;;) {
    try {
      return { value: await attempt(attempts), attempts };
    } catch (error) {
      const tried = typeof error === "object" && error !== null ? triedBy.get(error) : undefined;
      if (tried === undefined || (terms.isOnce && !isNotDone(error))) throw error;
      if ("limitedMs" in tried) {
        patienceMs -= tried.limitedMs;
        if (patienceMs < 0) throw error;
        await kitClock().sleep(tried.limitedMs, stopped);
      } else {
        const waitMs = nextAttemptMs(tried.failure, attempts, terms, Math.random());
        if (waitMs === null) throw error;
        await kitClock().sleep(waitMs, stopped);
        attempts += 1;
      }
    }
  }
}

/** One attempt: past the limit and the breaker, within its time. */
export async function tryCall<Value>(
  terms: AttemptTerms,
  attempts: number,
  stopped: AbortSignal | undefined,
  body: (signal: AbortSignal) => Promise<Value> | Value,
): Promise<Value> {
  const permit = await admit(terms.tool);
  let value: Value;
  try {
    value = await withinTime(terms.timeoutMs, stopped, body);
  } catch (error) {
    const failure = classifyFailure(error, kitClock().now());
    const isFault = STRATEGIES[failure.class].isProviderFault;
    if (stopped?.aborted === true || isOthers(error)) {
      await permit.ignored();
      throw error;
    }
    await (isFault ? permit.faulted() : permit.ignored());
    const failed = toolFailed(terms.call, error, failure, attempts);
    triedBy.set(failed, { failure });
    throw isNotDone(error) ? notDone(failed) : failed;
  }
  await permit.succeeded();
  return value;
}

const NO_PERMIT: BreakerPermit = { succeeded: async () => {}, faulted: async () => {}, ignored: async () => {} };

/** Leave for one attempt. Throws `rate_limited` or `breaker_open`: then it surely did not happen. */
async function admit({ name, options }: Tool): Promise<BreakerPermit> {
  const guards = portsIfAny()?.guards;
  const { rate, breaker } = options;
  if (guards === undefined) return NO_PERMIT;
  const answer = rate === undefined ? undefined : await guards.limits.take(`tool:${name}`, 1, rate);
  if (rate !== undefined && answer?.granted === false) {
    const retry_after_ms = Math.max(1, Math.ceil(answer.retry_after_ms));
    const message = `${name} may be called ${rate.limit} times in ${rate.per_ms ?? 60_000} ms, and that is used up; try again in ${retry_after_ms} ms`;
    const limited = new HoldpointError("rate_limited", message, { facts: { tool: name, retry_after_ms } });
    triedBy.set(limited, { limitedMs: retry_after_ms });
    throw notDone(limited);
  }
  if (breaker === false) return NO_PERMIT;
  return await guards.breakers.enter(`tool:${name}`, breaker).catch((error: unknown) => {
    throw error instanceof Error ? notDone(error) : error;
  });
}
