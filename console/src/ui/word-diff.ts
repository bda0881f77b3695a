// What was changed in a text, word by word.

/** Words beyond this are compared as one: the table of the comparison grows with their square. */
const MOST_WORDS = 400;

/** A piece of one of two texts. */
export interface Piece {
  text: string;
  kind: "same" | "removed" | "added";
}

/** Both texts as one row of pieces, what went before what came. */
export function wordDiff(before: string, after: string): Piece[] {
  const old = wordsOf(before);
  const young = wordsOf(after);
  let start = 0;
  while (start < old.length && start < young.length && old[start] === young[start]) start += 1;
  let end = 0;
  while (end < old.length - start && end < young.length - start && old.at(-1 - end) === young.at(-1 - end)) end += 1;
  const middle = compare(old.slice(start, old.length - end), young.slice(start, young.length - end));
  return merged([
    ...old.slice(0, start).map((text): Piece => ({ text, kind: "same" })),
    ...middle,
    ...old.slice(old.length - end).map((text): Piece => ({ text, kind: "same" })),
  ]);
}

/** Words, the spaces between them, and every other sign for itself; a number is one word. */
function wordsOf(text: string): string[] {
  return text.match(/\s+|\d[\d.,]*\d|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) ?? [];
}

function compare(a: readonly string[], b: readonly string[]): Piece[] {
  const removed = (text: string): Piece => ({ text, kind: "removed" });
  const added = (text: string): Piece => ({ text, kind: "added" });
  if (a.length > MOST_WORDS || b.length > MOST_WORDS) return [...a.map(removed), ...b.map(added)];
  const width = b.length + 1;
  const lengths = new Uint16Array((a.length + 1) * width);
  const at = (i: number, j: number) => lengths[i * width + j] as number;
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      lengths[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const pieces: Piece[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      pieces.push({ text: a[i] as string, kind: "same" });
      i += 1;
      j += 1;
    } else if (j >= b.length || (i < a.length && at(i + 1, j) >= at(i, j + 1))) {
      pieces.push(removed(a[i] as string));
      i += 1;
    } else {
      pieces.push(added(b[j] as string));
      j += 1;
    }
  }
  return pieces;
}

function merged(pieces: readonly Piece[]): Piece[] {
  const all: Piece[] = [];
  for (const piece of pieces) {
    const last = all.at(-1);
    if (last?.kind === piece.kind) last.text += piece.text;
    else all.push({ ...piece });
  }
  return all;
}
