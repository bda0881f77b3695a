import type { StreamMode } from "../protocol/run.ts";
import type { Frame } from "./run-feed.ts";

/**
 * Where an event stands in the stream of its run. Clients count from 0, the announcement, and the events in the modes that
 * the run was started with; what is stored beside those and was not asked for is counted behind the one before it.
 */
export interface Position {
  own: number;
  beside: number;
}

/** The position as an id: `7`, or `7.1` for the first event behind it that the run was not asked for. */
export function eventId({ own, beside }: Position): string {
  return beside === 0 ? String(own) : `${own}.${beside}`;
}

/** What a client says it has; undefined for what no id is, so that who asks for everything gets that. */
export function parseEventId(text: string): Position | undefined {
  const [, own, beside = "0"] = /^(\d{1,15})(?:\.(\d{1,15}))?$/.exec(text) ?? [];
  return own === undefined ? undefined : { own: Number(own), beside: Number(beside) };
}

/** True when the event comes behind that position. */
export function isBehind({ own, beside }: Position, after: Position): boolean {
  return own > after.own || (own === after.own && beside > after.beside);
}

// Where the events of a mode do not have its name.
const EVENTS_OF: Partial<Record<StreamMode, string | string[]>> = {
  "messages-tuple": "messages",
  messages: ["messages/metadata", "messages/partial", "messages/complete"],
};

/** The names of the events of some modes; null for all of them. */
export function eventsOf(modes: readonly StreamMode[] | null): ReadonlySet<string> | null {
  return modes && new Set(modes.flatMap((mode) => EVENTS_OF[mode] ?? mode));
}

const FIRST_ATTEMPT = 1;

/** Counts the events of a run, from its first on. */
export function countEvents(modes: readonly StreamMode[] | null): (frame: Pick<Frame, "mode" | "attempt">) => Position {
  const names = eventsOf(modes);
  let [own, beside] = [0, 0];
  return ({ mode, attempt }) => {
    const isOwn = names === null || names.has(mode) || mode === "metadata" || mode === "error";
    // The first announcement is the one that was made before anything was stored.
    if (attempt === FIRST_ATTEMPT) return { own: 0, beside: 0 };
    if (isOwn) [own, beside] = [own + 1, 0];
    else beside += 1;
    return { own, beside };
  };
}
