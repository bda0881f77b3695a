import { useSyncExternalStore } from "react";
import { formatAgo, formatDue, formatMoment } from "./format.ts";

// One clock for the whole page; it stands still while nobody looks.
const TICK_MS = 1000;
let now = Date.now();
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(tick, TICK_MS);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

function tick(): void {
  if (document.visibilityState === "hidden") return;
  now = Date.now();
  for (const listener of listeners) listener();
}

/** The time, a second at a time. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}

/** How long ago something was; the exact moment is its title. */
export function Ago({ at }: { at: string }) {
  return (
    <time dateTime={at} title={formatMoment(at)}>
      {formatAgo(at, useNow())}
    </time>
  );
}

/** Until when; what is over is marked, and not by colour alone. */
export function Due({ at }: { at: string }) {
  const time = useNow();
  const left = Date.parse(at) - time;
  const tone = left < 0 ? "due-over" : left < 3_600_000 ? "due-soon" : "due";
  return (
    <time dateTime={at} title={formatMoment(at)} className={tone}>
      {left < 0 ? "⚠ " : ""}
      {formatDue(at, time)}
    </time>
  );
}
