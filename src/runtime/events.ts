import { BATCH_EVENTS } from "../postgres/events.ts";
import type { StreamEvent } from "../protocol/events.ts";

/** Takes a run's events in order and stores them; nobody is shown an event that is not stored. */
export interface EventWriter {
  push(event: StreamEvent): void;
  /** Goes with the next event that is pushed, or with the end of the run: nobody waits for it alone. */
  announce(event: StreamEvent): void;
  /** Stops storing, and gives what is not stored yet to whoever ends the run; throws what storing threw. */
  rest(): Promise<StreamEvent[]>;
}

/**
 * The first event goes alone and at once; while a batch is being committed the next one gathers. Latency is one commit,
 * never a timer.
 */
export function createEventWriter(store: (events: StreamEvent[]) => Promise<void>): EventWriter {
  let waiting: StreamEvent[] = [];
  // Not among those that wait: a batch under way would take it along.
  let held: StreamEvent[] = [];
  let flushing: Promise<void> | undefined;
  let failure: unknown;
  let isClosed = false;

  const flush = async () => {
    while (waiting.length > 0 && failure === undefined && !isClosed) {
      const batch = waiting.slice(0, BATCH_EVENTS);
      waiting = waiting.slice(BATCH_EVENTS);
      try {
        await store(batch);
      } catch (error) {
        failure = error;
      }
    }
    flushing = undefined;
  };
  return {
    announce: (event) => void held.push(event),
    push(event) {
      waiting.push(...held, event);
      held = [];
      flushing ??= flush();
    },
    async rest() {
      isClosed = true;
      await flushing;
      if (failure !== undefined) throw failure;
      return [...waiting, ...held];
    },
  };
}
