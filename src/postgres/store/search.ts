import { EVERYTHING } from "../../policy/access-filter.ts";
import type { Queryable } from "../database.ts";
import { storableJson } from "../storable-json.ts";
import { type Embedder, EmbeddingFailed } from "./embedder.ts";
import { textToEmbed } from "./item-texts.ts";
import { findItems, type ItemSearch, itemOf, keep, type StoredItem, toJson } from "./items.ts";
import { checkPath, namespacesBelow } from "./namespace.ts";
import { byScore, findNearest } from "./nearest.ts";
import { itemsWithoutVectors, nearestItems, type ScoredName, selectItems } from "./vectors.sql.ts";

/**
 * What a question was compared with: the words of the items, all of their vectors, or those that an index of pgvector
 * holds to be near, which may miss one. Null where nothing was asked.
 */
export type RankedBy = "words" | "vectors_exact" | "vectors_hnsw" | null;

/** What was found. */
export interface Found {
  readonly items: (StoredItem & { score: number | null })[];
  readonly ranked_by: RankedBy;
  /** False when there were more vectors than a search looks at. */
  readonly complete: boolean;
}

/** How to search. */
export interface SearchOptions {
  /** Whether what is found stays for the time it was given, from now on; it does unless this is false. */
  readonly isKept?: boolean;
  /** Makes a vector of the question; without one, and while it fails, questions are answered by words. */
  readonly embedder?: Embedder | undefined;
}

/** An index that lists more than this has looked at as much as all of them would be. */
const INDEXED_ITEMS = 300;
const INDEXED_VECTORS = 1_000;

/** Searches below a namespace: what is nearest to the question first, and behind it what cannot be compared with it. */
export async function searchStore(
  database: Queryable,
  tenant_id: string,
  search: ItemSearch,
  { isKept = true, embedder }: SearchOptions = {},
): Promise<Found> {
  checkPath("/namespace_prefix", search.namespace_prefix);
  const question = textToEmbed(search.query ?? "");
  const wanted = question === "" ? undefined : await vectorOf(question, embedder);
  if (embedder === undefined || wanted === undefined) {
    const ranked_by = search.query == null ? null : "words";
    return { items: await findItems(database, tenant_id, search, isKept), ranked_by, complete: true };
  }
  const { namespace_prefix, limit, offset } = search;
  const range = namespacesBelow(namespace_prefix);
  const { model } = embedder;
  const wish = { filter: storableJson(toJson("/filter", search.filter ?? {})), model, seen: search.seen };
  const nearest = await nearestOf(database, tenant_id, range, { ...wish, wanted, items: offset + limit });
  const page = nearest.names.slice(offset, offset + limit);
  const rows = page.length === 0 ? [] : await database.many(selectItems(tenant_id, page));
  const rowByName = new Map(rows.map((row) => [nameOf(row), row]));
  const scored = page.flatMap(({ score, ...name }) => {
    const row = rowByName.get(nameOf(name));
    return row === undefined ? [] : [{ row, score: score as number | null }];
  });
  const missing = { limit: limit - page.length, offset: Math.max(0, offset - nearest.names.length) };
  if (missing.limit > 0) {
    const others = itemsWithoutVectors(tenant_id, range, { ...wish, ...missing, query: question });
    scored.push(...(await database.many(others)).map((row) => ({ row, score: null })));
  }
  if (isKept) {
    await keep(
      database,
      tenant_id,
      scored.map(({ row }) => row),
    );
  }
  const items = scored.map(({ row, score }) => ({ ...itemOf(row), score }));
  return { items, ranked_by: nearest.ranked_by, complete: nearest.complete };
}

async function vectorOf(question: string, embedder: Embedder | undefined): Promise<Float32Array | undefined> {
  try {
    return (await embedder?.embed([question]))?.[0] ?? undefined;
  } catch (error) {
    if (error instanceof EmbeddingFailed) return undefined;
    throw error;
  }
}

type Wish = Parameters<typeof findNearest>[3];

/** The nearest items, as many as are wanted or as there are. */
async function nearestOf(
  database: Queryable,
  tenant_id: string,
  range: ReturnType<typeof namespacesBelow>,
  wish: Wish,
): Promise<{ names: ScoredName[]; ranked_by: RankedBy; complete: boolean }> {
  // The index knows nothing of what may be seen, and would give up behind what may not.
  const isAllSeen = Object.keys(wish.seen ?? EVERYTHING).length === 0;
  if (isAllSeen && wish.items <= INDEXED_ITEMS) {
    // An item may have several vectors.
    const vectors = Math.min(INDEXED_VECTORS, 3 * wish.items);
    const indexed = { ...wish, wanted: Array.from(wish.wanted), vectors };
    const names = await database.many(nearestItems(tenant_id, range, indexed));
    // Fewer: there is no index, or it gave up behind what the filter takes out.
    if (names.length >= wish.items) {
      return { names: names.sort(byScore).slice(0, wish.items), ranked_by: "vectors_hnsw", complete: true };
    }
  }
  const { nearest, complete } = await findNearest(database, tenant_id, range, wish);
  return { names: nearest, ranked_by: "vectors_exact", complete };
}

const nameOf = ({ namespace, key }: { namespace: readonly string[]; key: string }) => JSON.stringify([namespace, key]);
