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

/** A run that has ended. */
export interface ThreadEnd {
  run_id: string;
  kind: RunKind;
  status: RunStatus;
  /** The event in front of which that is told; behind all of them where it is infinite. */
  before: number;
}

/** What has happened on a thread behind an event. */
export interface ThreadLook {
  events: ThreadEvent[];
  /** Of the runs that were asked about, and those that the events are of, the ones that have ended. */
  ended: ThreadEnd[];
  /** False when there may be more. */
  isWhole: boolean;
}

/** Where to begin; undefined for a thread that is gone. */
export async function followFrom(database: Database, tenant_id: string, thread_id: string, after: number | null) {
  return await database.maybeOne(threadPosition(tenant_id, thread_id, after));
}

/**
 * Looks at a thread behind an event, and how these runs stand. Runs of a thread execute one after the other, so one that
 * an event of another follows has ended, whatever it said when it was asked.
 */
export async function lookAtThread(
  database: Database,
  { tenant_id, thread_id }: { tenant_id: string; thread_id: string },
  after: number,
  { run_ids, last }: { run_ids: readonly string[]; last: string | undefined },
): Promise<ThreadLook> {
  // In this order: of a run that has ended by now, every event is there when they are read.
  const runs = run_ids.length === 0 ? [] : await database.many(threadRuns(tenant_id, thread_id, run_ids));
  const most = { batchEvents: BATCH_EVENTS, batches: LOOK_BATCHES, bytes: LOOK_BYTES };
  const rows = await database.many(threadBatches(tenant_id, thread_id, after, most));
  const events = rows
    .flatMap(({ seq_from, run_id, kind, body }) =>
      (JSON.parse(body) as StreamEvent[]).map((event, place) => ({ ...event, seq: seq_from + place, run_id, kind })),
    )
    .filter(({ seq }) => seq > after);
  const batches = rows[0]?.batches ?? 0;
  const isWhole = batches === 0 || (batches === rows.length && batches < LOOK_BATCHES);
  const passed = passedRuns(events, last);
  const over = passed.size === 0 ? [] : await database.many(threadRuns(tenant_id, thread_id, [...passed.keys()]));
  const shown = new Set(events.map(({ run_id }) => run_id));
  const ended = runs
    .filter(({ run_id, status }) => !passed.has(run_id) && status !== "pending" && status !== "running")
    // Everything of one that is among the events is told only when all of them are there.
    .filter(({ run_id }) => isWhole || !shown.has(run_id))
    .map((run) => ({ ...run, before: shown.has(run.run_id) ? Number.POSITIVE_INFINITY : (events[0]?.seq ?? 0) }));
  const told = over.map((run) => ({ ...run, before: passed.get(run.run_id) as number }));
  return { events, ended: [...ended, ...told], isWhole };
}

/** The runs that an event of another one follows, by that event. */
function passedRuns(events: readonly ThreadEvent[], last: string | undefined): Map<string, number> {
  const passed = new Map<string, number>();
  let current = last;
  for (const { run_id, seq } of events) {
    if (current !== undefined && current !== run_id) passed.set(current, seq);
    current = run_id;
  }
  return passed;
}
