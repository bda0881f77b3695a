import type { Database } from "../postgres/database.ts";
import { type RunRow, selectRun } from "../postgres/runs.sql.ts";
import { errorOf, gone, hasEnded } from "./follow-run.ts";
import { aliasedOutput } from "./hitl-aliases.ts";
import type { RunFeeds } from "./run-feed.ts";

const KEEP_ALIVE_MS = 1_000;
// Only whether it has ended is asked for.
const NO_EVENTS = Number.MAX_SAFE_INTEGER;

/** Where runs are followed, and read when they have ended. */
export interface RunSource {
  database: Database;
  runFeeds: RunFeeds;
}

/** Waits until the run has ended; undefined when the signal aborted, or the time was up before. One that is gone was cancelled. */
export async function awaitRun(
  source: RunSource,
  run: RunRow,
  signal: AbortSignal,
  maxMs = Number.POSITIVE_INFINITY,
): Promise<RunRow | undefined> {
  const feed = source.runFeeds.open(run);
  const late = new AbortController();
  const timer = maxMs === Number.POSITIVE_INFINITY ? undefined : setTimeout(() => late.abort(), maxMs);
  const stop = AbortSignal.any([signal, late.signal]);
  const removed: RunRow = { ...run, status: "interrupted", output: null, error: JSON.stringify(gone(run)) };
  try {
    // Whoever asks with no time at all is still told whether it has ended.
    for (;;) {
      const turn = feed.turn();
      const look = await feed.look(NO_EVENTS);
      if (look === undefined) return removed;
      if (hasEnded(look)) {
        return (await source.database.maybeOne(selectRun(run.tenant_id, run.thread_id, run.run_id))) ?? removed;
      }
      if (stop.aborted) return undefined;
      await feed.changed(turn, stop);
    }
  } finally {
    clearTimeout(timer);
    feed.close();
  }
}

/**
 * The body of `wait` and `join`: a newline at once and each second, so that nobody on the way takes the connection for
 * dead, then the result. It is never ended without one, which would be read as an empty result: when the server stops,
 * its connection is cut.
 */
export async function* waitForRun(
  source: RunSource,
  run: RunRow,
  signal: AbortSignal,
  hitlAliases = true,
): AsyncGenerator<string> {
  yield "\n";
  let ended: RunRow | undefined;
  while (ended === undefined && !signal.aborted) {
    ended = await awaitRun(source, run, signal, KEEP_ALIVE_MS);
    if (ended === undefined && !signal.aborted) yield "\n";
  }
  if (ended !== undefined) yield resultOf(ended, hitlAliases);
}

/** What a run that has ended gives: its last values or open questions, or what went wrong. */
function resultOf(run: RunRow, hitlAliases: boolean): string {
  if (run.status === "success") return hitlAliases ? aliasedOutput(run.output ?? "null") : (run.output ?? "null");
  return JSON.stringify({ __error__: errorOf(run) });
}
