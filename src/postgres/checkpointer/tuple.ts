import {
  type CheckpointMetadata,
  type CheckpointPendingWrite,
  type CheckpointTuple,
  compareWritesSortKeys,
  type WritesSortKey,
  writesSortKey,
} from "@langchain/langgraph-checkpoint";
import type { Address } from "./address.ts";
import { decode, revive } from "./decode.ts";
import { setOwn } from "./encode.ts";
import type { StoredWrite } from "./read.sql.ts";

/** The body of a checkpoint row. */
export interface CheckpointBody {
  readonly v: number;
  readonly ts: string;
  readonly channel_versions: Record<string, number | string>;
  readonly versions_seen: Record<string, Record<string, number | string>>;
  /** The channels kept in chains, in the order of the columns chains and seqs. */
  readonly refs: readonly string[];
  /** The channels kept here. Still as JSON: special values have to be revived. */
  readonly vals: Record<string, unknown>;
}

/** Where a channel that is not inline is kept. */
export interface StoredRef {
  readonly channel: string;
  readonly chain: string;
  readonly seq: number;
}

/** Reads the body of a checkpoint row. */
export const parseBody = (body: string): CheckpointBody => JSON.parse(body) as CheckpointBody;

/** Joins the names in the body with the columns that say where they are. */
export function storedRefs(names: readonly string[], chains: string | null, seqs: string | null): StoredRef[] {
  if (chains === null || seqs === null) return [];
  const chain = chains.slice(1, -1).split(",");
  const seq = seqs.slice(1, -1).split(",");
  return names.map((channel, index) => ({ channel, chain: chain[index] ?? "", seq: Number(seq[index]) }));
}

/** The pending writes of one superstep, in the order in which the engine applies them. */
export function decodeWrites(rows: readonly StoredWrite[]): CheckpointPendingWrite[] {
  const writes: { key: WritesSortKey; write: CheckpointPendingWrite }[] = [];
  for (const { task_id, task_path, body } of rows) {
    for (const [index, channel, value] of JSON.parse(body) as [number, string, unknown][]) {
      writes.push({ key: writesSortKey(task_path, task_id, index), write: [task_id, channel, revive(value)] });
    }
  }
  writes.sort((a, b) => compareWritesSortKeys(a.key, b.key));
  return writes.map(({ write }) => write);
}

/** What a tuple is made of once its channels are read. */
export interface TupleParts {
  readonly address: Address;
  readonly checkpoint_id: string;
  readonly parent_checkpoint_id: string | null;
  readonly metadata: string;
  readonly body: CheckpointBody;
  readonly values: Record<string, unknown>;
  readonly writes: readonly StoredWrite[];
}

/** The tuple LangGraph wants. */
export function buildTuple(parts: TupleParts): CheckpointTuple {
  const { address, checkpoint_id, parent_checkpoint_id, body } = parts;
  const { v, ts, channel_versions, versions_seen } = body;
  const tuple: CheckpointTuple = {
    config: configOf(address, checkpoint_id),
    checkpoint: { v, id: checkpoint_id, ts, channel_versions, versions_seen, channel_values: parts.values },
    metadata: decode(parts.metadata) as CheckpointMetadata,
    pendingWrites: decodeWrites(parts.writes),
  };
  if (parent_checkpoint_id !== null) tuple.parentConfig = configOf(address, parent_checkpoint_id);
  return tuple;
}

/** Revives the inline channels of a body, in place. */
export function inlineValues(body: CheckpointBody): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const channel of Object.keys(body.vals)) setOwn(values, channel, revive(body.vals[channel]));
  return values;
}

/** The config that names one checkpoint. */
export const configOf = ({ thread_id, checkpoint_ns }: Address, checkpoint_id: string) => ({
  configurable: { thread_id, checkpoint_ns, checkpoint_id },
});
