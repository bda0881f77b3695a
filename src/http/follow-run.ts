import { RUN_TRANSITIONS } from "../policy/run-lifecycle.ts";
import type { Database } from "../postgres/database.ts";
import { readRunEvents } from "../postgres/events.ts";
import type { Wakeups } from "../postgres/notify.ts";
import { type RunRow, selectRun } from "../postgres/runs.sql.ts";
import type { StoredEvent } from "../protocol/events.ts";
import type { StreamMode } from "../protocol/run.ts";
import { comment, frame } from "./sse.ts";
import { watchThread } from "./thread-watch.ts";

/** How long to wait for a wake-up before looking anyway. */
export const POLL_MS = 1_000;
const HEARTBEAT_MS = 5_000;

/** Where runs and their events come from. */
export interface RunSource {
  database: Database;
  wakeups: Wakeups;
}

/** What to show of a run. */
export interface Follow {
  /** Only events after this id. */
  after: number;
  /** Only these modes; null: all that the run has stored. */
  modes: readonly StreamMode[] | null;
}

/** True when nothing more will happen to the run. */
export function hasEnded(run: Pick<RunRow, "status">): boolean {
  return RUN_TRANSITIONS[run.status].claim === null && RUN_TRANSITIONS[run.status].lose_lease === null;
}

/**
 * A run's stream as SSE text: `metadata` first, stored events under their stored ids, heartbeats, and `end` last. When
 * the signal aborts it stops without `end`, so that a client comes back for the rest.
 */
export async function* followRun(
  source: RunSource,
  run: RunRow,
  follow: Follow,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const { database, wakeups } = source;
  const watch = watchThread(wakeups, run.thread_id, signal, ["events", "runs"]);
  // Whoever starts at the beginning sees every attempt announced in its place.
  const attempt = follow.after === 0 ? 1 : Math.max(run.attempt, 1);
  const isShown = shownEvents(follow.modes, attempt);
  let after = follow.after;
  let lastShownAt = Date.now();
  try {
    yield frame("metadata", { run_id: run.run_id, attempt });
    while (!signal.aborted) {
      // The run first: once it has ended, every event of it is there to be read.
      const now = (await database.maybeOne(selectRun(run.tenant_id, run.thread_id, run.run_id))) ?? run;
      const events = await readRunEvents(database, run, after);
      after = events.at(-1)?.seq ?? after;
      const shown = events.filter(isShown);
      if (shown.length > 0) {
        yield shown.map(({ event, data, seq }) => frame(event, data, seq)).join("");
        lastShownAt = Date.now();
      }
      if (events.length > 0) continue;
      if (hasEnded(now)) return yield closing(now, isShown.sawError());
      await watch.changed(POLL_MS);
      if (Date.now() - lastShownAt < HEARTBEAT_MS) continue;
      yield comment("heartbeat");
      lastShownAt = Date.now();
    }
  } finally {
    watch.close();
  }
}

interface Shown {
  (event: StoredEvent): boolean;
  /** True once an `error` frame went by. */
  sawError(): boolean;
}

function shownEvents(modes: readonly StreamMode[] | null, announcedAttempt: number): Shown {
  const names = modes === null ? null : new Set(modes.map((mode) => (mode === "messages-tuple" ? "messages" : mode)));
  let error = false;
  const isShown = ({ event, data }: StoredEvent): boolean => {
    if (event === "error") error = true;
    if (event === "error") return true;
    // Each attempt announces itself; the one that is under way was announced before anything was stored.
    if (event === "metadata") return (data as { attempt?: number }).attempt !== announcedAttempt;
    const [mode] = event.split("|", 1);
    return names === null || (names as Set<string>).has(mode as string);
  };
  return Object.assign(isShown, { sawError: () => error });
}

/** The last frames. A run that was ended from outside (poison, refused in the queue) has stored no error of its own. */
function closing(run: RunRow, sawError: boolean): string {
  const failed = run.status === "error" || run.status === "timeout";
  const error = failed && !sawError ? frame("error", errorOf(run)) : "";
  return `${error}${frame("end", null)}`;
}

/** What a failed or cancelled run says went wrong. */
export function errorOf(run: Pick<RunRow, "error" | "status">): { error: string; message: string } {
  if (run.error !== null) return JSON.parse(run.error);
  return { error: run.status, message: `the run ended with the status ${run.status}` };
}
