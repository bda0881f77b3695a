import type { Database } from "../postgres/database.ts";
import {
  followFrom,
  lookAtThread,
  type ThreadEnd,
  type ThreadEvent,
  type ThreadLook,
} from "../postgres/thread-events.ts";
import { aliasedEvent } from "./hitl-aliases.ts";
import { comment, frame } from "./sse.ts";
import type { ThreadFeeds } from "./thread-feed.ts";

const HEARTBEAT_MS = 5_000;
// Who follows for days may have lost the right to.
const ASK_AGAIN_MS = 5 * 60_000;

/** What of a thread can be followed: everything its runs show, that they begin and end, that somebody edits its state. */
export const THREAD_STREAM_MODES = ["run_modes", "lifecycle", "state_update"] as const;

/** One of them. */
export type ThreadStreamMode = (typeof THREAD_STREAM_MODES)[number];

/** What to show of a thread. */
export interface FollowThread {
  tenant_id: string;
  thread_id: string;
  /** From this event on; null: from now on. */
  after: number | null;
  modes: readonly ThreadStreamMode[];
}

/** Where threads are followed. */
export interface ThreadSource {
  database: Database;
  threadFeeds: ThreadFeeds;
  hitlAliases: boolean;
  /** Throws when whoever follows may not any more. */
  ask(): Promise<unknown>;
  askAgainMs?: number;
}

/**
 * What happens on a thread as SSE text, one run after the other, for as long as there is the thread: stored events under
 * their stored ids, `metadata` with the status `run_done` when a run has ended, and heartbeats.
 */
export async function* followThread(
  source: ThreadSource,
  wish: FollowThread,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const feed = source.threadFeeds.open(wish);
  try {
    const from = await followFrom(source.database, wish.tenant_id, wish.thread_id, wish.after);
    if (from === undefined) return;
    let { after } = from;
    const open = new Set(from.run_ids);
    let last: string | undefined;
    let askedAt = performance.now();
    yield comment("following");
    for (;;) {
      const turn = feed.turn();
      const look = await lookAtThread(source.database, wish, after, { run_ids: [...open], last });
      after = look.events.at(-1)?.seq ?? after;
      for (const { run_id } of look.events) open.add(run_id);
      const ended = look.ended.filter(({ run_id }) => open.delete(run_id));
      last = look.events.at(-1)?.run_id ?? last;
      const text = textOf({ ...look, ended }, wish.modes, source.hitlAliases);
      if (text !== "") yield text;
      // A run that ended while its last events were read is found ended by the next look.
      if (!look.isWhole || look.events.length > 0) continue;
      if (text === "") yield comment("heartbeat");
      do {
        await feed.changed(turn, HEARTBEAT_MS, signal);
        if (signal.aborted || !feed.isThere()) return;
        // Nobody has said that anything happened: there is nothing to look for.
        if (feed.turn() === turn) yield comment("heartbeat");
      } while (feed.turn() === turn && performance.now() - askedAt < (source.askAgainMs ?? ASK_AGAIN_MS));
      if (performance.now() - askedAt < (source.askAgainMs ?? ASK_AGAIN_MS)) continue;
      await source.ask();
      askedAt = performance.now();
    }
  } finally {
    feed.close();
  }
}

function textOf({ events, ended }: ThreadLook, modes: readonly ThreadStreamMode[], hitlAliases: boolean): string {
  const shown = new Set(modes);
  const isShown = ({ event, kind }: ThreadEvent) =>
    kind !== "state_update" &&
    kind !== "copy" &&
    (shown.has("run_modes") || (shown.has("lifecycle") && event === "metadata"));
  const endsBefore = (seq: number) => ended.filter(({ before }) => before === seq).map((end) => endText(end, shown));
  const told = events.flatMap((one) => {
    const { event, data, seq } = one;
    const mode = event.split("|", 1)[0] as string;
    const text = isShown(one) ? frame(event, hitlAliases ? aliasedEvent(mode, data) : data, seq) : "";
    return [...endsBefore(seq), text];
  });
  const last = ended.filter(({ before }) => !events.some(({ seq }) => seq === before));
  return [...told, ...last.map((end) => endText(end, shown))].join("");
}

function endText({ run_id, kind, status }: ThreadEnd, shown: ReadonlySet<ThreadStreamMode>): string {
  if (kind === "copy") return "";
  if (kind === "state_update") return shown.has("state_update") ? frame("state_update", { run_id, status }) : "";
  const isTold = shown.has("run_modes") || shown.has("lifecycle");
  return isTold ? frame("metadata", { run_id, status: "run_done", run_status: status }) : "";
}
