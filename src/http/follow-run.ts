import { RUN_TRANSITIONS } from "../policy/run-lifecycle.ts";
import type { RunRow } from "../postgres/runs.sql.ts";
import type { StreamMode } from "../protocol/run.ts";
import type { Frame, RunFeed, RunFeeds } from "./run-feed.ts";
import { comment, frame } from "./sse.ts";

const HEARTBEAT_MS = 5_000;
const FIRST_ATTEMPT = 1;

/** What to show of a run. */
export interface Follow {
  /** Only events after this id. */
  after: number;
  /** Only these modes; null: all that the run has stored. */
  modes: readonly StreamMode[] | null;
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
 * A run's stream as SSE text: stored events under their stored ids, heartbeats, and `end` last for who wants it. Who
 * starts at the beginning is told the run at once by a `metadata` of its own, before anything is stored. When the signal
 * aborts it stops without `end`, so that a client comes back for the rest.
 */
export async function* followRun(
  feeds: RunFeeds,
  run: Pick<RunRow, "tenant_id" | "thread_id" | "run_id">,
  follow: Follow,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const feed = feeds.open(run);
  const isNew = follow.after === 0;
  const isShown = shownFrames(follow, isNew ? FIRST_ATTEMPT : undefined);
  let after = follow.after;
  let lastShownAt = Date.now();
  let sawError = false;
  try {
    if (isNew) yield frame("metadata", { run_id: run.run_id, attempt: FIRST_ATTEMPT });
    while (!signal.aborted) {
      const turn = feed.turn();
      const look = await feed.look(after);
      if (look === undefined) return yield closing(gone(run), follow);
      after = look.frames.at(-1)?.seq ?? after;
      sawError ||= look.frames.some(({ mode }) => mode === "error");
      const text = textOf(look.frames.filter(isShown), Date.now() - lastShownAt);
      if (text !== "") {
        yield text;
        lastShownAt = Date.now();
      }
      if (!look.isWhole) continue;
      if (hasEnded(look)) {
        // A run that was ended from outside (poison, refused in the queue) has stored no error of its own.
        const isTold = !hasFailed(look) || sawError || (await isError(feed, after));
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

// Where the events of a mode do not have its name.
const EVENTS_OF: Partial<Record<StreamMode, string | string[]>> = {
  "messages-tuple": "messages",
  messages: ["messages/metadata", "messages/partial", "messages/complete"],
};

function shownFrames(
  { modes, namespaces }: Follow,
  announced: number | undefined,
): (frame: Pick<Frame, "mode" | "namespace" | "attempt">) => boolean {
  const names = new Set<string>(modes?.flatMap((mode) => EVENTS_OF[mode] ?? mode));
  const paths = namespaces && new Set(namespaces);
  return ({ mode, namespace, attempt }) => {
    if (mode === "error") return true;
    // Each attempt announces itself; the first was announced before anything was stored.
    if (mode === "metadata") return attempt !== announced;
    return (modes === null || names.has(mode)) && (paths?.has(namespace) ?? true);
  };
}

/** True when that event, which the client has, is the error that the run has stored as its last. */
async function isError(feed: RunFeed, seq: number): Promise<boolean> {
  const look = seq === 0 ? undefined : await feed.look(seq - 1);
  return look?.frames[0]?.mode === "error";
}

function textOf(frames: readonly Frame[], silentMs: number): string {
  if (frames.length > 0) return frames.map(({ text }) => text).join("");
  return silentMs >= HEARTBEAT_MS ? comment("heartbeat") : "";
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
