import { useSyncExternalStore } from "react";
import { readStored, store } from "../app/stored.ts";

// Which run the guided start is about, kept so that it survives the way to the review and back.
const NAME = "guide";
const listeners = new Set<() => void>();

/** The run that the guided start is about; null when it is over or was never begun. */
export function useGuide(): string | null {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => readStored(NAME),
  );
}

/** Begins it with a run, or ends it. */
export function setGuide(run_id: string | null): void {
  store(NAME, run_id);
  for (const listener of listeners) listener();
}
