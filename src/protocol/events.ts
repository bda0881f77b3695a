/** One event of a run's stream, as it is stored and shown: `event` is the SSE event name, `data` its JSON. */
export interface StreamEvent {
  event: string;
  data: unknown;
}

/** A stored event with the id its storing gave it: gap-free and rising per thread. */
export interface StoredEvent extends StreamEvent {
  seq: number;
  run_id: string;
}
