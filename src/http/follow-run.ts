import { RUN_TRANSITIONS } from "../policy/run-lifecycle.ts";
import type { RunRow } from "../postgres/runs.sql.ts";
import type { StreamMode } from "../protocol/run.ts";
import { countEvents, eventId, eventsOf, isBehind, type Position } from "./event-id.ts";
import type { Frame, RunFeeds } from "./run-feed.ts";
import { comment, frame, withId } from "./sse.ts";

const HEARTBEAT_MS = 5_000;
const FIRST_ATTEMPT = 1;
const START: Position = { own: 0, beside: 0 };

/** What to show of a run. */
export interface Follow {
  /** Only what comes behind this; from the start unless given. */
  after?: Position | undefined;
  /** Only these modes; null: all that the run has stored. */
  modes: readonly StreamMode[] | null;
  /** The modes that the run was started with, by which its events are counted; all that are stored unless given. */
  own?: readonly StreamMode[] | null;
  /** Only what happens at these paths of subgraphs, the root being empty; everywhere unless given. */
  namespaces?: readonly string[] | undefined;
  /** Whether an `end` tells that nothing more will come; a comment says it to whoever reads along, unless given. */
  tellsEnd?: boolean | undefined;
}

/** True when nothing more will happen to the run. */
export function hasEnded({ status }: Pick<RunRow, "status">): boolean {
  return RUN_TRANSITIONS[status].claim === null && RUN_TRANSITIONS[status].lose_lease === null;
}

/**
 * A run's stream as SSE text: stored events under their place in the run, heartbeats, and `end` last for who wants it. Who
 * starts at the beginning is told the run at once by a `metadata` of its own, before anything is stored; for who comes back
 * the events are counted from there again. When the signal aborts it stops without `end`, so that a client comes back for
 * the rest.
 */
export async function* followRun(
  feeds: RunFeeds,
  run: Pick<RunRow, "tenant_id" | "thread_id" | "run_id">,
  follow: Follow,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const feed = feeds.open(run);
  const isShown = shownFrames(follow);
  const count = countEvents(follow.own ?? null);
  // The first attempt is announced before anything is stored.
  const after = follow.after ?? START;
  let seq = 0;
  let lastShownAt = Date.now();
  let sawError = false;
  try {
    if (follow.after === undefined) {
      yield frame("metadata", { run_id: run.run_id, attempt: FIRST_ATTEMPT }, eventId(START));
    }
    while (!signal.aborted) {
      const turn = feed.turn();
      const look = await feed.look(seq);
      if (look === undefined) return yield closing(gone(run), follow);
      seq = look.frames.at(-1)?.seq ?? seq;
      sawError ||= look.frames.some(({ mode }) => mode === "error");
      const text = textOf(look.frames, Date.now() - lastShownAt, (frame) => {
        const at = count(frame);
        return isBehind(at, after) && isShown(frame) ? withId(frame.text, eventId(at)) : "";
      });
      if (text !== "") {
        yield text;
        lastShownAt = Date.now();
      }
      if (!look.isWhole) continue;
      if (hasEnded(look)) {
        // A run that was ended from outside (poison, refused in the queue) has stored no error of its own.
        const isTold = !hasFailed(look) || sawError;
        return yield closing(isTold ? null : errorOf(look), follow);
      }
      while (feed.turn() === turn && !signal.aborted) {
        await feed.changed(turn, untilHeartbeat(lastShownAt), signal);
        if (feed.turn() !== turn || signal.aborted) break;
        yield comment("heartbeat");
        lastShownAt = Date.now();
      }
    }
  } finally {
    feed.close();
  }
}

/** How long until something has to be sent. */
function untilHeartbeat(lastShownAt: number): number {
  return Math.min(Math.max(lastShownAt + HEARTBEAT_MS - Date.now(), 0), HEARTBEAT_MS);
}

function shownFrames({ modes, namespaces }: Follow): (frame: Pick<Frame, "mode" | "namespace">) => boolean {
  const names = eventsOf(modes);
  const paths = namespaces && new Set(namespaces);
  return ({ mode, namespace }) => {
    // Each attempt announces itself.
    if (mode === "error" || mode === "metadata") return true;
    return (names?.has(mode) ?? true) && (paths?.has(namespace) ?? true);
  };
}

function textOf(frames: readonly Frame[], silentMs: number, show: (frame: Frame) => string): string {
  const text = frames.map(show).join("");
  return text === "" && silentMs >= HEARTBEAT_MS ? comment("heartbeat") : text;
}

interface WireError {
  error: string;
  message: string;
}

function closing(error: WireError | null, { tellsEnd }: Follow): string {
  return `${error === null ? "" : frame("error", error)}${tellsEnd === true ? frame("end", null) : comment("end")}`;
}

function hasFailed({ status }: Pick<RunRow, "status">): boolean {
  return status === "error" || status === "timeout";
}

/** What a failed or cancelled run says went wrong. */
export function errorOf(run: Pick<RunRow, "error" | "status">): WireError {
  if (run.error !== null) return JSON.parse(run.error);
  return { error: run.status, message: `the run ended with the status ${run.status}` };
}

/** What is said of a run that was deleted while somebody waited for it. */
export function gone({ thread_id, run_id }: Pick<RunRow, "thread_id" | "run_id">): WireError {
  return { error: "not_found", message: `run ${run_id} on thread ${thread_id} was deleted` };
}
