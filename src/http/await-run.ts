import type { RunRow } from "../postgres/runs.sql.ts";
import { errorOf, gone } from "./follow-run.ts";
import { aliasedOutput } from "./hitl-aliases.ts";
import type { RunFeeds } from "./run-feed.ts";

const KEEP_ALIVE_MS = 1_000;
/** Where runs are waited for. */
export interface RunSource {
  runFeeds: Pick<RunFeeds, "ends">;
}

/** Waits until the run has ended; undefined when the signal aborted, or the time was up before. One that is gone was cancelled. */
export async function awaitRun(
  { runFeeds }: RunSource,
  run: RunRow,
  signal: AbortSignal,
  maxMs = Number.POSITIVE_INFINITY,
): Promise<RunRow | undefined> {
  const late = new AbortController();
  const timer = maxMs === Number.POSITIVE_INFINITY ? undefined : setTimeout(() => late.abort(), maxMs);
  try {
    // Whoever asks with no time at all is still told whether it has ended.
    const ended = await runFeeds.ends.wait(run, AbortSignal.any([signal, late.signal]));
    if (ended !== "gone") return ended;
    return { ...run, status: "interrupted", output: null, error: JSON.stringify(gone(run)) };
  } finally {
    clearTimeout(timer);
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
