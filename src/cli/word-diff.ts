// What was changed in a text, word by word. It is marked with signs, because colours are not seen by everybody.

/** Words beyond this are compared as one: the table of the comparison grows with their square. */
const MOST_WORDS = 400;

/** A piece of one of the two texts. */
export interface Piece {
  text: string;
  /** False: it is in both texts. */
  changed: boolean;
}

/** Both texts in pieces, those that are not in the other one marked; neighbours of a kind are one piece. */
export function wordDiff(before: string, after: string): { removed: Piece[]; added: Piece[] } {
  const old = wordsOf(before);
  const young = wordsOf(after);
  const start = sharedStart(old, young);
  const end = sharedEnd(old.slice(start), young.slice(start));
  const kept = common(old.slice(start, old.length - end), young.slice(start, young.length - end));
  const mark = (words: readonly string[], inner: ReadonlySet<number>): Piece[] =>
    joined(
      words.map((text, at) => ({
        text,
        changed: at >= start && at < words.length - end && !inner.has(at - start),
      })),
    );
  return {
    removed: mark(old, new Set(kept.map(([at]) => at))),
    added: mark(young, new Set(kept.map(([, at]) => at))),
  };
}

/** Words and the spaces between them. */
function wordsOf(text: string): string[] {
  return text.match(/\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) ?? [];
}

function sharedStart(a: readonly string[], b: readonly string[]): number {
  const most = Math.min(a.length, b.length);
  let at = 0;
  while (at < most && a[at] === b[at]) at += 1;
  return at;
}

function sharedEnd(a: readonly string[], b: readonly string[]): number {
  return sharedStart(a.toReversed(), b.toReversed());
}

/** The places of the longest words in common that are in order in both. */
function common(a: readonly string[], b: readonly string[]): [number, number][] {
  if (a.length > MOST_WORDS || b.length > MOST_WORDS) return [];
  const width = b.length + 1;
  const lengths = new Uint16Array((a.length + 1) * width);
  const at = (i: number, j: number) => lengths[i * width + j] as number;
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      lengths[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const pairs: [number, number][] = [];
  let [i, j] = [0, 0];
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) {
      pairs.push([i, j]);
      i += 1;
      j += 1;
    } else if (at(i + 1, j) >= at(i, j + 1)) i += 1;
    else j += 1;
  }
  return pairs;
}

function joined(pieces: readonly Piece[]): Piece[] {
  const all: Piece[] = [];
  for (const piece of pieces) {
    const last = all.at(-1);
    if (last !== undefined && last.changed === piece.changed) last.text += piece.text;
    else all.push({ ...piece });
  }
  return all;
}
