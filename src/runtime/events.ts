import type { StreamEvent } from "../protocol/events.ts";

/** Takes a run's events in order and stores them; nobody is shown an event that is not stored. */
export interface EventWriter {
  push(event: StreamEvent): void;
  /** Resolves when everything pushed is stored; throws what storing threw. */
  drain(): Promise<void>;
}

const MAX_BATCH = 256;

/**
 * The first event goes alone and at once; while a batch is being committed the next one gathers. Latency is one commit,
 * never a timer.
 */
export function createEventWriter(store: (events: StreamEvent[]) => Promise<void>): EventWriter {
  let waiting: StreamEvent[] = [];
  let flushing: Promise<void> | undefined;
  let failure: unknown;

  const flush = async () => {
    while (waiting.length > 0 && failure === undefined) {
      const batch = waiting.slice(0, MAX_BATCH);
      waiting = waiting.slice(MAX_BATCH);
      try {
        await store(batch);
      } catch (error) {
        failure = error;
      }
    }
    flushing = undefined;
  };
  return {
    push(event) {
      waiting.push(event);
      flushing ??= flush();
    },
    async drain() {
      await flushing;
      if (failure !== undefined) throw failure;
    },
  };
}
