import { AsyncLocalStorage } from "node:async_hooks";

/** What a line of the log is about. */
export interface LogIds {
  request_id?: string;
  run_id?: string;
  thread_id?: string;
  graph_id?: string;
}

const storage = new AsyncLocalStorage<LogIds>();

/** Runs `body`; a promise that it starts and forgets is still known to be its. */
export function withLogIds<Result>(ids: LogIds, body: () => Result): Result {
  return storage.run(ids, body);
}

/**
 * What this code is part of; empty where nobody knows. For what has no logger of its own: connections and timers outlive
 * whoever was the first to need them, so their lines must not be asked for it.
 */
export function currentLogIds(): LogIds {
  return storage.getStore() ?? {};
}
