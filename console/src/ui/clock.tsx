import { useSyncExternalStore } from "react";
import { formatAgo, formatDue, formatMoment, formatRoughSpan, formatSpan } from "./format.ts";

// One clock for the whole page; it stands still while nobody looks.
const TICK_MS = 1000;
let now = Date.now();
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (timer === undefined) {
    now = Date.now();
    timer = setInterval(tick, TICK_MS);
  }
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

/** What a text says as time goes by; who shows it is drawn again only when it says something else. */
function useTimely(textAt: (now: number) => string): string {
  return useSyncExternalStore(subscribe, () => textAt(now));
}

interface Moment {
  at: string;
  /** In the largest unit only. */
  isRough?: boolean;
}

/** How long ago something was; the exact moment is its title. */
export function Ago({ at, isRough = false }: Moment) {
  return (
    <time dateTime={at} title={formatMoment(at)}>
      {useTimely((time) => formatAgo(at, time, isRough ? formatRoughSpan : formatSpan))}
    </time>
  );
}

const SOON_MS = 3_600_000;

/** Until when; what is over is marked, and not by colour alone. */
export function Due({ at, isRough = false }: Moment) {
  const text = useTimely((time) => formatDue(at, time, isRough ? formatRoughSpan : formatSpan));
  const tone = useTimely((time) => {
    const left = Date.parse(at) - time;
    return left < 0 ? "due-over" : left < SOON_MS ? "due-soon" : "due";
  });
  return (
    <time dateTime={at} title={formatMoment(at)} className={tone}>
      {tone === "due-over" ? "⚠ " : ""}
      {text}
    </time>
  );
}
