import { encode, encodeElement, encodeMember, isPlainObject } from "./encode.ts";
import { type Members, memberLine, membersText } from "./keyed.ts";
import { charactersOf, type Pieces } from "./pieces.ts";

/** A channel shorter than this stays in the checkpoint's own row. */
const INLINE_CHARACTERS = 1_024;

/** A channel's value as text: in one piece, or in pieces that can be compared with what is stored already. */
export type EncodedChannel =
  | { readonly kind: "inline"; readonly text: string }
  | { readonly kind: "whole"; readonly text: string }
  | { readonly kind: "grown"; readonly pieces: Pieces; readonly characters: number };

/** Encodes a channel: a list element by element, a plain object member by member. */
export function encodeChannel(value: unknown): EncodedChannel {
  if (Array.isArray(value) && value.length > 0) return encodeList(value);
  if (isPlainObject(value)) return encodeObject(value);
  const text = encode(value);
  return { kind: text.length < INLINE_CHARACTERS ? "inline" : "whole", text };
}

function encodeList(value: readonly unknown[]): EncodedChannel {
  const elements = Array.from(value, encodeElement);
  const characters = charactersOf(elements);
  if (characters >= INLINE_CHARACTERS) return { kind: "grown", pieces: { kind: "list", elements }, characters };
  return { kind: "inline", text: `[${elements.join(",")}]` };
}

function encodeObject(value: object): EncodedChannel {
  const members = encodeMembers(value);
  const characters = charactersOf(members.values());
  if (characters >= INLINE_CHARACTERS) return { kind: "grown", pieces: { kind: "keyed", members }, characters };
  return { kind: "inline", text: membersText(members) };
}

/** The members of an object, each encoded by itself. */
export function encodeMembers(value: object): Members {
  const members = new Map<string, string>();
  for (const [name, member] of Object.entries(value)) {
    const text = encodeMember(member);
    if (text === undefined) continue;
    const key = JSON.stringify(name);
    members.set(key, memberLine(key, text));
  }
  return members;
}
