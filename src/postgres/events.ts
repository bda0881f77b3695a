import type { StoredEvent, StreamEvent } from "../protocol/events.ts";
import type { RunStatus } from "../protocol/run.ts";
import type { WriteBatcher } from "./batch.ts";
import type { Database } from "./database.ts";
import { insertEvents, type LookRow, lookAt } from "./events.sql.ts";
import type { Lease } from "./fence.ts";
import type { Statement } from "./sql.ts";

/** Events in one row at most. */
export const BATCH_EVENTS = 256;
/** A row is closed when it has become this long; a single event may be longer. */
const BATCH_CHARACTERS = 250_000;
const LOOK_BATCHES = 100;
const LOOK_BYTES = 250_000;

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

/** The statements that store these events, for a transaction that holds the lease; none for none. */
export function eventBatch(lease: Lease, attempt: number, events: readonly StreamEvent[]): Statement[] {
  return rowsOf(events).map((texts) =>
    insertEvents({ ...lease, attempt, count: texts.length, body: `[${texts.join(",")}]` }),
  );
}

/** The events as JSON, in as many rows as they fill: what is read at once later is whole rows. */
function rowsOf(events: readonly StreamEvent[]): string[][] {
  const rows: string[][] = [];
  let characters = Number.POSITIVE_INFINITY;
  for (const event of events) {
    const text = JSON.stringify(event);
    const last = rows.at(-1);
    characters += text.length;
    if (last !== undefined && last.length < BATCH_EVENTS && characters <= BATCH_CHARACTERS) last.push(text);
    else {
      rows.push([text]);
      characters = text.length;
    }
  }
  return rows;
}

/** Whose events to look at, and from which on. */
export interface LookWish {
  tenant_id: string;
  thread_id: string;
  run_id: string;
  /** Events behind this id. */
  after: number;
}

/** What a look at a run shows. */
export interface RunLook {
  status: RunStatus;
  /** What went wrong, as JSON. */
  error: string | null;
  /** The next events, oldest first. */
  events: StoredEvent[];
  /** True when there were no more of them at that moment; false when there may be. */
  isWhole: boolean;
}

/** Looks at several runs at once; undefined for one that is gone, or whose thread was deleted. */
export async function lookAtRuns(database: Database, wishes: readonly LookWish[]): Promise<(RunLook | undefined)[]> {
  const keys = {
    tenant_ids: wishes.map(({ tenant_id }) => tenant_id),
    thread_ids: wishes.map(({ thread_id }) => thread_id),
    run_ids: wishes.map(({ run_id }) => run_id),
    afters: wishes.map(({ after }) => after),
  };
  const most = { batchEvents: BATCH_EVENTS, batches: LOOK_BATCHES, bytes: LOOK_BYTES };
  const found = Map.groupBy(await database.many(lookAt(keys, most)), ({ place }) => place);
  return wishes.map((wish, position) => lookOf(wish, found.get(position + 1)));
}

function lookOf({ run_id, after }: LookWish, rows: readonly LookRow[] | undefined): RunLook | undefined {
  const [first] = rows ?? [];
  if (rows === undefined || first === undefined) return undefined;
  const events = rows.flatMap(({ seq_from, body }) => (seq_from === null ? [] : eventsOf(seq_from, body as string)));
  const batches = first.batches ?? 0;
  return {
    status: first.status,
    error: first.error,
    events: events.map((event) => ({ ...event, run_id })).filter(({ seq }) => seq > after),
    isWhole: batches === 0 || (batches === rows.length && batches < LOOK_BATCHES),
  };
}

function eventsOf(seq_from: number, body: string): (StreamEvent & { seq: number })[] {
  return (JSON.parse(body) as StreamEvent[]).map((event, position) => ({ ...event, seq: seq_from + position }));
}

/** The next events of a run after an id, oldest first; empty when there are none yet. */
export async function readRunEvents(
  database: Database,
  run: Omit<LookWish, "after">,
  after: number,
): Promise<StoredEvent[]> {
  const { tenant_id, thread_id, run_id } = run;
  const [look] = await lookAtRuns(database, [{ tenant_id, thread_id, run_id, after }]);
  return look?.events ?? [];
}
