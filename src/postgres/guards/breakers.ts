import { randomUUID } from "node:crypto";
import { LRUCache } from "lru-cache";
import {
  type BreakerEvent,
  type BreakerSettings,
  type BreakerState,
  breakerOpen,
  CLOSED,
  mayCall,
  remaining,
  stepBreaker,
} from "../../policy/circuit-breaker.ts";
import { guardName } from "../../policy/guard-name.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Metrics } from "../../telemetry/metrics.ts";
import type { Database } from "../database.ts";
import { insertBreaker, readBreaker, updateBreaker } from "./breakers.sql.ts";

/** Breakers of all processes. */
export interface SharedBreakers {
  /** Gives leave for a call, with how to tell how it went. Throws `breaker_open`. */
  enter(tenant_id: string, name: string, settings: BreakerSettings): Promise<Record<Outcome, () => Promise<void>>>;
}

type Outcome = Exclude<BreakerEvent["kind"], "enter">;

/** What breakers need. */
export interface BreakerParts {
  database: Pick<Database, "one" | "run">;
  log: Log;
  metrics: Pick<Metrics, "breaker_changes">;
  /** How old a process's copy may be; half a second unless given. */
  copyMs?: number;
}

interface Told {
  event: BreakerEvent;
  settings: BreakerSettings;
  settle(state: BreakerState): void;
  fail(error: unknown): void;
}

/** What a process knows of a breaker, and what it has to tell of it. */
interface Copy {
  readonly tenant_id: string;
  readonly name: string;
  state: BreakerState;
  version: string | null;
  /** The database's clock when it was read, and this process's. */
  nowMs: number;
  readAt: number;
  reading: Promise<void> | undefined;
  told: Told[];
  isTelling: boolean;
}

const COPY_MS = 500;
const COPIES = 5_000;
const HOUR_MS = 3_600_000;
// Each attempt that is in vain is one of another process that was not: far more than there are processes.
const ATTEMPTS = 200;

/**
 * The breakers of this process's calls. A closed one costs a look every half second and nothing for a call that went
 * well: faults, and the word of a probe, are written, by whoever has read the version that they change.
 */
export function createBreakers({ database, log, metrics, copyMs = COPY_MS }: BreakerParts): SharedBreakers {
  const copies = new LRUCache<string, Copy>({ max: COPIES });
  const copyOf = (tenant_id: string, given: string): Copy => {
    const name = guardName(given);
    const key = `${tenant_id}\u0000${name}`;
    const known = copies.get(key);
    if (known !== undefined) return known;
    const nothing = { state: CLOSED, version: null, nowMs: 0, readAt: Number.NEGATIVE_INFINITY };
    const copy = { tenant_id, name, ...nothing, reading: undefined, told: [], isTelling: false };
    copies.set(key, copy);
    return copy;
  };
  const read = async (copy: Copy) => {
    const readAt = performance.now();
    const { state, version, now_ms } = await database.one(readBreaker(copy.tenant_id, copy.name));
    Object.assign(copy, { state: state ?? CLOSED, version, nowMs: now_ms, readAt });
  };
  const refresh = async (copy: Copy) => {
    if (performance.now() - copy.readAt < copyMs) return;
    copy.reading ??= read(copy).finally(() => {
      copy.reading = undefined;
    });
    await copy.reading;
  };
  const change = async (copy: Copy, state: BreakerState, { window_ms, open_ms, probe_ms }: BreakerSettings) => {
    const { tenant_id, name, version } = copy;
    const keepMs = window_ms + open_ms + probe_ms + HOUR_MS;
    const next = { tenant_id, name, version: randomUUID(), state, keepMs };
    const rows = await database.run(version === null ? insertBreaker(next) : updateBreaker(next, version));
    if (rows === 0) return false;
    if (state.status !== copy.state.status) {
      metrics.breaker_changes.inc({ state: state.status });
      log[state.status === "open" ? "warn" : "info"]({ breaker: name, state: state.status }, "a breaker changed");
    }
    Object.assign(copy, { state, version: next.version });
    return true;
  };
  /** Folds what is told into the breaker as it stands, and writes it when it changes; false when somebody was faster. */
  const tellAll = async (copy: Copy, told: readonly Told[]) => {
    await read(copy);
    let state = copy.state;
    const states = told.map(({ event, settings }) => {
      state = stepBreaker(state, event, copy.nowMs, settings);
      return state;
    });
    const { settings } = told.at(-1) as Told;
    if (state !== copy.state && !(await change(copy, state, settings))) return false;
    for (const [index, { settle }] of told.entries()) settle(states[index] as BreakerState);
    return true;
  };
  const tellOn = async (copy: Copy) => {
    copy.isTelling = true;
    // Bound: what was told; each pass takes all of it, and gives up after ATTEMPTS.
    while (copy.told.length > 0) {
      const told = copy.told.splice(0);
      try {
        let attempts = 0;
        while (!(await tellAll(copy, told))) {
          attempts += 1;
          if (attempts === ATTEMPTS) throw new Error(`the breaker ${copy.name} changed ${ATTEMPTS} times meanwhile`);
        }
      } catch (error) {
        for (const { fail } of told) fail(error);
      }
    }
    copy.isTelling = false;
  };
  /** What of one turn of the event loop is told of a breaker is told together. */
  const tell = (copy: Copy, event: BreakerEvent, settings: BreakerSettings) =>
    new Promise<BreakerState>((settle, fail) => {
      copy.told.push({ event, settings, settle, fail });
      if (!copy.isTelling) void tellOn(copy);
    });

  return {
    async enter(tenant_id, name, settings) {
      const copy = copyOf(tenant_id, name);
      const call = randomUUID();
      await refresh(copy);
      const nowMs = () => copy.nowMs + (performance.now() - copy.readAt);
      const event = { kind: "enter", call } as const;
      const before = copy.state;
      let after = stepBreaker(before, event, nowMs(), settings);
      if (after !== before) after = await tell(copy, event, settings);
      if (!mayCall(after, call)) throw breakerOpen(name, remaining(after, nowMs(), settings));
      const isProbe = after.status === "half_open";
      const report = (kind: Outcome) => async () => {
        // Of a call that is no probe a success says nothing new.
        if (!isProbe && kind !== "faulted") return;
        try {
          await tell(copy, { kind, call }, settings);
        } catch (error) {
          // The call has its answer. A probe of which nobody hears is given up in time.
          log.warn({ err: error, breaker: copy.name }, "a breaker was not told how a call went");
        }
      };
      return { succeeded: report("succeeded"), faulted: report("faulted"), ignored: report("ignored") };
    },
  };
}
