import type { StoredEvent, StreamEvent } from "../protocol/events.ts";
import type { Database } from "./database.ts";
import { insertEvents, lockEvents, selectRunEvents } from "./events.sql.ts";
import { fencedWrite, type Lease } from "./fence.ts";

/** Stores a batch under the fence; only after this has committed may anyone be shown an event of it. */
export async function appendEvents(
  database: Database,
  lease: Lease,
  attempt: number,
  events: readonly StreamEvent[],
): Promise<void> {
  const body = JSON.stringify(events);
  await fencedWrite(database, lease, async (tx) => {
    await tx.pipeline([lockEvents(lease.thread_id), insertEvents({ ...lease, attempt, count: events.length, body })]);
  });
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
