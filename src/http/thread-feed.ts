import type { Database } from "../postgres/database.ts";
import type { Wakeups } from "../postgres/notify.ts";
import { threadMarks } from "../postgres/thread-events.sql.ts";
import type { Log } from "../telemetry/log.ts";

/** How long to wait for a wake-up before looking anyway. */
const POLL_MS = 1_000;
// A wake-up from another process says only that something has happened on some thread.
const PAUSE_MS = 100;

/** Hears when something has happened on one thread. */
export interface ThreadFollower {
  /** Rises whenever something has. */
  turn(): number;
  /** False once the thread is gone. */
  isThere(): boolean;
  /** Resolves when something has happened since that turn, when the time is up or when the signal aborts. */
  changed(turn: number, maxMs: number, signal: AbortSignal): Promise<void>;
  close(): void;
}

/** The threads that clients of this process follow. */
export interface ThreadFeeds {
  open(thread: { tenant_id: string; thread_id: string }): ThreadFollower;
  /** How many clients follow. */
  readonly size: number;
}

interface Watched {
  tenant_id: string;
  thread_id: string;
  turn: number;
  mark: string | undefined;
  isThere: boolean;
  followers: number;
  waiting: Set<() => void>;
}

/** Lets any number of clients follow threads: one question asks for all of them which have moved. */
export function createThreadFeeds({
  database,
  wakeups,
  log,
}: {
  database: Database;
  wakeups: Wakeups;
  log: Log;
}): ThreadFeeds {
  const threads = new Map<string, Watched>();
  let stop: (() => void) | undefined;
  let isLooking = false;
  let isWanted = false;
  const look = async () => {
    isLooking = true;
    isWanted = false;
    const asked = [...threads.values()];
    const statement = threadMarks(
      asked.map(({ tenant_id }) => tenant_id),
      asked.map(({ thread_id }) => thread_id),
    );
    try {
      const marks = new Map((await database.many(statement)).map(({ thread_id, mark }) => [thread_id, mark]));
      for (const watched of asked) notice(watched, marks.get(watched.thread_id));
    } catch (error) {
      log.warn({ err: error }, "the threads that are followed could not be looked at");
    }
    setTimeout(() => {
      isLooking = false;
      if (isWanted && threads.size > 0) void look();
    }, PAUSE_MS).unref();
  };
  const lookSoon = () => {
    isWanted = true;
    if (!isLooking && threads.size > 0) void look();
  };
  const start = () => {
    const onWakeUp = (thread_id: string | undefined) => {
      if (thread_id === undefined) return lookSoon();
      const watched = threads.get(thread_id);
      if (watched !== undefined) wake(watched);
    };
    const stops = (["events", "runs"] as const).map((channel) => wakeups.subscribe(channel, onWakeUp));
    const poll = setInterval(lookSoon, POLL_MS).unref();
    return () => {
      clearInterval(poll);
      for (const unsubscribe of stops) unsubscribe();
    };
  };
  return {
    get size() {
      return [...threads.values()].reduce((sum, { followers }) => sum + followers, 0);
    },
    open({ tenant_id, thread_id }) {
      stop ??= start();
      const watched = threads.get(thread_id) ?? fresh(tenant_id, thread_id);
      threads.set(thread_id, watched);
      watched.followers += 1;
      let isClosed = false;
      return {
        turn: () => watched.turn,
        isThere: () => watched.isThere,
        changed: (turn, maxMs, signal) => changed(watched, turn, maxMs, signal),
        close() {
          if (isClosed) return;
          isClosed = true;
          watched.followers -= 1;
          if (watched.followers === 0) threads.delete(thread_id);
          if (threads.size > 0) return;
          stop?.();
          stop = undefined;
        },
      };
    },
  };
}

function fresh(tenant_id: string, thread_id: string): Watched {
  return { tenant_id, thread_id, turn: 0, mark: undefined, isThere: true, followers: 0, waiting: new Set() };
}

function notice(watched: Watched, mark: string | undefined): void {
  watched.isThere = mark !== undefined;
  if (watched.mark === mark && watched.isThere) return;
  watched.mark = mark;
  wake(watched);
}

function wake(watched: Watched): void {
  watched.turn += 1;
  for (const resolve of [...watched.waiting]) resolve();
}

async function changed(watched: Watched, turn: number, maxMs: number, signal: AbortSignal): Promise<void> {
  if (watched.turn !== turn || signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = () => resolve();
  const timer = setTimeout(end, maxMs).unref();
  watched.waiting.add(end);
  signal.addEventListener("abort", end);
  await promise;
  clearTimeout(timer);
  signal.removeEventListener("abort", end);
  watched.waiting.delete(end);
}
