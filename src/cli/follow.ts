import { setTimeout as sleep } from "node:timers/promises";
import { type Api, refusal, unreachable } from "./api.ts";
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

/** How far a run was followed: it moves with every event, so that another connection can go on from there. */
export interface Position {
  progress: Progress;
  lastEventId: string;
}

/** The beginning of a run. */
export function fromStart(): Position {
  return { progress: startProgress(performance.now()), lastEventId: "-1" };
}

/** The modes a run of the command line is streamed in. */
export const STREAM_MODES: ("updates" | "values" | "tasks")[] = ["updates", "values", "tasks"];

/** Prints the events of a stream as they come, and moves the position along. A broken connection throws. */
export async function printStream(
  parts: AsyncIterable<StreamPart & { id?: string | undefined }>,
  { terminal, say }: Follower,
  position: Position,
  isLive: boolean,
): Promise<void> {
  const beginMs = performance.now();
  const ticker = setInterval(() => {
    const nodes = runningNodes(position.progress).map(sanitiseLine).join(", ");
    terminal.status(terminal.colours.dim(`  … ${nodes || "waiting"}  ${formatDuration(performance.now() - beginMs)}`));
  }, STATUS_EVERY_MS);
  try {
    for await (const part of parts) {
      const { progress, lines } = advance(position.progress, part, performance.now(), isLive);
      for (const line of lines) say(progressLine(line, terminal));
      position.progress = progress;
      position.lastEventId = part.id ?? position.lastEventId;
    }
  } finally {
    clearInterval(ticker);
    terminal.status("");
  }
}

/** Follows a run to its end, over lost connections and restarted servers. */
export async function followRun(
  api: Api,
  run: { thread_id: string; run_id: string },
  follower: Follower,
  position = fromStart(),
): Promise<Followed> {
  const { signal, terminal } = follower;
  const client = await createSdkClient(api.connection);
  let isLive: boolean | undefined;
  let contactMs = performance.now();
  // Bound: GIVE_UP_MS without any contact.
  for (let failures = 0; ; failures += 1) {
    const seen = position.lastEventId;
    try {
      isLive ??= (await readRun(api, run, signal)).status === "pending";
      const { lastEventId } = position;
      const parts = client.runs.joinStream(run.thread_id, run.run_id, {
        lastEventId,
        streamMode: STREAM_MODES,
        signal,
      });
      await printStream(parts, follower, position, isLive);
      const last = await readRun(api, run, signal);
      if (hasEnded(last)) return { run: last, values: position.progress.values, error: position.progress.error };
      contactMs = performance.now();
    } catch (cause) {
      if (!isLostConnection(cause, signal)) throw asCommandError(cause) ?? cause;
      if (position.lastEventId !== seen) {
        contactMs = performance.now();
        failures = 0;
      }
      if (performance.now() - contactMs > GIVE_UP_MS) throw unreachable(api.connection, cause);
      if (failures === 0) terminal.note(terminal.colours.dim("  the connection was lost, trying again …"));
    }
    await sleep(RETRY_MS[Math.min(failures, RETRY_MS.length - 1)], undefined, { signal });
  }
}

/** True when nothing more will happen to the run. */
export function hasEnded({ status }: RunView): boolean {
  return status !== "pending" && status !== "running";
}

/** True for an error that another try may mend: no refusal, and not Ctrl-C. */
export function isLostConnection(error: unknown, signal: AbortSignal): boolean {
  if (signal.aborted) return false;
  const refused = asCommandError(error);
  return refused === undefined || refused.code === "unreachable" || refused.code === "database_unreachable";
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
