import { HoldpointError } from "../../protocol/errors.ts";
import { type Transaction, transaction } from "../database.ts";
import { lockThread } from "../threads.sql.ts";
import { requireIdentifier } from "./address.ts";
import { deleteSomeCheckpoints, deleteSomeWrites, deleteUnusedChunks } from "./delete.sql.ts";
import {
  type CheckpointNode,
  leaveRemnant,
  nextThread,
  selectBodies,
  selectDeltaMarks,
  selectNodes,
  selectPins,
} from "./prune.sql.ts";
import { deltaChannelsOf } from "./prune-forest.ts";
import { chooseKept, type PruneRules, planPrune } from "./prune-plan.ts";
import { stripToRemnant } from "./prune-remnant.ts";
import type { CheckpointStore } from "./store.ts";

/**
 * What `prune` may delete. A checkpoint goes when neither `keepLast` nor `olderThan` keeps it; at least one of them must
 * be given. The newest checkpoint of a namespace never goes.
 */
export interface PruneOptions {
  /** Only these threads; all threads where it is left out. */
  thread_ids?: readonly string[];
  /** How many of the newest checkpoints of each namespace stay: 1 or more. */
  keepLast?: number;
  /** Checkpoints made at this moment or later stay: `new Date(Date.now() - 30 * 86_400_000)` keeps 30 days. */
  olderThan?: Date;
  /** Stops between two threads. */
  signal?: AbortSignal;
}

/** How much was deleted. */
export interface DeletedRows {
  checkpoints: number;
  writes: number;
  chunks: number;
  /** Threads of which something was deleted. */
  threads: number;
}

/** Deletes old checkpoints, one transaction a thread, in the order of their ids. */
export async function pruneThreads(store: CheckpointStore, options: PruneOptions): Promise<DeletedRows> {
  const rules = checkRules(options);
  const total: DeletedRows = { checkpoints: 0, writes: 0, chunks: 0, threads: 0 };
  for await (const thread_id of threadsOf(store, options.thread_ids)) {
    options.signal?.throwIfAborted();
    const deleted = await transaction(store.pool, store.prepare, (tx) => prune(tx, store.tenant_id, thread_id, rules));
    addRows(total, deleted);
  }
  return total;
}

/** Adds what one thread gave. */
export function addRows(total: DeletedRows, { checkpoints, writes, chunks }: Omit<DeletedRows, "threads">): void {
  total.checkpoints += checkpoints;
  total.writes += writes;
  total.chunks += chunks;
  if (checkpoints + writes + chunks > 0) total.threads += 1;
}

const NOTHING = { checkpoints: 0, writes: 0, chunks: 0 };

/**
 * T-prune: the thread's lock alone, and no row lock but those of what goes. Heads in memory stay good: the newest
 * checkpoints never go, nothing that refers to what has gone can be put onto it, and a chain that lost its end is sealed.
 */
async function prune(
  tx: Transaction,
  tenant_id: string,
  thread_id: string,
  rules: PruneRules,
): Promise<Omit<DeletedRows, "threads">> {
  const [, nodes, pinned] = await tx.pipeline([
    lockThread(thread_id),
    selectNodes(tenant_id, thread_id),
    selectPins(tenant_id, thread_id),
  ]);
  const pins = new Set(pinned.map(({ checkpoint_id }) => checkpoint_id));
  const choice = chooseKept(nodes, pins, rules);
  if (choice.kept.size === nodes.length) return NOTHING;
  const channels = [...new Set(nodes.flatMap(deltaChannelsOf))];
  const quoted = channels.map((channel) => JSON.stringify(channel));
  const marks = channels.length === 0 ? [] : await tx.many(selectDeltaMarks(tenant_id, thread_id, channels, quoted));
  const { drop, demote } = planPrune(nodes, choice, pins, marks);
  if (drop.length === 0 && demote.length === 0) return NOTHING;
  if (demote.length > 0) {
    const bodies = await tx.many(selectBodies(tenant_id, thread_id, ...namesOf(demote)));
    const kept = new Set(channels);
    await tx.pipeline(bodies.map((row) => leaveRemnant(tenant_id, thread_id, stripToRemnant(row, kept))));
  }
  return await deleteNodes(tx, tenant_id, thread_id, drop);
}

/** Deletes checkpoints with the writes on them and the chunks that were theirs alone, and commits, unless more is to come. */
export async function deleteNodes(
  tx: Transaction,
  tenant_id: string,
  thread_id: string,
  nodes: readonly CheckpointNode[],
  { isLast = true } = {},
): Promise<Omit<DeletedRows, "threads">> {
  const names = namesOf(nodes);
  const deletions = [
    deleteSomeWrites(tenant_id, thread_id, ...names),
    deleteSomeCheckpoints(tenant_id, thread_id, ...names),
    deleteUnusedChunks(tenant_id, thread_id),
  ] as const;
  const [[writes], [checkpoints], [chunks]] = await (isLast ? tx.finish(deletions) : tx.pipeline(deletions));
  return {
    checkpoints: checkpoints?.deleted ?? 0,
    writes: writes?.deleted ?? 0,
    chunks: chunks?.deleted ?? 0,
  };
}

const namesOf = (nodes: readonly CheckpointNode[]): [string[], string[]] => [
  nodes.map(({ checkpoint_ns }) => checkpoint_ns),
  nodes.map(({ checkpoint_id }) => checkpoint_id),
];

async function* threadsOf(store: CheckpointStore, thread_ids: readonly string[] | undefined): AsyncGenerator<string> {
  if (thread_ids !== undefined) {
    yield* new Set(thread_ids.toSorted());
    return;
  }
  let [next] = await store.database.many(nextThread(store.tenant_id, ""));
  while (next !== undefined) {
    yield next.thread_id;
    [next] = await store.database.many(nextThread(store.tenant_id, next.thread_id));
  }
}

const OPTIONS = ["thread_ids", "keepLast", "olderThan", "signal"];

/** Everything is checked before anything is deleted; a misspelt option would otherwise mean every thread. */
function checkRules(options: PruneOptions): PruneRules {
  const refuse = (what: string) => new HoldpointError("invalid", `prune was refused: ${what}; nothing was deleted`);
  if (typeof options !== "object" || options === null) throw refuse("it needs options with keepLast or olderThan");
  const unknown = Object.keys(options).find((name) => !OPTIONS.includes(name));
  if (unknown !== undefined) throw refuse(`there is no option "${unknown}", the options are ${OPTIONS.join(", ")}`);
  const { thread_ids, keepLast, olderThan } = options;
  if (keepLast === undefined && olderThan === undefined) throw refuse("give keepLast, olderThan or both");
  if (keepLast !== undefined && !(Number.isSafeInteger(keepLast) && keepLast >= 1)) {
    throw refuse(`keepLast must be a whole number from 1 up, got ${String(keepLast)}`);
  }
  if (olderThan !== undefined && !(olderThan instanceof Date && !Number.isNaN(olderThan.getTime()))) {
    throw refuse(`olderThan must be a Date, the moment before which checkpoints may go, got ${String(olderThan)}`);
  }
  if (thread_ids !== undefined) {
    if (!Array.isArray(thread_ids)) throw refuse(`thread_ids must be an array, got ${String(thread_ids)}`);
    for (const thread_id of thread_ids) requireIdentifier("thread_id", thread_id);
  }
  return { ...(keepLast === undefined ? {} : { keepLast }), ...(olderThan === undefined ? {} : { olderThan }) };
}
