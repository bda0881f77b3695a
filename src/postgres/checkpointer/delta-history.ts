import type { CheckpointPendingWrite, DeltaChannelHistory } from "@langchain/langgraph-checkpoint";
import { HoldpointError } from "../../protocol/errors.ts";
import type { Queryable } from "../database.ts";
import { type Address, isStorableText } from "./address.ts";
import { assembleChain, loadedValue } from "./chains.ts";
import { revive } from "./decode.ts";
import { deltaHistory, type HistoryRow, selectReadable } from "./delta-history.sql.ts";
import { setOwn } from "./encode.ts";
import { decodeWrites, parseBody, storedRefs } from "./tuple.ts";

/**
 * For each channel the writes on the way from the nearest ancestor that stores its value, oldest first, and that
 * value. The same contract as the default walk, in one statement instead of one read for each ancestor.
 */
export async function readDeltaHistory(
  database: Pick<Queryable, "many">,
  address: Address,
  checkpoint_id: string | null,
  channels: readonly string[],
): Promise<Record<string, DeltaChannelHistory>> {
  const quoted = channels.map((channel) => JSON.stringify(channel));
  // No checkpoint stores a channel with another name, but writes may have been made to one.
  const wanted = channels.filter(isStorableText);
  const rows = await database.many(deltaHistory(address, checkpoint_id, wanted, quoted));
  if (rows.length === 0 && checkpoint_id !== null) await refuseGone(database, address, checkpoint_id);
  const seeds = rows.filter(({ part }) => part === "seed").sort((a, b) => a.depth - b.depth);
  const steps = writesByDepth(rows);
  const history: Record<string, DeltaChannelHistory> = {};
  for (const channel of channels) {
    const seed = seeds.find((row) => stores(row, channel));
    const depth = seed?.depth ?? Number.POSITIVE_INFINITY;
    const writes = steps.filter((step) => step.depth <= depth).flatMap((step) => step.writes);
    const own = writes.filter(([, written]) => written === channel);
    setOwn(
      history,
      channel,
      seed === undefined ? { writes: own } : { writes: own, seed: seedValue(seed, channel, rows) },
    );
  }
  return history;
}

/** A reader that has the checkpoint already would take no history for an empty channel. */
async function refuseGone(database: Pick<Queryable, "many">, address: Address, checkpoint_id: string): Promise<void> {
  const [found] = await database.many(selectReadable(address, checkpoint_id));
  if (found?.readable === true) return;
  const { thread_id } = address;
  throw new HoldpointError(
    "not_found",
    `checkpoint ${checkpoint_id} of thread ${JSON.stringify(thread_id)} is not there (any more); read the thread again`,
    { facts: { thread_id, checkpoint_id } },
  );
}

/** The writes of each superstep, the oldest superstep first. */
function writesByDepth(rows: readonly HistoryRow[]): { depth: number; writes: CheckpointPendingWrite[] }[] {
  const steps = Map.groupBy(
    rows.filter(({ part }) => part === "write"),
    ({ depth }) => depth,
  );
  return [...steps.keys()]
    .sort((a, b) => b - a)
    .map((depth) => {
      const stored = steps.get(depth) ?? [];
      return {
        depth,
        writes: decodeWrites(
          stored.map(({ id, task_path, body }) => ({ task_id: id, task_path: task_path ?? "", body })),
        ),
      };
    });
}

function stores(row: HistoryRow, channel: string): boolean {
  const { refs, vals } = parseBody(row.body);
  return refs.includes(channel) || Object.hasOwn(vals, channel);
}

function seedValue(row: HistoryRow, channel: string, rows: readonly HistoryRow[]): unknown {
  const body = parseBody(row.body);
  const ref = storedRefs(body.refs, row.chains, row.seqs).find((one) => one.channel === channel);
  if (ref === undefined) return revive(body.vals[channel]);
  const chunks = rows
    .filter(({ part, depth, id }) => part === "chunk" && depth === row.depth && id === ref.chain)
    .map(({ id, seq, keep, body }) => ({ chain: id, seq, keep, body }))
    .sort((a, b) => a.seq - b.seq);
  const loaded = assembleChain(ref.chain, ref.seq, chunks, undefined);
  if (loaded === undefined)
    throw new Error(`checkpoint ${row.id} refers to rows of chain ${ref.chain} that are missing`);
  return loadedValue(loaded);
}
