import { getTextAtPath } from "@langchain/langgraph-checkpoint";
import { HoldpointError } from "../../protocol/errors.ts";
import type { Database, Queryable } from "../database.ts";
import { fencedWrite, type Lease } from "../fence.ts";
import type { Statement } from "../sql.ts";
import { storableJson } from "../storable-json.ts";
import { checkNames, checkPath, namespacesBelow } from "./namespace.ts";
import {
  deleteExpiredItems,
  deleteItem,
  type ItemRow,
  type ItemWrite,
  keepItems,
  listNamespaces,
  type NamespaceCondition,
  searchItems,
  selectItem,
  upsertItem,
} from "./store.sql.ts";

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
}

/** More words than this of one item are not looked at, and Postgres has room for no more in an index. */
const TEXT_CHARACTERS = 200_000;
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
  { namespace_prefix, filter, query, limit, offset }: ItemSearch,
  isKept = true,
): Promise<(StoredItem & { score: number | null })[]> {
  checkPath("/namespace_prefix", namespace_prefix);
  const wish = {
    filter: storableJson(toJson("/filter", filter ?? {})),
    query: query == null ? null : plainText(query),
    limit,
    offset,
  };
  const rows = await database.many(searchItems(tenant_id, namespacesBelow(namespace_prefix), wish));
  if (isKept) await keep(database, tenant_id, rows);
  return rows.map((row) => ({ ...itemOf(row), score: row.score }));
}

async function keep(database: Queryable, tenant_id: string, rows: readonly ItemRow[]): Promise<void> {
  const passing = rows.filter(({ ttl_minutes }) => ttl_minutes !== null);
  if (passing.length > 0) await database.run(keepItems(tenant_id, passing));
}

/** The namespaces that hold items. `conditions`: what they begin and end with, where * stands for any one label. */
export async function findNamespaces(
  database: Queryable,
  tenant_id: string,
  wish: { conditions: readonly NamespaceCondition[]; max_depth?: number | null; limit: number; offset: number },
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
 * throws `lease_lost`. Locks: the thread's shared lock with a lease, then the items in the order of their names.
 */
export async function writeItems(
  database: Database,
  tenant_id: string,
  puts: readonly ItemPut[],
  lease?: Lease,
): Promise<void> {
  const statements = new Map<string, Statement>();
  for (const put of puts) {
    const { namespace, key } = put;
    checkNames(namespace, key);
    const statement =
      put.value === null ? deleteItem(tenant_id, namespace, key) : upsertItem(tenant_id, rowOf(put, put.value));
    statements.set(JSON.stringify([namespace, key]), statement);
  }
  const inOrder = [...statements].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, statement]) => statement);
  if (lease === undefined) await database.transaction(async (tx) => void (await tx.finish(inOrder)));
  else await fencedWrite(database, lease, async (tx) => void (await tx.finish(inOrder)));
}

/** Removes items whose time is over, a bounded number at a time; gives how many. */
export async function sweepItems(database: Database): Promise<number> {
  return await database.run(deleteExpiredItems(ROWS));
}

function rowOf({ namespace, key, index, ttl }: ItemPut, given: Record<string, unknown>): ItemWrite {
  const text = toJson("/value", given);
  const value = storableJson(text);
  return {
    namespace,
    key,
    value,
    value_exact: value === text ? null : text,
    text: index === false ? null : plainText(textsOf(JSON.parse(text), index ?? undefined)),
    ttl_minutes: ttl ?? null,
  };
}

function toJson(pointer: string, value: object): string {
  try {
    return JSON.stringify(value);
  } catch (cause) {
    throw new HoldpointError("invalid", `${pointer} cannot be written as JSON: ${(cause as Error).message}`, { cause });
  }
}

/** The texts of a value, or those at some paths of it. */
function textsOf(value: unknown, paths: readonly string[] | undefined): string {
  const texts: unknown[] = paths === undefined ? [] : paths.flatMap((path) => getTextAtPath(value, path));
  // Bound: each value is looked at once.
  const waiting = paths === undefined ? [value] : [];
  while (waiting.length > 0) {
    const next = waiting.pop();
    if (typeof next === "string") texts.push(next);
    else if (typeof next === "object" && next !== null) for (const member of Object.values(next)) waiting.push(member);
  }
  return texts.join(" ");
}

const plainText = (text: string) => text.replaceAll("\0", " ").toWellFormed().slice(0, TEXT_CHARACTERS);

const itemOf = ({ namespace, key, value, created_at, updated_at }: ItemRow): StoredItem => ({
  namespace,
  key,
  value: JSON.parse(value) as Record<string, unknown>,
  created_at,
  updated_at,
});
