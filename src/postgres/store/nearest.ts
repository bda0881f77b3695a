import type { AccessFilter } from "../../policy/access-filter.ts";
import type { Queryable } from "../database.ts";
import type { NamespaceRange } from "./store.sql.ts";
import { type ItemName, type ScoredName, vectorsAfter } from "./vectors.sql.ts";

/** No search looks at more numbers than this, 40,000 vectors of 1,536: it takes some seconds, and the memory of one page. */
const MOST_NUMBERS = 60_000_000;
/** How many numbers come at once: about 10 MB on their way, and some milliseconds of the event loop. */
const PAGE_NUMBERS = 400_000;
/** Before every item. */
const BEGINNING = { namespace: [], key: "", place: -1 };

/** What to compare with which vectors. */
export interface NearestWish {
  /** As JSON. */
  readonly filter: string;
  readonly model: string;
  readonly wanted: Float32Array;
  /** How many items are wanted at most. */
  readonly items: number;
  /** Which items may be seen; all unless given. */
  readonly seen?: AccessFilter | undefined;
}

/**
 * Compares every vector below a namespace, page by page, and gives the nearest items: an item is as near as the nearest
 * of its vectors. Bound: `mostVectors`; `complete` is false when there were more.
 */
export async function findNearest(
  database: Queryable,
  tenant_id: string,
  range: NamespaceRange,
  { filter, model, wanted, items, seen: mayBeSeen }: NearestWish,
  {
    mostVectors = Math.ceil(MOST_NUMBERS / wanted.length),
    pageVectors = Math.max(16, Math.floor(PAGE_NUMBERS / wanted.length)),
  } = {},
): Promise<{ nearest: ScoredName[]; complete: boolean }> {
  const best = createBest(items);
  let after: ItemName & { place: number } = BEGINNING;
  for (let seen = 0; seen < mostVectors; ) {
    const page = await database.many(
      vectorsAfter(tenant_id, range, after, { filter, model, seen: mayBeSeen, limit: pageVectors }),
    );
    for (const { namespace, key, vector } of page) best.add({ namespace, key, score: cosine(wanted, vector) });
    const last = page.at(-1);
    if (last === undefined || page.length < pageVectors) return { nearest: best.sorted(), complete: true };
    after = last;
    seen += page.length;
  }
  return { nearest: best.sorted(), complete: false };
}

/** Nearest first; what is equally near comes in the order of its names, so that pages fit together. */
export function byScore(a: ScoredName, b: ScoredName): number {
  return b.score - a.score || (nameOf(a) < nameOf(b) ? -1 : 1);
}

const nameOf = ({ namespace, key }: ItemName) => JSON.stringify([namespace, key]);

/** Keeps the best of what it is shown; the vectors of an item come one after another. */
function createBest(items: number) {
  let kept: ScoredName[] = [];
  let current: ScoredName | undefined;
  const close = () => {
    if (current !== undefined) kept.push(current);
    current = undefined;
    if (kept.length >= 2 * items + 1_000) kept = kept.sort(byScore).slice(0, items);
  };
  return {
    add(next: ScoredName) {
      if (current !== undefined && nameOf(current) === nameOf(next)) {
        if (next.score > current.score) current = next;
        return;
      }
      close();
      current = next;
    },
    sorted() {
      close();
      return kept.sort(byScore).slice(0, items);
    },
  };
}

// Postgres sends twelve bytes about the array and eight about its one dimension; before each number comes its length.
const HEAD_BYTES = 20;
const ELEMENT_BYTES = 8;

function cosine(wanted: Float32Array, sent: Buffer): number {
  const view = new DataView(sent.buffer, sent.byteOffset, sent.byteLength);
  let sum = 0;
  for (let index = 0; index < wanted.length; index += 1) {
    sum += (wanted[index] as number) * view.getFloat32(HEAD_BYTES + index * ELEMENT_BYTES + 4);
  }
  return sum;
}
