import { HoldpointError } from "../protocol/errors.ts";

/** So much in so long. */
export interface RateSettings {
  readonly limit: number;
  readonly per_ms: number;
}

/**
 * How full a limit is. What is taken runs out again evenly, `limit` in `per_ms`: `at + level · per_ms / limit` is the
 * theoretical arrival time of the cell rate algorithm. Kept as a level, because many takes in one instant then add up
 * without rounding.
 */
export interface RateState {
  readonly level: number;
  /** When the level was so, in milliseconds. */
  readonly at: number;
}

/** What a limit of which nobody has taken anything looks like. */
export const UNTOUCHED: RateState = { level: 0, at: 0 };

/** Either what is left behind, or how long to wait. */
export type Taken =
  | { readonly granted: true; readonly state: RateState }
  | { readonly granted: false; readonly retry_after_ms: number };

/** Of a limit: what is forgiven to binary fractions, so that a wait that was told exactly is long enough. */
export const ROUNDING = 1e-9;
/** Of a limit: who took more than was said makes others wait for two windows at most, however much it was. */
export const FULLEST = 2;

/**
 * Takes some of a limit, all or nothing. `limit` may be taken at once, and over any time t no more than
 * `limit · (1 + t / per_ms)`.
 */
export function takeRate(state: RateState, amount: number, { limit, per_ms }: RateSettings, now: number): Taken {
  const { level, at } = runOut(state, { limit, per_ms }, now);
  const wanted = level + amount;
  if (wanted <= limit * (1 + ROUNDING)) return { granted: true, state: { level: wanted, at } };
  return { granted: false, retry_after_ms: waitFor(wanted - limit, { limit, per_ms }) + (at - now) };
}

/** Takes more, or gives back. */
export function adjustRate(
  state: RateState,
  difference: number,
  { limit, per_ms }: RateSettings,
  now: number,
): RateState {
  const { level, at } = runOut(state, { limit, per_ms }, now);
  if (Number.isNaN(difference)) return { level, at };
  return { level: Math.min(Math.max(0, level + difference), limit * FULLEST), at };
}

/** How long until so much has run out. */
function waitFor(surplus: number, { limit, per_ms }: RateSettings): number {
  return Math.max(1, Math.ceil(((surplus - (limit * ROUNDING) / 2) * per_ms) / limit));
}

function runOut({ level, at }: RateState, { limit, per_ms }: RateSettings, now: number): RateState {
  // The clocks of two who ask at once may disagree a little; one that was set back must not stop everybody.
  if (at > now) return { level, at: at - now > per_ms ? now : at };
  return { level: Math.max(0, level - ((now - at) * limit) / per_ms), at: now };
}

const MINUTE_MS = 60_000;
const LONGEST_MS = 366 * 86_400_000;

/** Throws `invalid` where the terms, or an amount, could never be granted. */
export function rateSettings(name: string, amount: number, terms: { limit: number; per_ms?: number }): RateSettings {
  const { limit, per_ms = MINUTE_MS } = terms;
  const refuse = (what: string) => new HoldpointError("invalid", `the limit "${name}" ${what}`);
  if (!(limit > 0 && limit <= Number.MAX_SAFE_INTEGER)) throw refuse(`is ${limit}; give a number above 0`);
  if (!(per_ms > 0 && per_ms <= LONGEST_MS)) throw refuse(`has per_ms ${per_ms}; give milliseconds above 0`);
  if (!(amount >= 0)) throw refuse(`was asked for ${amount}; ask for 0 or more`);
  if (amount > limit) {
    throw refuse(`is ${limit} in ${per_ms} ms and was asked for ${amount} at once, which it never gives: ask for less`);
  }
  return { limit, per_ms };
}
