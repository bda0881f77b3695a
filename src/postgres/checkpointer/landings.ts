import { HoldpointError } from "../../protocol/errors.ts";

/** Knows which checkpoints of a run are committed, and tells who waits for one. */
export interface Landings {
  /** The checkpoint is committed: it was read, or its put was acknowledged by Postgres. */
  landed(checkpoint_id: string): void;
  /** Nothing more will be committed. */
  failed(error: unknown): void;
  /**
   * Resolves when all of these are committed. Rejects with what kept one of them from being stored, with the signal's
   * reason, or with `not_durable` where a checkpoint is not stored within `limitMs`.
   */
  wait(checkpoint_ids: readonly string[], signal: AbortSignal, limitMs: number): Promise<void>;
}

/** Creates the record of one run. */
export function createLandings(): Landings {
  const committed = new Set<string>();
  const waiting = new Set<() => void>();
  let failure: { error: unknown } | undefined;
  const wake = () => {
    for (const look of [...waiting]) look();
  };
  return {
    landed(checkpoint_id) {
      committed.add(checkpoint_id);
      wake();
    },
    failed(error) {
      failure ??= { error };
      wake();
    },
    async wait(checkpoint_ids, signal, limitMs) {
      const missing = () => checkpoint_ids.find((checkpoint_id) => !committed.has(checkpoint_id));
      if (missing() === undefined) return;
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const look = () => {
        if (missing() === undefined) resolve();
        else if (failure !== undefined) reject(failure.error);
      };
      const abort = () => reject(signal.reason);
      const timer = setTimeout(() => reject(notDurable(missing() ?? "", limitMs)), limitMs);
      waiting.add(look);
      signal.addEventListener("abort", abort);
      try {
        if (signal.aborted) abort();
        look();
        await promise;
      } finally {
        clearTimeout(timer);
        waiting.delete(look);
        signal.removeEventListener("abort", abort);
      }
    },
  };
}

const notDurable = (checkpoint_id: string, limitMs: number) =>
  new HoldpointError(
    "not_durable",
    `checkpoint ${checkpoint_id} was not stored within ${limitMs / 1000} s; an effect is only started under a stored ` +
      "checkpoint, or a crash would start it again: run the graph, and the subgraph it is in, with Holdpoint's checkpointer",
    { facts: { checkpoint_id } },
  );
