import { setImmediate as nextTurn } from "node:timers/promises";
import type { Database } from "../postgres/database.ts";
import { type LookWish, lookAtRuns, type RunLook } from "../postgres/events.ts";
import type { Wakeups } from "../postgres/notify.ts";
import { aliasedEvent } from "./hitl-aliases.ts";
import { frame } from "./sse.ts";

/** How long to wait for a wake-up before looking anyway. */
const POLL_MS = 1_000;
// With what a look gives at most, this bounds what one question to the database can bring back.
const LOOKS_AT_ONCE = 16;
// Who follows live stands at the same event as all others; who is behind reads alone, and soon reads on.
const LOOKS_KEPT = 4;

/** An event as it is sent. */
export interface Frame {
  seq: number;
  /** The name without the path of a subgraph. */
  mode: string;
  /** That path; empty at the root. */
  namespace: string;
  /** Which attempt it announces; undefined for every event that is no announcement. */
  attempt: number | undefined;
  text: string;
}

/** What a look at a run shows, ready to be sent. */
export interface FedLook extends Omit<RunLook, "events"> {
  frames: Frame[];
}

/** Follows one run, together with everybody who follows it in this process. */
export interface RunFeed {
  /** Rises with every wake-up. */
  turn(): number;
  /** What there is behind an id, at least as new as the last wake-up; undefined when the run is gone. */
  look(after: number): Promise<FedLook | undefined>;
  /** Resolves when there was a wake-up since that turn, when it is time to look anyway, or when the signal aborts. */
  changed(turn: number, signal: AbortSignal): Promise<void>;
  close(): void;
}

/** The runs that are followed in this process. */
export interface RunFeeds {
  open(run: Omit<LookWish, "after">): RunFeed;
  /** How many runs are followed. */
  readonly size: number;
}

interface Shared extends Omit<RunFeed, "close"> {
  followers: number;
  end(): void;
}

/**
 * Lets any number of clients follow the same runs: nothing is kept for one that is slow, it reads again what it has not
 * been sent, and those that stand at the same event share one read. One is enough for a process.
 */
export function createRunFeeds(
  { database, wakeups }: { database: Database; wakeups: Wakeups },
  hitlAliases = true,
): RunFeeds {
  const feeds = new Map<string, Shared>();
  const look = createLooker(database, hitlAliases);
  return {
    get size() {
      return feeds.size;
    },
    open({ tenant_id, thread_id, run_id }) {
      let shared = feeds.get(run_id);
      if (shared === undefined) {
        shared = share(thread_id, wakeups, (after) => look({ tenant_id, thread_id, run_id, after }));
        feeds.set(run_id, shared);
      }
      const feed = shared;
      feed.followers += 1;
      let isClosed = false;
      return {
        turn: feed.turn,
        look: feed.look,
        changed: feed.changed,
        close() {
          if (isClosed) return;
          isClosed = true;
          feed.followers -= 1;
          if (feed.followers > 0) return;
          feeds.delete(run_id);
          feed.end();
        },
      };
    },
  };
}

function share(thread_id: string, wakeups: Wakeups, read: (after: number) => Promise<FedLook | undefined>): Shared {
  let turn = 0;
  const waiting = new Set<() => void>();
  /** Looks that were begun since the last wake-up: nobody can see more than they show. */
  const looks = new Map<number, Promise<FedLook | undefined>>();
  const wakeUp = () => {
    turn += 1;
    looks.clear();
    for (const resolve of [...waiting]) resolve();
  };
  const onChange = (woken: string | undefined) => {
    if (woken === undefined || woken === thread_id) wakeUp();
  };
  const stops = (["events", "runs"] as const).map((channel) => wakeups.subscribe(channel, onChange));
  const poll = setInterval(wakeUp, POLL_MS).unref();
  return {
    followers: 0,
    turn: () => turn,
    look(after) {
      const begun = looks.get(after);
      if (begun !== undefined) return begun;
      const reading = read(after);
      looks.set(after, reading);
      // Whoever comes next tries it again.
      reading.catch(() => looks.get(after) === reading && looks.delete(after));
      const [oldest] = looks.keys();
      if (looks.size > LOOKS_KEPT && oldest !== undefined) looks.delete(oldest);
      return reading;
    },
    async changed(since, signal) {
      if (turn !== since || signal.aborted) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      const onAbort = () => resolve();
      waiting.add(resolve);
      signal.addEventListener("abort", onAbort);
      await promise;
      signal.removeEventListener("abort", onAbort);
      waiting.delete(resolve);
    },
    end() {
      clearInterval(poll);
      for (const stop of stops) stop();
    },
  };
}

/** Puts looks that are asked for at the same time into one question; one question at a time. */
function createLooker(database: Database, hitlAliases: boolean): (wish: LookWish) => Promise<FedLook | undefined> {
  const waiting: { wish: LookWish; settle: PromiseWithResolvers<FedLook | undefined> }[] = [];
  let isLooking = false;
  // Bound: as long as somebody asks.
  const work = async () => {
    // Those who were woken together ask together.
    await nextTurn();
    while (waiting.length > 0) {
      const asked = waiting.splice(0, LOOKS_AT_ONCE);
      try {
        const wishes = asked.map(({ wish }) => wish);
        const looks = await lookAtRuns(database, wishes);
        for (const [place, { settle }] of asked.entries()) settle.resolve(fed(looks[place], hitlAliases));
      } catch (error) {
        for (const { settle } of asked) settle.reject(error);
      }
    }
    isLooking = false;
  };
  return (wish) => {
    const settle = Promise.withResolvers<FedLook | undefined>();
    waiting.push({ wish, settle });
    if (!isLooking) {
      isLooking = true;
      void work();
    }
    return settle.promise;
  };
}

function fed(look: RunLook | undefined, hitlAliases: boolean): FedLook | undefined {
  if (look === undefined) return undefined;
  const { events, ...rest } = look;
  const frames = events.map(({ event, data, seq }) => {
    const [mode = "", ...path] = event.split("|");
    const attempt = event === "metadata" ? (data as { attempt?: number }).attempt : undefined;
    return {
      seq,
      mode,
      namespace: path.join("|"),
      attempt,
      text: frame(event, hitlAliases ? aliasedEvent(mode, data) : data, seq),
    };
  });
  return { ...rest, frames };
}
