import { randomUUID } from "node:crypto";
import { encode } from "./encode.ts";

/** A channel shorter than this stays in the checkpoint's own row. */
const INLINE_CHARACTERS = 1_024;
/** Short chains of small deltas are not worth a new snapshot. */
const MIN_DELTA_CHARACTERS = 16_384;

/** A channel's value as text. */
export type EncodedChannel =
  | { readonly kind: "inline"; readonly text: string }
  | { readonly kind: "whole"; readonly text: string }
  | { readonly kind: "list"; readonly elements: readonly string[]; readonly characters: number };

/** Where a value that is not inline is stored: in its chain, up to `seq`. */
export type Ref = WholeRef | ListRef;

interface WholeRef {
  readonly kind: "whole";
  readonly chain: string;
  readonly seq: number;
}

interface ListRef {
  readonly kind: "list";
  readonly chain: string;
  readonly seq: number;
  /** The list so far, each element as JSON text: what the next value is compared with. */
  readonly elements: readonly string[];
  readonly snapshotCharacters: number;
  readonly deltaCharacters: number;
}

/** A row to add to a chain. */
export interface Chunk {
  readonly chain: string;
  readonly seq: number;
  readonly keep: number;
  readonly body: string;
}

/** A row of a chain as it was read. */
export type StoredChunk = Chunk;

/** The keep of a chunk whose body is one whole value instead of elements. */
const WHOLE = -1;

/** Encodes a channel. A list is encoded element by element, so that it can be compared with what is stored already. */
export function encodeChannel(value: unknown): EncodedChannel {
  if (Array.isArray(value) && value.length > 0) {
    const elements = Array.from(value, (element) => encode(element));
    const characters = charactersOf(elements);
    if (characters >= INLINE_CHARACTERS) return { kind: "list", elements, characters };
    return { kind: "inline", text: `[${elements.join(",")}]` };
  }
  const text = encode(value);
  return { kind: text.length < INLINE_CHARACTERS ? "inline" : "whole", text };
}

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
  const { elements, characters } = value;
  if (previous?.kind === "list") {
    const keep = commonPrefix(previous.elements, elements);
    if (keep === elements.length && keep === previous.elements.length) return { ref: { ...previous, elements } };
    const added = elements.slice(keep);
    const deltaCharacters = previous.deltaCharacters + charactersOf(added);
    if (keep > 0 && deltaCharacters <= Math.max(previous.snapshotCharacters, MIN_DELTA_CHARACTERS)) {
      const seq = previous.seq + 1;
      return {
        ref: { ...previous, seq, elements, deltaCharacters },
        chunk: { chain: previous.chain, seq, keep, body: added.join("\n") },
      };
    }
  }
  const chain = randomUUID();
  return {
    ref: { kind: "list", chain, seq: 0, elements, snapshotCharacters: characters, deltaCharacters: 0 },
    chunk: { chain, seq: 0, keep: 0, body: elements.join("\n") },
  };
}

/** A value read from its chain: what a later put compares with, and the text of the value. */
export interface LoadedChannel {
  readonly ref: Ref;
  /** The text of a whole value; the elements of a list are in the ref. */
  readonly text?: string;
}

/**
 * Puts a chain together up to `seq`. `known` is a list of the same chain that is in memory already; only the chunks
 * after it were read. Returns undefined when the rows do not add up to the value: what is known is ahead of `seq`.
 */
export function assembleChain(
  chain: string,
  seq: number,
  chunks: readonly StoredChunk[],
  known: Ref | undefined,
): LoadedChannel | undefined {
  const first = chunks[0];
  if (first?.keep === WHOLE) return { ref: { kind: "whole", chain, seq }, text: first.body };
  const base = known?.kind === "list" ? known : undefined;
  if (base !== undefined && base.seq > seq) return undefined;
  if (chunks.length !== seq - (base?.seq ?? -1)) return undefined;
  const elements = base === undefined ? [] : [...base.elements];
  let snapshotCharacters = base?.snapshotCharacters ?? 0;
  let deltaCharacters = base?.deltaCharacters ?? 0;
  for (const chunk of chunks) {
    const added = linesOf(chunk.body);
    elements.length = chunk.keep;
    for (const element of added) elements.push(element);
    if (chunk.seq === 0) snapshotCharacters = charactersOf(added);
    else deltaCharacters += charactersOf(added);
  }
  return { ref: { kind: "list", chain, seq, elements, snapshotCharacters, deltaCharacters } };
}

/** The elements of a chunk: JSON text never contains a line feed. */
export const linesOf = (body: string): string[] => (body === "" ? [] : body.split("\n"));

/** True when the chunk holds one whole value. */
export const isWhole = (chunk: StoredChunk): boolean => chunk.keep === WHOLE;

function commonPrefix(before: readonly string[], after: readonly string[]): number {
  const length = Math.min(before.length, after.length);
  let index = 0;
  while (index < length && before[index] === after[index]) index += 1;
  return index;
}

function charactersOf(elements: readonly string[]): number {
  let characters = 0;
  for (const element of elements) characters += element.length + 1;
  return characters;
}
