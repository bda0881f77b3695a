import { decode } from "./decode.ts";
import { applyLines, changeOf, type Members, membersText } from "./keyed.ts";

/** A value in pieces of JSON text: the elements of a list, or the members of a plain object. */
export type Pieces =
  | { readonly kind: "list"; readonly elements: readonly string[] }
  | { readonly kind: "keyed"; readonly members: Members };

/** What a row of a chain says: for a list how many elements stay and which follow, for an object what is set or removed. */
export interface Delta {
  readonly keep: number;
  readonly lines: readonly string[];
}

/** The keep of a delta whose lines are members of an object. */
export const KEYED = -2;

/** All of a value, as the delta that makes it from nothing. */
export function wholeDelta(pieces: Pieces): Delta {
  return pieces.kind === "list"
    ? { keep: 0, lines: pieces.elements }
    : { keep: KEYED, lines: [...pieces.members.values()] };
}

/** What turns one value into another; "same", or "other" when they have nothing in common. */
export function deltaBetween(before: Pieces, after: Pieces): Delta | "same" | "other" {
  if (before.kind === "list" && after.kind === "list") {
    const keep = commonPrefix(before.elements, after.elements);
    if (keep === after.elements.length && keep === before.elements.length) return "same";
    return keep === 0 ? "other" : { keep, lines: after.elements.slice(keep) };
  }
  if (before.kind === "keyed" && after.kind === "keyed") {
    const change = changeOf(before.members, after.members);
    if (change === undefined || change.kept === 0) return "other";
    return change.lines.length === 0 ? "same" : { keep: KEYED, lines: change.lines };
  }
  return "other";
}

/** Puts deltas together, beginning with what is known of the value already. */
export function applyDeltas(known: Pieces | undefined, deltas: readonly Delta[]): Pieces {
  if (known?.kind === "keyed" || deltas[0]?.keep === KEYED) {
    const members = new Map(known?.kind === "keyed" ? known.members : []);
    for (const { lines } of deltas) applyLines(members, lines);
    return { kind: "keyed", members };
  }
  const elements = known?.kind === "list" ? [...known.elements] : [];
  for (const { keep, lines } of deltas) {
    elements.length = keep;
    for (const element of lines) elements.push(element);
  }
  return { kind: "list", elements };
}

/** The value itself. Members are decoded as one object: that is what puts those with index names first. */
export function decodePieces(pieces: Pieces): unknown {
  return pieces.kind === "list" ? pieces.elements.map(decode) : decode(membersText(pieces.members));
}

/** How many pieces there are. */
export const sizeOf = (pieces: Pieces): number =>
  pieces.kind === "list" ? pieces.elements.length : pieces.members.size;

/** How much text these lines are, with what separates them. */
export function charactersOf(lines: Iterable<string>): number {
  let characters = 0;
  for (const line of lines) characters += line.length + 1;
  return characters;
}

function commonPrefix(before: readonly string[], after: readonly string[]): number {
  const length = Math.min(before.length, after.length);
  let index = 0;
  while (index < length && before[index] === after[index]) index += 1;
  return index;
}
