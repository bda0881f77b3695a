import { setTimeout as sleep } from "node:timers/promises";
import { type Api, refusal } from "./api.ts";
import { CommandError } from "./command-error.ts";
import { readRun } from "./find-run.ts";
import { formatDuration } from "./format.ts";
import {
  advance,
  type Progress,
  type ProgressLine,
  runningNodes,
  type StreamPart,
  startProgress,
} from "./run-progress.ts";
import { sanitiseLine } from "./sanitise.ts";
import { createSdkClient } from "./sdk.ts";
import type { Terminal } from "./terminal.ts";
import type { RunView } from "./wire.ts";

const MODES: ("updates" | "values" | "tasks")[] = ["updates", "values", "tasks"];
const STATUS_EVERY_MS = 1000;
const RETRY_MS = [200, 500, 1000, 2000, 5000];
/** How long a server may be away before a follower gives up. */
const GIVE_UP_MS = 300_000;

/** Where the lines of a followed run go. */
export interface Follower {
  terminal: Terminal;
  /** With `--json` the lines are notes: the output is one JSON value. */
  say: (line: string) => void;
  signal: AbortSignal;
}

/** How a run was left, and what its stream told of it last. */
export interface Followed extends Pick<Progress, "values" | "error"> {
  run: RunView;
}

/** The modes a run of the command line is streamed in. */
export const STREAM_MODES = MODES;

/** Prints the events of a stream as they come. Gives what was learnt; a broken connection throws. */
export async function printStream(
  parts: AsyncIterable<StreamPart & { id?: string | undefined }>,
  follower: Follower,
  begin: { progress: Progress; isLive: boolean },
  onPart: (id: string | undefined) => void = () => undefined,
): Promise<Progress> {
  const { terminal, say } = follower;
  let progress = begin.progress;
  const beginMs = performance.now();
  const ticker = setInterval(() => {
    const nodes = runningNodes(progress).map(sanitiseLine).join(", ");
    terminal.status(terminal.colours.dim(`  … ${nodes || "waiting"}  ${formatDuration(performance.now() - beginMs)}`));
  }, STATUS_EVERY_MS);
  try {
    for await (const part of parts) {
      const next = advance(progress, part, performance.now(), begin.isLive);
      progress = next.progress;
      for (const line of next.lines) say(progressLine(line, terminal));
      onPart(part.id);
    }
    return progress;
  } finally {
    clearInterval(ticker);
    terminal.status("");
  }
}

/** Follows a run to its end from its first event on, over lost connections. */
export async function followRun(
  api: Api,
  run: { thread_id: string; run_id: string },
  follower: Follower,
): Promise<Followed> {
  let current = await readRun(api, run, follower.signal);
  const isLive = current.status === "pending";
  const client = await createSdkClient(api.connection);
  let progress = startProgress(performance.now());
  let lastEventId = "-1";
  let contactMs = performance.now();
  // Bound: GIVE_UP_MS without any contact.
  for (let failures = 0; ; ) {
    try {
      const { signal } = follower;
      const parts = client.runs.joinStream(run.thread_id, run.run_id, { lastEventId, streamMode: MODES, signal });
      progress = await printStream(parts, follower, { progress, isLive }, (id) => {
        lastEventId = id ?? lastEventId;
        contactMs = performance.now();
        failures = 0;
      });
      current = await readRun(api, run, follower.signal);
      if (current.status !== "pending" && current.status !== "running")
        return { run: current, values: progress.values, error: progress.error };
      contactMs = performance.now();
    } catch (cause) {
      if (follower.signal.aborted) throw cause;
      const error = asCommandError(cause);
      if (error !== undefined && error.code !== "unreachable") throw error;
      if (performance.now() - contactMs > GIVE_UP_MS) throw error ?? cause;
      if (failures === 0)
        follower.terminal.note(follower.terminal.colours.dim("  the connection was lost, trying again …"));
    }
    await sleep(RETRY_MS[Math.min(failures, RETRY_MS.length - 1)], undefined, { signal: follower.signal });
    failures += 1;
  }
}

/** What an error of the SDK means to a command; undefined for a connection that broke. */
export function asCommandError(error: unknown): CommandError | undefined {
  if (error instanceof CommandError) return error;
  if (!(error instanceof Error) || !("status" in error) || typeof error.status !== "number") return undefined;
  const text = "text" in error && typeof error.text === "string" ? error.text : error.message;
  const response = "response" in error && error.response instanceof Response ? error.response : undefined;
  return refusal(error.status, response?.headers.get("x-holdpoint-error") ?? null, text);
}

function progressLine(line: ProgressLine, { colours }: Terminal): string {
  switch (line.kind) {
    case "attempt":
      return colours.yellow(`  attempt ${line.attempt}: goes on from the last checkpoint`);
    case "error":
      return `  ${colours.red("✗")} ${sanitiseLine(`${line.error}: ${line.message}`)}`;
    case "node": {
      const time = line.durationMs === undefined ? "" : colours.dim(`  ${formatDuration(line.durationMs)}`);
      if (line.failed === undefined) return `  ${colours.green("✓")} ${sanitiseLine(line.name)}${time}`;
      return `  ${colours.red("✗")} ${sanitiseLine(line.name)}${time}  ${sanitiseLine(line.failed)}`;
    }
  }
}
