import type { StoredEvent, StreamEvent } from "../protocol/events.ts";
import type { WriteBatcher } from "./batch.ts";
import type { Database } from "./database.ts";
import { insertEvents, selectRunEvents } from "./events.sql.ts";
import type { Lease } from "./fence.ts";
import type { Statement } from "./sql.ts";

/**
 * Stores events under the fence, in the same commit as the checkpoint that is due now, if there is one; only after this
 * has committed may anyone be shown one of them. Throws `lease_lost`.
 */
export async function appendEvents(
  batcher: WriteBatcher,
  lease: Lease,
  attempt: number,
  events: readonly StreamEvent[],
): Promise<void> {
  const { thread_id } = lease;
  const statements = eventBatch(lease, attempt, events);
  // Behind one another and behind the writes they tell of, but not in the way of those that the graph waits for.
  await batcher.submit({ thread_id, order: `events:${thread_id}`, after: thread_id, lease, statements });
}

/** The statement that stores these events, for a transaction that holds the lease; none for none. */
export function eventBatch(lease: Lease, attempt: number, events: readonly StreamEvent[]): Statement[] {
  if (events.length === 0) return [];
  return [insertEvents({ ...lease, attempt, count: events.length, body: JSON.stringify(events) })];
}

/** The next events of a run after an id, oldest first; empty when there are none yet. */
export async function readRunEvents(
  database: Database,
  run: { tenant_id: string; thread_id: string; run_id: string },
  after_seq: number,
): Promise<StoredEvent[]> {
  const batches = await database.many(selectRunEvents(run.tenant_id, run.thread_id, run.run_id, after_seq));
  return batches.flatMap((batch) =>
    (JSON.parse(batch.body) as StreamEvent[])
      .map((event, position) => ({ ...event, seq: batch.seq_from + position, run_id: run.run_id }))
      .filter((event) => event.seq > after_seq),
  );
}
