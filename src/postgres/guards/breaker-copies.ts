import { randomUUID } from "node:crypto";
import { LRUCache } from "lru-cache";
import {
  type BreakerEvent,
  type BreakerSettings,
  type BreakerState,
  CLOSED,
  stepBreaker,
} from "../../policy/circuit-breaker.ts";
import { guardName } from "../../policy/guard-name.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Metrics } from "../../telemetry/metrics.ts";
import type { Database } from "../database.ts";
import { insertBreaker, readBreaker, updateBreaker } from "./breakers.sql.ts";

/** What breakers need. */
export interface BreakerParts {
  database: Pick<Database, "one" | "run">;
  log: Log;
  metrics: Pick<Metrics, "breaker_changes">;
  /** How old a process's copy may be; half a second unless given. */
  copyMs?: number;
  /** A clock of this process that never goes back, in milliseconds; the machine's unless given. */
  now?: () => number;
}

/** What a process knows of a breaker. */
export interface BreakerCopy {
  readonly name: string;
  readonly state: BreakerState;
  /** What time it is for it, on the database's clock. */
  nowMs(): number;
}

/** The copies of one process. */
export interface BreakerCopies {
  /** The copy of a breaker, read again where it is too old. */
  fresh(tenant_id: string, name: string): Promise<BreakerCopy>;
  /** Tells the breaker itself, and gives what became of it. */
  tell(copy: BreakerCopy, event: BreakerEvent, settings: BreakerSettings): Promise<BreakerState>;
}

interface Told {
  event: BreakerEvent;
  settings: BreakerSettings;
  settle(state: BreakerState): void;
  fail(error: unknown): void;
}

interface Copy extends BreakerCopy {
  readonly tenant_id: string;
  state: BreakerState;
  version: string | null;
  /** The database's clock when it was read, and this process's. */
  readMs: number;
  readAt: number;
  reading: Promise<void> | undefined;
  told: Told[];
  isTelling: boolean;
}

type Parts = Required<BreakerParts>;

const COPY_MS = 500;
const COPIES = 5_000;
const HOUR_MS = 3_600_000;
// Each attempt that is in vain is one of another process that was not: far more than there are processes.
const ATTEMPTS = 200;

/** Remembers the breakers that were asked for last. */
export function createBreakerCopies(given: BreakerParts): BreakerCopies {
  const parts = { copyMs: COPY_MS, now: () => performance.now(), ...given };
  const copies = new LRUCache<string, Copy>({ max: COPIES });
  const copyOf = (tenant_id: string, name: string): Copy => {
    const key = `${tenant_id}\u0000${name}`;
    const known = copies.get(key);
    if (known !== undefined) return known;
    const copy = newCopy(tenant_id, name, parts);
    copies.set(key, copy);
    return copy;
  };
  return {
    async fresh(tenant_id, name) {
      const copy = copyOf(tenant_id, guardName(name));
      if (parts.now() - copy.readAt < parts.copyMs) return copy;
      copy.reading ??= read(parts, copy).finally(() => {
        copy.reading = undefined;
      });
      await copy.reading;
      return copy;
    },
    tell: (copy, event, settings) =>
      new Promise((settle, fail) => {
        const own = copy as Copy;
        own.told.push({ event, settings, settle, fail });
        if (!own.isTelling) void tellOn(parts, own);
      }),
  };
}

function newCopy(tenant_id: string, name: string, { now }: Parts): Copy {
  return {
    tenant_id,
    name,
    state: CLOSED,
    version: null,
    readMs: 0,
    readAt: Number.NEGATIVE_INFINITY,
    reading: undefined,
    told: [],
    isTelling: false,
    nowMs() {
      return this.readMs + (now() - this.readAt);
    },
  };
}

async function read({ database, now }: Parts, copy: Copy): Promise<void> {
  const readAt = now();
  const { state, version, now_ms } = await database.one(readBreaker(copy.tenant_id, copy.name));
  Object.assign(copy, { state: state ?? CLOSED, version, readMs: now_ms, readAt });
}

/** What is told while something else is being told goes with the next. */
async function tellOn(parts: Parts, copy: Copy): Promise<void> {
  copy.isTelling = true;
  // Bound: what was told; each pass takes all of it, and gives up after ATTEMPTS.
  while (copy.told.length > 0) {
    const told = copy.told.splice(0);
    try {
      let attempts = 0;
      while (!(await tellAll(parts, copy, told))) {
        attempts += 1;
        if (attempts === ATTEMPTS) throw new Error(`the breaker ${copy.name} changed ${ATTEMPTS} times meanwhile`);
      }
    } catch (error) {
      for (const { fail } of told) fail(error);
    }
  }
  copy.isTelling = false;
}

/** Folds what is told into the breaker as it stands, and writes it when it changes; false when somebody was faster. */
async function tellAll(parts: Parts, copy: Copy, told: readonly Told[]): Promise<boolean> {
  await read(parts, copy);
  let state = copy.state;
  const states = told.map(({ event, settings }) => {
    state = stepBreaker(state, event, copy.readMs, settings);
    return state;
  });
  const { settings } = told.at(-1) as Told;
  if (state !== copy.state && !(await change(parts, copy, state, settings))) return false;
  for (const [index, { settle }] of told.entries()) settle(states[index] as BreakerState);
  return true;
}

async function change(
  { database, log, metrics }: Parts,
  copy: Copy,
  state: BreakerState,
  { window_ms, open_ms, probe_ms }: BreakerSettings,
): Promise<boolean> {
  const { tenant_id, name, version } = copy;
  const before = copy.state.status;
  const keepMs = window_ms + open_ms + probe_ms + HOUR_MS;
  const next = { tenant_id, name, version: randomUUID(), state, keepMs };
  const rows = await database.run(version === null ? insertBreaker(next) : updateBreaker(next, version));
  if (rows === 0) return false;
  if (state.status !== before) {
    metrics.breaker_changes.inc({ state: state.status });
    log[state.status === "open" ? "warn" : "info"]({ breaker: name, state: state.status }, "a breaker changed");
  }
  Object.assign(copy, { state, version: next.version });
  return true;
}
