import { type RunRow, selectRun } from "../postgres/runs.sql.ts";
import { errorOf, hasEnded, POLL_MS, type RunSource } from "./follow-run.ts";
import { watchThread } from "./thread-watch.ts";

const KEEP_ALIVE_MS = 1_000;

/** Waits until the run has ended; undefined when the signal aborted or the time was up before. */
export async function awaitRun(
  source: RunSource,
  run: RunRow,
  signal: AbortSignal,
  maxMs = Number.POSITIVE_INFINITY,
): Promise<RunRow | undefined> {
  const watch = watchThread(source.wakeups, run.thread_id, signal, ["runs"]);
  const deadline = Date.now() + maxMs;
  try {
    while (!signal.aborted) {
      const now = await source.database.maybeOne(selectRun(run.tenant_id, run.thread_id, run.run_id));
      if (now !== undefined && hasEnded(now)) return now;
      const leftMs = deadline - Date.now();
      if (leftMs <= 0) return undefined;
      await watch.changed(Math.min(POLL_MS, leftMs));
    }
    return undefined;
  } finally {
    watch.close();
  }
}

/**
 * The body of `wait` and `join`: a newline at once and each second, so that nobody on the way takes the connection for
 * dead, then the result. It is never ended without one, which would be read as an empty result: when the server stops,
 * its connection is cut.
 */
export async function* waitForRun(source: RunSource, run: RunRow, signal: AbortSignal): AsyncGenerator<string> {
  yield "\n";
  let ended: RunRow | undefined;
  while (ended === undefined && !signal.aborted) {
    ended = await awaitRun(source, run, signal, KEEP_ALIVE_MS);
    if (ended === undefined && !signal.aborted) yield "\n";
  }
  if (ended !== undefined) yield resultOf(ended);
}

/** What a run that has ended gives: its last values or open questions, or what went wrong. */
function resultOf(run: RunRow): string {
  if (run.status === "success") return run.output ?? "null";
  return JSON.stringify({ __error__: errorOf(run) });
}
