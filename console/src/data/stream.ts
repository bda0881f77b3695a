import { useEffect, useSyncExternalStore } from "react";
import { queries } from "../app/query.ts";

/** Whether changes are told as they happen. */
export type Liveness = "connecting" | "live" | "polling";

// Many changes at once are one look.
const GATHER_MS = 250;
const AGAIN_MS = 5_000;

let liveness: Liveness = "connecting";
let users = 0;
let source: EventSource | undefined;
let again: ReturnType<typeof setTimeout> | undefined;
let gathering = false;
const changed = new Set<string>();
const listeners = new Set<() => void>();

/** Follows what happens to reviews while the component is shown, and reads anew whatever changed. */
export function useReviewStream(): Liveness {
  useEffect(() => {
    users += 1;
    if (users === 1) connect();
    return () => {
      users -= 1;
      if (users === 0) disconnect();
    };
  }, []);
  return useLiveness();
}

// A browser has six connections for all tabs of an origin: tabs that nobody looks at take none of them.
document.addEventListener("visibilitychange", () => {
  if (users === 0) return;
  if (document.visibilityState === "hidden") disconnect();
  else connect();
});

/** Whether changes of reviews are told as they happen. */
export function useLiveness(): Liveness {
  return useSyncExternalStore(subscribe, () => liveness);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function connect(): void {
  clearTimeout(again);
  source?.close();
  const stream = new EventSource("/reviews/stream");
  source = stream;
  stream.onopen = () => become("live");
  stream.onerror = () => {
    become("polling");
    // A browser comes back by itself, unless it was told no.
    if (stream.readyState === EventSource.CLOSED && users > 0) again = setTimeout(connect, AGAIN_MS);
  };
  stream.addEventListener("reset", () => gather("*"));
  stream.addEventListener("review", (event) => {
    try {
      gather((JSON.parse((event as MessageEvent<string>).data) as { id: string }).id);
    } catch {
      gather("*");
    }
  });
}

function disconnect(): void {
  source?.close();
  clearTimeout(again);
  become("connecting");
}

function gather(id: string): void {
  changed.add(id);
  if (gathering) return;
  gathering = true;
  setTimeout(() => {
    gathering = false;
    void queries.invalidateQueries({ queryKey: ["reviews"] });
    for (const one of changed) {
      void queries.invalidateQueries({ queryKey: one === "*" ? ["review"] : ["review", one] });
    }
    changed.clear();
  }, GATHER_MS);
}

function become(next: Liveness): void {
  liveness = next;
  for (const listener of listeners) listener();
}
