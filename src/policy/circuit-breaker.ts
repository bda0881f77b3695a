import { HoldpointError } from "../protocol/errors.ts";

/** Where a breaker stands. Times are milliseconds of one clock. */
export type BreakerState =
  /** Everybody may call. `faults` are the times of those that still count. */
  | { readonly status: "closed"; readonly faults: readonly number[] }
  /** Nobody may, until then; from then on the first who asks. */
  | { readonly status: "open"; readonly until: number }
  /** One call is out to see whether it works again; nobody hears of it after `until`. */
  | { readonly status: "half_open"; readonly probe: string; readonly until: number };

/** Somebody wants to call, or tells how a call went. `call` is the same of both. */
export interface BreakerEvent {
  readonly kind: "enter" | "succeeded" | "faulted" | "ignored";
  readonly call: string;
}

/** When it opens, and for how long. */
export interface BreakerSettings {
  readonly faults: number;
  readonly window_ms: number;
  readonly open_ms: number;
  readonly probe_ms: number;
}

/** What is so unless somebody says otherwise. A probe is given longer than calls usually take. */
export const BREAKER_DEFAULTS: BreakerSettings = { faults: 5, window_ms: 60_000, open_ms: 30_000, probe_ms: 60_000 };

/** A breaker nobody knows anything bad of. */
export const CLOSED: BreakerState = { status: "closed", faults: [] };

type Status = BreakerState["status"];
type Step<Of extends Status> = (
  state: BreakerState & { status: Of },
  call: string,
  now: number,
  settings: BreakerSettings,
) => BreakerState;

const same = (state: BreakerState) => state;

const probing = (probe: string, now: number, { probe_ms }: BreakerSettings): BreakerState => ({
  status: "half_open",
  probe,
  until: now + probe_ms,
});
const opened = (now: number, { open_ms }: BreakerSettings): BreakerState => ({ status: "open", until: now + open_ms });

// What each event makes of each status. Only the probe's own word counts while it is out: what began before the breaker
// opened says nothing about now.
const TRANSITIONS: { readonly [Of in Status]: Readonly<Record<BreakerEvent["kind"], Step<Of>>> } = {
  closed: {
    enter: same,
    succeeded: same,
    ignored: same,
    faulted(state, _call, now, settings) {
      const { faults, window_ms } = settings;
      // A clock that was set back must not make faults count for longer than they should.
      const counting = [...state.faults.filter((at) => Math.abs(now - at) < window_ms), now].slice(-faults);
      return counting.length < faults ? { status: "closed", faults: counting } : opened(now, settings);
    },
  },
  open: {
    enter: (state, call, now, settings) => (remaining(state, now, settings) > 0 ? state : probing(call, now, settings)),
    succeeded: same,
    ignored: same,
    faulted: same,
  },
  half_open: {
    enter: (state, call, now, settings) => (remaining(state, now, settings) > 0 ? state : probing(call, now, settings)),
    succeeded: (state, call) => (state.probe === call ? CLOSED : state),
    faulted: (state, call, now, settings) => (state.probe === call ? opened(now, settings) : state),
    // It says nothing about the other side: the next one may try at once.
    ignored: (state, call, now) => (state.probe === call ? { status: "open", until: now } : state),
  },
};

/** What becomes of a breaker; the same object where nothing changes. */
export function stepBreaker(
  state: BreakerState,
  { kind, call }: BreakerEvent,
  now: number,
  settings: BreakerSettings,
): BreakerState {
  return (TRANSITIONS[state.status][kind] as Step<Status>)(state, call, now, settings);
}

/** How long somebody else than the probe has to wait: 0 where nothing, or only asking, stands between. */
export function remaining(state: BreakerState, now: number, { open_ms, probe_ms }: BreakerSettings): number {
  if (state.status === "closed") return 0;
  // Never longer than it was ever meant to be, whatever has happened to the clock.
  return Math.max(0, Math.min(state.until - now, state.status === "open" ? open_ms : probe_ms));
}

/** Whether a call that has asked may go. */
export function mayCall(state: BreakerState, call: string): boolean {
  return state.status === "closed" || (state.status === "half_open" && state.probe === call);
}

/** The settings of somebody who gives some of them. Throws `invalid`. */
export function breakerSettings(name: string, given: Partial<BreakerSettings> = {}): BreakerSettings {
  const settings = {
    faults: given.faults ?? BREAKER_DEFAULTS.faults,
    window_ms: given.window_ms ?? BREAKER_DEFAULTS.window_ms,
    open_ms: given.open_ms ?? BREAKER_DEFAULTS.open_ms,
    probe_ms: given.probe_ms ?? BREAKER_DEFAULTS.probe_ms,
  };
  const { faults, ...spans } = settings;
  if (!(Number.isSafeInteger(faults) && faults >= 1 && faults <= MOST_FAULTS)) {
    throw wrong(name, "faults", faults, `a whole number from 1 to ${MOST_FAULTS}`);
  }
  for (const [key, ms] of Object.entries(spans)) {
    if (!(ms > 0 && ms <= LONGEST_MS)) throw wrong(name, key, ms, `milliseconds above 0, a day at most`);
  }
  return settings;
}

const MOST_FAULTS = 1_000;
const LONGEST_MS = 86_400_000;

const wrong = (name: string, key: string, value: number, allowed: string) =>
  new HoldpointError("invalid", `the breaker "${name}" has ${key} ${value}; give ${allowed}`);

/** What whoever asks while a breaker is open is told. */
export function breakerOpen(name: string, retryAfterMs: number): HoldpointError {
  const retry_after_ms = Math.max(1, Math.ceil(retryAfterMs));
  return new HoldpointError(
    "breaker_open",
    `"${name}" has failed too often and is left alone for another ${retry_after_ms} ms`,
    { facts: { name, retry_after_ms } },
  );
}
