import type { Checkpoint, CheckpointMetadata } from "@langchain/langgraph-checkpoint";
import { HoldpointError } from "../../protocol/errors.ts";
import { storableJson } from "../storable-json.ts";
import { type Address, isStorableText, isUuid } from "./address.ts";
import { type Chunk, extendChain, type Ref } from "./chains.ts";
import { type EncodedChannel, encodeChannel, encodeMembers } from "./channel-text.ts";
import { encode, TAG } from "./encode.ts";
import type { Head } from "./head-cache.ts";
import { membersText } from "./keyed.ts";
import type { CheckpointRow, ChunkRow } from "./write.sql.ts";

/** A checkpoint as text, taken at the moment of the put: nodes may change the values afterwards. */
export interface EncodedCheckpoint {
  readonly checkpoint_id: string;
  readonly parent_checkpoint_id: string | null;
  readonly run_id: string | null;
  readonly metadata: CheckpointMetadata;
  /** The checkpoint without its values: the inside of a JSON object. */
  readonly fields: string;
  readonly changed: ReadonlyMap<string, EncodedChannel>;
  readonly versions: Readonly<Record<string, number | string>>;
  /**
   * Channels that are not said to be new: their values are where the parent has them. A copy of a checkpoint names a
   * parent that has other versions; then the value that came along is encoded after all.
   */
  readonly unchanged: ReadonlyMap<string, () => EncodedChannel>;
  /** A copy of another checkpoint, beside it: the engine says of one that nothing is new in it. */
  readonly isCopy: boolean;
}

/**
 * How a checkpoint is laid out: upon what its parent has stored; in new chains where it is new, because another branch
 * has extended those of the parent; or whole, because the parent is gone or there is none.
 */
export type Layout = "upon" | "fresh" | "whole";

/** The rows of a put and the head it leaves. */
export interface PutPlan {
  readonly row: CheckpointRow;
  readonly chunks: readonly ChunkRow[];
  readonly head: Head;
}

/** Encodes what is new in a checkpoint. */
export function encodeCheckpoint(
  checkpoint: Checkpoint,
  metadata: CheckpointMetadata,
  newVersions: Readonly<Record<string, unknown>>,
  ids: Pick<EncodedCheckpoint, "checkpoint_id" | "parent_checkpoint_id" | "run_id">,
): EncodedCheckpoint {
  const changed = new Map<string, EncodedChannel>();
  const unchanged = new Map<string, () => EncodedChannel>();
  for (const channel of Object.keys(checkpoint.channel_values)) {
    if (!isStorableText(channel)) {
      throw new HoldpointError(
        "invalid",
        `the channel name ${JSON.stringify(channel)} has characters that cannot be stored`,
      );
    }
    const value = checkpoint.channel_values[channel];
    if (Object.hasOwn(newVersions, channel)) changed.set(channel, encodeChannel(value));
    else unchanged.set(channel, () => encodeChannel(value));
  }
  const { v, ts, channel_versions, versions_seen } = checkpoint;
  const fields = fieldsText({ v, ts, channel_versions, versions_seen });
  const isCopy = metadata.source === "fork";
  return { ...ids, metadata, fields, versions: { ...channel_versions }, changed, unchanged, isCopy };
}

// Not encoded: versions are plain, and a channel may have the name of our own tag.
const fieldsText = (fields: Partial<Checkpoint>) => JSON.stringify(fields).slice(1, -1);

/** The run a checkpoint belongs to where no lease says it. */
export function runIdOf(metadata: object | undefined): string | null {
  const run_id = (metadata as { run_id?: unknown } | undefined)?.run_id;
  return isUuid(run_id) ? run_id : null;
}

/** Lays a checkpoint out in rows. `parent` is the head it continues, where it is known. */
export function planPut(
  address: Address,
  checkpoint: EncodedCheckpoint,
  parent: Head | undefined,
  layout: Layout = "upon",
): PutPlan {
  const { checkpoint_id, parent_checkpoint_id, versions, isCopy } = checkpoint;
  const whole = layout === "whole" || (isCopy && parent === undefined);
  const base = whole ? undefined : parent;
  const refs = new Map<string, Ref>();
  const inline = new Map<string, string>();
  const chunks: Chunk[] = [];
  const changed = new Map(checkpoint.changed);
  for (const [channel, encodeNow] of checkpoint.unchanged) {
    const ref = base?.refs.get(channel);
    const text = base?.inline.get(channel);
    const isNew =
      base === undefined ? whole && Object.hasOwn(versions, channel) : base.versions[channel] !== versions[channel];
    if (isNew) changed.set(channel, encodeNow());
    else if (ref !== undefined) refs.set(channel, ref);
    else if (text !== undefined) inline.set(channel, text);
  }
  for (const [channel, value] of changed) {
    if (value.kind === "inline") {
      inline.set(channel, value.text);
      continue;
    }
    const { ref, chunk } = extendChain(value, layout === "fresh" ? undefined : base?.refs.get(channel));
    refs.set(channel, ref);
    if (chunk !== undefined) chunks.push(chunk);
  }
  const copied = whole && parent_checkpoint_id !== null ? fieldsText({ channel_versions: versions }) : null;
  return {
    row: { ...layRow(address, checkpoint, refs, inline), copied },
    chunks: chunks.map((chunk) => ({ ...address, parent_checkpoint_id, copied, ...chunk })),
    head: { checkpoint_id, versions, refs, inline },
  };
}

function layRow(
  address: Address,
  { checkpoint_id, parent_checkpoint_id, run_id, metadata, fields }: EncodedCheckpoint,
  refs: ReadonlyMap<string, Ref>,
  inline: ReadonlyMap<string, string>,
): Omit<CheckpointRow, "copied"> {
  const values = [...inline].map(([channel, text]) => `${JSON.stringify(channel)}:${text}`).join(",");
  const exact = encode(metadata);
  const filterable = filterableJson(metadata);
  return {
    ...address,
    checkpoint_id,
    parent_checkpoint_id,
    run_id,
    metadata: filterable,
    metadata_exact: filterable === exact && !exact.includes(`"${TAG}"`) ? null : exact,
    channels: [...refs.keys(), ...inline.keys()],
    chains: refs.size === 0 ? null : [...refs.values()].map((ref) => ref.chain),
    seqs: refs.size === 0 ? null : [...refs.values()].map((ref) => ref.seq),
    body: `{${fields},"refs":${JSON.stringify([...refs.keys()])},"vals":{${values}}}`,
  };
}

/** An object as JSON text with what jsonb refuses (NUL, lone surrogates) replaced: the copy that list() filters by. */
export function filterableJson(value: object): string {
  return storableJson(membersText(encodeMembers(value)));
}
