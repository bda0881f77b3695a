import { randomUUID } from "node:crypto";
import type { EncodedChannel } from "./channel-text.ts";
import { decode } from "./decode.ts";
import {
  applyDeltas,
  charactersOf,
  type Delta,
  decodePieces,
  deltaBetween,
  KEYED,
  type Pieces,
  wholeDelta,
} from "./pieces.ts";

/** Short chains of small deltas are not worth a new snapshot. */
const MIN_DELTA_CHARACTERS = 16_384;

/** Where a value that is not inline is stored: in its chain, up to `seq`. */
export type Ref = WholeRef | GrownRef;

interface WholeRef {
  readonly kind: "whole";
  readonly chain: string;
  readonly seq: number;
}

/** A value that is stored as a snapshot and what changed since. */
export interface GrownRef {
  readonly kind: "grown";
  readonly chain: string;
  readonly seq: number;
  /** The value so far, as text: what the next value is compared with. */
  readonly pieces: Pieces;
  readonly snapshotCharacters: number;
  readonly deltaCharacters: number;
}

/** A row of a chain. */
export interface Chunk {
  readonly chain: string;
  readonly seq: number;
  /** How many elements of the list stay; or what else the body is: one whole value, or members of an object. */
  readonly keep: number;
  readonly body: string;
}

/** The keep of a chunk whose body is one whole value. */
const WHOLE = -1;

/** True when the chunk holds one whole value. */
export const isWhole = ({ keep }: Pick<Chunk, "keep">): boolean => keep === WHOLE;

/** True when the chunk holds members of an object. */
export const isKeyed = ({ keep }: Pick<Chunk, "keep">): boolean => keep === KEYED;

/** The lines of a chunk: JSON text never contains a line feed. */
export const linesOf = (body: string): string[] => (body === "" ? [] : body.split("\n"));

/**
 * Decides how a value that is too big to be inline is stored: as what changed since `previous`, or as a new chain.
 * A new chain starts when the deltas outgrow the snapshot, so that disk use is linear in what was written and a read
 * never fetches more than about twice the value.
 */
export function extendChain(
  value: Exclude<EncodedChannel, { kind: "inline" }>,
  previous: Ref | undefined,
): { ref: Ref; chunk?: Chunk } {
  if (value.kind === "whole") {
    const chain = randomUUID();
    return { ref: { kind: "whole", chain, seq: 0 }, chunk: { chain, seq: 0, keep: WHOLE, body: value.text } };
  }
  const { pieces, characters } = value;
  if (previous?.kind === "grown") {
    const delta = deltaBetween(previous.pieces, pieces);
    // With the new texts of the same value: the encoder remembers these, and comparing a text with itself is free.
    if (delta === "same") return { ref: { ...previous, pieces } };
    if (delta !== "other") {
      const deltaCharacters = previous.deltaCharacters + charactersOf(delta.lines);
      if (deltaCharacters <= Math.max(previous.snapshotCharacters, MIN_DELTA_CHARACTERS)) {
        const ref = { ...previous, seq: previous.seq + 1, pieces, deltaCharacters };
        return { ref, chunk: chunkOf(ref, delta) };
      }
    }
  }
  const ref: GrownRef = {
    kind: "grown",
    chain: randomUUID(),
    seq: 0,
    pieces,
    snapshotCharacters: characters,
    deltaCharacters: 0,
  };
  return { ref, chunk: chunkOf(ref, wholeDelta(pieces)) };
}

const chunkOf = ({ chain, seq }: Ref, { keep, lines }: Delta): Chunk => ({ chain, seq, keep, body: lines.join("\n") });

/** A value read from its chain: what a later put compares with, and the text of a whole value. */
export interface LoadedChannel {
  readonly ref: Ref;
  readonly text?: string;
}

/** The value of a channel that was read. */
export const loadedValue = ({ ref, text }: LoadedChannel): unknown =>
  ref.kind === "grown" ? decodePieces(ref.pieces) : decode(text ?? "null");

/**
 * Puts a chain together up to `seq`. `known` is a value of the same chain that is in memory already; only the chunks
 * after it were read. Returns undefined when the rows do not add up to the value: what is known is ahead of `seq`.
 */
export function assembleChain(
  chain: string,
  seq: number,
  chunks: readonly Chunk[],
  known: Ref | undefined,
): LoadedChannel | undefined {
  const first = chunks[0];
  if (first !== undefined && isWhole(first)) return { ref: { kind: "whole", chain, seq }, text: first.body };
  const base = known?.kind === "grown" ? known : undefined;
  if (base !== undefined && base.seq > seq) return undefined;
  if (chunks.length !== seq - (base?.seq ?? -1)) return undefined;
  const deltas = chunks.map(({ keep, body }) => ({ keep, lines: linesOf(body) }));
  let snapshotCharacters = base?.snapshotCharacters ?? 0;
  let deltaCharacters = base?.deltaCharacters ?? 0;
  for (const [index, { lines }] of deltas.entries()) {
    if (chunks[index]?.seq === 0) snapshotCharacters = charactersOf(lines);
    else deltaCharacters += charactersOf(lines);
  }
  const pieces = applyDeltas(base?.pieces, deltas);
  return { ref: { kind: "grown", chain, seq, pieces, snapshotCharacters, deltaCharacters } };
}
