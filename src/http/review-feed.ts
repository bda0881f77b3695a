import type { Database } from "../postgres/database.ts";
import type { Wakeups } from "../postgres/notify.ts";
import type { ReviewChange } from "../postgres/review-changes.sql.ts";
import { type ReviewChanges, readReviewChanges, readSnapshot } from "../postgres/review-changes.ts";
import type { Log } from "../telemetry/log.ts";

/** How long to wait for a wake-up before looking anyway. */
const POLL_MS = 1_000;
// Wake-ups are about runs as well, of which there may be thousands a second.
const PAUSE_MS = 100;
// Of those who do not read, no more is kept; they are told to read the list.
const KEPT_CHANGES = 1_000;

/** What a follower has not been told yet. */
export interface ReviewNews {
  /** The newest change of each review; undefined: more than can be told, everything has to be read again. */
  changes: ReviewChange[] | undefined;
  /** Where somebody stands who knows all this. */
  snapshot: string;
}

/** Follows the reviews of a tenant. */
export interface ReviewFollower {
  /** What there is to tell; undefined when there is nothing. Whoever has taken it will not be given it again. */
  take(): ReviewNews | undefined;
  /** Resolves when there is something to tell, when the time is up or when the signal aborts. */
  changed(maxMs: number, signal: AbortSignal): Promise<void>;
  close(): void;
}

/** The reviews that clients of this process follow. */
export interface ReviewFeeds {
  /** Follows from a snapshot on; from none, or one that is not known, the first news are that everything has to be read. */
  open(tenant_id: string, since: string | undefined): Promise<ReviewFollower>;
  /** How many clients follow. */
  readonly size: number;
}

interface Parts {
  database: Database;
  wakeups: Wakeups;
  log: Log;
}

type Listener = (news: ReviewChanges) => void;

/**
 * Lets any number of clients follow reviews. All of a tenant share one look at what has changed, begun by a wake-up;
 * nothing is asked while nobody follows.
 */
export function createReviewFeeds(parts: Parts): ReviewFeeds {
  const watches = new Map<string, { listeners: Set<Listener>; now: () => Promise<string>; stop: () => void }>();
  const watchOf = (tenant_id: string) => {
    const known = watches.get(tenant_id);
    if (known !== undefined) return known;
    const listeners = new Set<Listener>();
    const watch = { listeners, ...startWatch(parts, tenant_id, listeners) };
    watches.set(tenant_id, watch);
    return watch;
  };
  return {
    get size() {
      return [...watches.values()].reduce((sum, { listeners }) => sum + listeners.size, 0);
    },
    async open(tenant_id, since) {
      const watch = watchOf(tenant_id);
      const { follower, listener } = follow(() => {
        watch.listeners.delete(listener);
        if (watch.listeners.size > 0) return;
        watch.stop();
        if (watches.get(tenant_id) === watch) watches.delete(tenant_id);
      });
      // It listens before it looks: what happens between the two is told twice rather than not at all.
      watch.listeners.add(listener);
      try {
        const snapshot = await watch.now();
        if (since === undefined) listener({ snapshot, changes: undefined });
        else listener(await readReviewChanges(parts.database, tenant_id, since));
      } catch (error) {
        follower.close();
        throw error;
      }
      return follower;
    },
  };
}

/** Looks at every wake-up, one look at a time, and tells the listeners what it has seen. */
function startWatch({ database, wakeups, log }: Parts, tenant_id: string, listeners: ReadonlySet<Listener>) {
  let snapshot: string | undefined;
  let isWanted = false;
  let isLooking = false;
  let isStopped = false;
  const ready = readSnapshot(database).then((first) => {
    snapshot = first;
    return first;
  });
  const look = async () => {
    isLooking = true;
    isWanted = false;
    try {
      const news = await readReviewChanges(database, tenant_id, snapshot ?? (await ready));
      snapshot = news.snapshot;
      if (news.changes === undefined || news.changes.length > 0) for (const listener of [...listeners]) listener(news);
    } catch (error) {
      // The next look begins where the last good one ended.
      log.warn({ err: error }, "the changes of reviews could not be read");
    }
    setTimeout(() => {
      isLooking = false;
      if (isWanted && !isStopped) void look();
    }, PAUSE_MS).unref();
  };
  const wakeUp = () => {
    isWanted = true;
    if (!isLooking && !isStopped) void look();
  };
  const unsubscribe = wakeups.subscribe("runs", wakeUp);
  const poll = setInterval(wakeUp, POLL_MS).unref();
  return {
    now: async () => snapshot ?? (await ready),
    stop: () => {
      isStopped = true;
      unsubscribe();
      clearInterval(poll);
    },
  };
}

function follow(close: () => void): { follower: ReviewFollower; listener: Listener } {
  let snapshot: string | undefined;
  let isTooMuch = false;
  const changes = new Map<string, ReviewChange>();
  // What is seen by the look at the beginning may be seen by the next one as well.
  const told = new Map<string, string>();
  const waiting = new Set<() => void>();
  const listener: Listener = (news) => {
    snapshot = news.snapshot;
    isTooMuch ||= news.changes === undefined;
    for (const change of news.changes ?? []) {
      const isOlder = (changes.get(change.id)?.version ?? 0) > change.version;
      if (!isOlder && told.get(change.id) !== JSON.stringify(change)) changes.set(change.id, change);
    }
    isTooMuch ||= changes.size > KEPT_CHANGES;
    if (isTooMuch) changes.clear();
    for (const resolve of [...waiting]) resolve();
  };
  return {
    listener,
    follower: {
      take() {
        if (snapshot === undefined || (changes.size === 0 && !isTooMuch)) return undefined;
        const news = { snapshot, changes: isTooMuch ? undefined : [...changes.values()] };
        if (isTooMuch || told.size > KEPT_CHANGES) told.clear();
        for (const [id, change] of changes) told.set(id, JSON.stringify(change));
        changes.clear();
        isTooMuch = false;
        return news;
      },
      async changed(maxMs, signal) {
        if (isTooMuch || changes.size > 0 || signal.aborted) return;
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
      close,
    },
  };
}
