import type { StreamEvent } from "../protocol/events.ts";
import type { RunKind, RunStatus } from "../protocol/run.ts";
import type { Database } from "./database.ts";
import { BATCH_EVENTS } from "./events.ts";
import { threadBatches, threadPosition, threadRuns } from "./thread-events.sql.ts";

const LOOK_BATCHES = 100;
const LOOK_BYTES = 250_000;

/** An event of a thread. */
export interface ThreadEvent extends StreamEvent {
  seq: number;
  run_id: string;
  /** What its run is for; null when the run is gone. */
  kind: RunKind | null;
}

/** What has happened on a thread behind an event. */
export interface ThreadLook {
  events: ThreadEvent[];
  /** Of the runs that were asked about those that have ended, everything of which is among what was shown by now. */
  ended: { run_id: string; kind: RunKind; status: RunStatus }[];
  /** False when there may be more. */
  isWhole: boolean;
}

/** Where to begin; undefined for a thread that is gone. */
export async function followFrom(database: Database, tenant_id: string, thread_id: string, after: number | null) {
  return await database.maybeOne(threadPosition(tenant_id, thread_id, after));
}

/** Looks at a thread behind an event, and how these runs stand. */
export async function lookAtThread(
  database: Database,
  { tenant_id, thread_id }: { tenant_id: string; thread_id: string },
  after: number,
  run_ids: readonly string[],
): Promise<ThreadLook> {
  // In this order: of a run that has ended by now, every event is there when they are read.
  const runs = run_ids.length === 0 ? [] : await database.many(threadRuns(tenant_id, thread_id, run_ids));
  const most = { batchEvents: BATCH_EVENTS, batches: LOOK_BATCHES, bytes: LOOK_BYTES };
  const rows = await database.many(threadBatches(tenant_id, thread_id, after, most));
  const events = rows.flatMap(({ seq_from, run_id, kind, body }) =>
    (JSON.parse(body) as StreamEvent[]).map((event, place) => ({ ...event, seq: seq_from + place, run_id, kind })),
  );
  const batches = rows[0]?.batches ?? 0;
  const isWhole = batches === 0 || (batches === rows.length && batches < LOOK_BATCHES);
  const ended = isWhole ? runs.filter(({ status }) => status !== "pending" && status !== "running") : [];
  return { events: events.filter(({ seq }) => seq > after), ended, isWhole };
}
