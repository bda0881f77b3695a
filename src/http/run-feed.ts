import { setImmediate as nextTurn } from "node:timers/promises";
import type { Database } from "../postgres/database.ts";
import { type LookWish, lookAtRuns, type RunLook } from "../postgres/events.ts";
import type { Wakeups } from "../postgres/notify.ts";
import { runMarks } from "../postgres/run-ends.sql.ts";
import { aliasedEvent } from "./hitl-aliases.ts";
import { createRunEnds, type RunEnds } from "./run-ends.ts";
import { eventText } from "./sse.ts";

/** How long to wait for a wake-up before looking anyway. */
const POLL_MS = 1_000;
// With what a look gives at most, this bounds what one question to the database can bring back.
const LOOKS_AT_ONCE = 16;
// Who follows live stands at the same event as all others; who is behind reads alone, and soon reads on.
const LOOKS_KEPT = 4;

/** An event as it is sent, but for its id. */
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
  /** Resolves when there was a wake-up since that turn, when the time is up, or when the signal aborts. */
  changed(turn: number, maxMs: number, signal: AbortSignal): Promise<void>;
  close(): void;
}

/** The runs that are followed in this process. */
export interface RunFeeds {
  open(run: Omit<LookWish, "after">): RunFeed;
  /** How many runs are followed. */
  readonly size: number;
  /** For those who wait for nothing but the end. */
  readonly ends: RunEnds;
}

interface Shared extends Omit<RunFeed, "close"> {
  run: Omit<LookWish, "after">;
  followers: number;
  /** What it showed when all were asked about last. */
  mark: string | undefined;
  wakeUp(): void;
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
  const ends = createRunEnds({ database, wakeups });
  let stop: (() => void) | undefined;
  return {
    ends,
    get size() {
      return feeds.size;
    },
    open({ tenant_id, thread_id, run_id }) {
      stop ??= wakeAll(database, wakeups, feeds);
      let shared = feeds.get(run_id);
      if (shared === undefined) {
        const run = { tenant_id, thread_id, run_id };
        shared = share(run, (after) => look({ ...run, after }));
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
          if (feed.followers === 0) feeds.delete(run_id);
          if (feeds.size > 0) return;
          stop?.();
          stop = undefined;
        },
      };
    },
  };
}

/**
 * Wakes those who follow a run when something has happened on its thread. What another process says, and the clock, name
 * no thread: where many are followed, one question tells first whom it concerns. Gives how to stop.
 */
function wakeAll(database: Database, wakeups: Wakeups, feeds: ReadonlyMap<string, Shared>): () => void {
  let isAsking = false;
  let isWanted = false;
  // Bound: as long as somebody follows and something may have happened.
  const ask = async () => {
    isAsking = true;
    while (isWanted && feeds.size > 0) {
      isWanted = false;
      const asked = [...feeds.values()];
      // Where the marks cannot be read, each look says why.
      const marks = asked.length <= LOOKS_AT_ONCE ? undefined : await readMarks(database, asked).catch(() => undefined);
      for (const feed of asked) {
        const mark = marks?.get(feed.run.run_id);
        if (mark === undefined || mark !== feed.mark) feed.wakeUp();
        feed.mark = mark;
      }
    }
    isAsking = false;
  };
  const onChange = (thread_id: string | undefined) => {
    isWanted ||= thread_id === undefined;
    if (isWanted && !isAsking) void ask();
    for (const feed of thread_id === undefined ? [] : feeds.values()) {
      if (feed.run.thread_id === thread_id) feed.wakeUp();
    }
  };
  const stops = (["events", "runs"] as const).map((channel) => wakeups.subscribe(channel, onChange));
  const poll = setInterval(onChange, POLL_MS, undefined).unref();
  return () => {
    clearInterval(poll);
    for (const unsubscribe of stops) unsubscribe();
  };
}

async function readMarks(database: Database, feeds: readonly Shared[]): Promise<Map<string, string>> {
  const keys = {
    tenant_ids: feeds.map(({ run }) => run.tenant_id),
    thread_ids: feeds.map(({ run }) => run.thread_id),
    run_ids: feeds.map(({ run }) => run.run_id),
  };
  return new Map((await database.many(runMarks(keys))).map(({ run_id, mark }) => [run_id, mark]));
}

function share(run: Shared["run"], read: (after: number) => Promise<FedLook | undefined>): Shared {
  let turn = 0;
  const waiting = new Set<() => void>();
  /** Looks that were begun since the last wake-up: nobody can see more than they show. */
  const looks = new Map<number, Promise<FedLook | undefined>>();
  return {
    run,
    followers: 0,
    mark: undefined,
    turn: () => turn,
    wakeUp() {
      turn += 1;
      looks.clear();
      for (const resolve of [...waiting]) resolve();
    },
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
    async changed(since, maxMs, signal) {
      if (turn !== since || signal.aborted) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      const end = () => resolve();
      const timer = setTimeout(end, maxMs).unref();
      waiting.add(end);
      signal.addEventListener("abort", end);
      await promise;
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      waiting.delete(end);
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
      text: eventText(event, hitlAliases ? aliasedEvent(mode, data) : data),
    };
  });
  return { ...rest, frames };
}
