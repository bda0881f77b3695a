import type { Database } from "../../src/postgres/database.ts";
import { readRunEvents } from "../../src/postgres/events.ts";
import type { StoredEvent } from "../../src/protocol/events.ts";

/** Everything that a run has stored. */
export async function storedEvents(
  database: Database,
  { thread_id, run_id }: { thread_id: string; run_id: string },
): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  // Bound: each look is behind the one before.
  for (;;) {
    const next = await readRunEvents(database, { tenant_id: "default", thread_id, run_id }, events.at(-1)?.seq ?? 0);
    if (next.length === 0) return events;
    events.push(...next);
  }
}
