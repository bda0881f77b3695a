import type { AccessFilter } from "../../policy/access-filter.ts";
import { HoldpointError } from "../../protocol/errors.ts";
import type { Database, Queryable } from "../database.ts";
import { fencedWrite, type Lease } from "../fence.ts";
import type { Statement } from "../sql.ts";
import { storableJson } from "../storable-json.ts";
import { embedEach } from "./embed-each.ts";
import { type Embedder, EmbeddingFailed } from "./embedder.ts";
import { plainText, textsToEmbed, wordsOf } from "./item-texts.ts";
import { checkNames, checkPath, namespacesBelow } from "./namespace.ts";
import {
  deleteExpiredItems,
  deleteItem,
  type ItemRow,
  type ItemWrite,
  keepItems,
  listNamespaces,
  searchItems,
  selectItem,
  upsertItem,
} from "./store.sql.ts";
import { deleteVectors, type ItemName, insertVectors } from "./vectors.sql.ts";

/** What graphs remember across threads. */
export interface StoredItem {
  readonly namespace: string[];
  readonly key: string;
  readonly value: Record<string, unknown>;
  readonly created_at: string;
  readonly updated_at: string;
}

/** An item to write, or with a null value to remove. */
export interface ItemPut {
  readonly namespace: readonly string[];
  readonly key: string;
  readonly value: Record<string, unknown> | null;
  /** By which of its texts it is found: all, none, or those at paths such as `title` and `chapters[*].content`. */
  readonly index?: false | readonly string[] | null | undefined;
  /** Minutes it stays after it was last written or read; for good unless given. */
  readonly ttl?: number | null | undefined;
}

/** What to look for. */
export interface ItemSearch {
  readonly namespace_prefix: readonly string[];
  readonly filter?: Record<string, unknown> | null | undefined;
  readonly query?: string | null | undefined;
  readonly limit: number;
  readonly offset: number;
  /** Which items may be seen, by their fields, their `namespace` and their `key`; all unless given. */
  readonly seen?: AccessFilter | undefined;
}

const ROWS = 1_000;
const ANY_DEPTH = 2_147_483_647;

/** Reads an item, and keeps it for as long as it was given unless `isKept` is false; undefined when there is none. */
export async function readItem(
  database: Queryable,
  tenant_id: string,
  { namespace, key }: Pick<ItemPut, "namespace" | "key">,
  isKept = true,
): Promise<StoredItem | undefined> {
  checkNames(namespace, key);
  const row = await database.maybeOne(selectItem(tenant_id, namespace, key));
  if (row === undefined) return undefined;
  if (isKept) await keep(database, tenant_id, [row]);
  return itemOf(row);
}

/** Searches below a namespace. `score`: how well an item fits the query's words; null where it holds none of them. */
export async function findItems(
  database: Queryable,
  tenant_id: string,
  { namespace_prefix, filter, query, limit, offset, seen }: ItemSearch,
  isKept = true,
): Promise<(StoredItem & { score: number | null })[]> {
  checkPath("/namespace_prefix", namespace_prefix);
  const wish = {
    filter: storableJson(toJson("/filter", filter ?? {})),
    query: query == null ? null : plainText(query),
    limit,
    offset,
    seen,
  };
  const rows = await database.many(searchItems(tenant_id, namespacesBelow(namespace_prefix), wish));
  if (isKept) await keep(database, tenant_id, rows);
  return rows.map((row) => ({ ...itemOf(row), score: row.score }));
}

/** Lets items that were given a time stay for it, from now on. */
export async function keep(database: Queryable, tenant_id: string, rows: readonly ItemRow[]): Promise<void> {
  const passing = rows.filter(({ ttl_minutes }) => ttl_minutes !== null);
  if (passing.length > 0) await database.run(keepItems(tenant_id, passing));
}

/** The namespaces that hold items. `conditions`: what they begin and end with, where * stands for any one label. */
export async function findNamespaces(
  database: Queryable,
  tenant_id: string,
  wish: Omit<Parameters<typeof listNamespaces>[2], "max_depth"> & { max_depth?: number | null },
): Promise<string[][]> {
  for (const { path, at_end } of wish.conditions) checkPath(at_end ? "/suffix" : "/prefix", path);
  const prefix = wish.conditions.find(({ at_end }) => !at_end)?.path ?? [];
  const wildcard = prefix.indexOf("*");
  const range = namespacesBelow(wildcard < 0 ? prefix : prefix.slice(0, wildcard));
  const max_depth = wish.max_depth ?? ANY_DEPTH;
  return (await database.many(listNamespaces(tenant_id, range, { ...wish, max_depth }))).map(
    ({ namespace }) => namespace,
  );
}

/**
 * Writes and removes items, all or none; of several with one name the last counts. With a lease only while it is held:
 * throws `lease_lost`. With an embedder their vectors are made first and written along; where it fails the items are
 * written all the same, and a sweep makes the vectors later: what somebody wants to remember must not hang on a service
 * that only helps to find it. Locks: the thread's shared lock with a lease, then the items in the order of their names.
 */
export async function writeItems(
  database: Database,
  tenant_id: string,
  puts: readonly ItemPut[],
  lease?: Lease,
  embedder?: Embedder,
): Promise<void> {
  const writes = new Map<string, Write>();
  for (const put of puts) {
    const { namespace, key } = put;
    checkNames(namespace, key);
    const write = put.value === null ? { namespace, key } : rowOf(put, put.value, embedder);
    writes.set(JSON.stringify([namespace, key]), write);
  }
  const inOrder = [...writes].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, write]) => write);
  const vectors = await vectorsOf(inOrder, embedder);
  const statements = inOrder.flatMap((write) => statementsOf(tenant_id, write, vectors?.get(write), embedder));
  if (lease === undefined) await database.transaction(async (tx) => void (await tx.finish(statements)));
  else await fencedWrite(database, lease, async (tx) => void (await tx.finish(statements)));
}

/** What is written of an item; of one that is removed, its name. */
type Write = ItemName | TextWrite;
type TextWrite = ItemWrite & { readonly toEmbed: readonly string[] };

/** The vectors of each item; undefined where there are none to be had now. */
async function vectorsOf(
  writes: readonly Write[],
  embedder: Embedder | undefined,
): Promise<Map<Write, number[][]> | undefined> {
  if (embedder === undefined) return undefined;
  const texts = writes.map((write) => ("toEmbed" in write ? write.toEmbed : []));
  try {
    const made = await embedEach(embedder, texts);
    return new Map(writes.map((write, index) => [write, made[index] ?? []]));
  } catch (error) {
    if (error instanceof EmbeddingFailed) return undefined;
    throw error;
  }
}

function statementsOf(
  tenant_id: string,
  write: Write,
  vectors: number[][] | undefined,
  embedder: Embedder | undefined,
): Statement[] {
  if (!("toEmbed" in write)) return [deleteItem(tenant_id, write.namespace, write.key)];
  const { toEmbed: _texts, ...item } = write;
  // Alone: only a statement that begins when the item's row is locked sees the vectors that somebody has just written.
  const gone = deleteVectors(tenant_id, item);
  if (item.vectors_by === null || vectors === undefined || embedder === undefined) {
    return [upsertItem(tenant_id, item), gone];
  }
  const written = upsertItem(tenant_id, { ...item, vectors_by: embedder.model });
  if (vectors.length === 0) return [written, gone];
  return [written, gone, insertVectors(tenant_id, item, embedder.model, vectors)];
}

/** Removes items whose time is over, a bounded number at a time; gives how many. */
export async function sweepItems(database: Database): Promise<number> {
  return await database.run(deleteExpiredItems(ROWS));
}

function rowOf(
  { namespace, key, index, ttl }: ItemPut,
  given: Record<string, unknown>,
  embedder: Embedder | undefined,
): TextWrite {
  const text = toJson("/value", given);
  const value = storableJson(text);
  const paths = index === false ? [] : (index ?? embedder?.fields ?? []);
  return {
    namespace,
    key,
    value,
    value_exact: value === text ? null : text,
    text: index === false ? null : wordsOf(JSON.parse(text), index ?? undefined),
    ttl_minutes: ttl ?? null,
    index_fields: index === false ? null : (index?.map(plainText) ?? null),
    vectors_by: index === false ? null : "",
    toEmbed: embedder === undefined ? [] : textsToEmbed(JSON.parse(text), paths),
  };
}

/** Throws `invalid`. */
export function toJson(pointer: string, value: object): string {
  try {
    return JSON.stringify(value);
  } catch (cause) {
    throw new HoldpointError("invalid", `${pointer} cannot be written as JSON: ${(cause as Error).message}`, { cause });
  }
}

/** An item as others see it. */
export const itemOf = ({ namespace, key, value, created_at, updated_at }: ItemRow): StoredItem => ({
  namespace,
  key,
  value: JSON.parse(value) as Record<string, unknown>,
  created_at,
  updated_at,
});
