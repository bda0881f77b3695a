import { type AccessFilter, EVERYTHING } from "../../policy/access-filter.ts";
import { columns, sql } from "../sql.ts";

/** A row of holdpoint.store_item as it is read. */
export interface ItemRow {
  readonly namespace: string[];
  readonly key: string;
  /** As JSON. */
  readonly value: string;
  readonly ttl_minutes: number | null;
  readonly created_at: string;
  readonly updated_at: string;
}

/** What is written of an item. */
export interface ItemWrite {
  readonly namespace: readonly string[];
  readonly key: string;
  readonly value: string;
  readonly value_exact: string | null;
  /** What its words are taken from; null: it is found by none. */
  readonly text: string | null;
  readonly ttl_minutes: number | null;
  /** The paths whose texts it is to be found by; null: those that are configured. */
  readonly index_fields: readonly string[] | null;
  /** The model of the vectors that are written along; empty when there are none yet, null when there are to be none. */
  readonly vectors_by: string | null;
}

/** Namespaces from the first to before the second: all that begin with a prefix. */
export interface NamespaceRange {
  readonly from: readonly string[];
  readonly to: readonly string[];
}

const ITEM = columns`i.namespace, i.key, coalesce(i.value_exact, i.value::text) as value, i.ttl_minutes, i.created_at, i.updated_at`;

/** One item, unless its time is over. */
export const selectItem = (tenant_id: string, namespace: readonly string[], key: string) => sql<ItemRow>`
  select ${ITEM} from holdpoint.store_item i
  where i.tenant_id = ${tenant_id} and i.namespace = ${namespace}::text[] and i.key = ${key}
    and (i.expires_at is null or i.expires_at > holdpoint.now())`;

/** Writes an item over whatever was there. */
export const upsertItem = (tenant_id: string, item: ItemWrite) => sql`
  insert into holdpoint.store_item as i (tenant_id, namespace, key, value, value_exact, words, index_fields, vectors_by,
    ttl_minutes, expires_at)
  values (${tenant_id}, ${item.namespace}::text[], ${item.key}, ${item.value}::jsonb, ${item.value_exact}::text,
    to_tsvector('simple', ${item.text}::text), ${item.index_fields}::text[], ${item.vectors_by}::text,
    ${item.ttl_minutes}::float8,
    holdpoint.now() + make_interval(secs => ${item.ttl_minutes}::float8 * 60))
  on conflict (tenant_id, namespace, key) do update
  set value = excluded.value, value_exact = excluded.value_exact, words = excluded.words,
    index_fields = excluded.index_fields, vectors_by = excluded.vectors_by, vectors_due = null, vectors_failures = 0,
    -- What somebody is having made of the value before is of no use any more.
    vectors_claim = null,
    ttl_minutes = excluded.ttl_minutes, expires_at = excluded.expires_at, updated_at = excluded.updated_at,
    -- Whose time is over is gone: what is written now is another item of the same name.
    created_at = case when i.expires_at <= holdpoint.now() then excluded.created_at else i.created_at end`;

/** Removes an item. */
export const deleteItem = (tenant_id: string, namespace: readonly string[], key: string) => sql`
  delete from holdpoint.store_item
  where tenant_id = ${tenant_id} and namespace = ${namespace}::text[] and key = ${key}`;

/** Lets items stay as long as they were given, from now on. */
export const keepItems = (tenant_id: string, items: readonly Pick<ItemRow, "namespace" | "key">[]) => sql`
  update holdpoint.store_item i
  set expires_at = holdpoint.now() + make_interval(secs => i.ttl_minutes * 60)
  from json_to_recordset(${JSON.stringify(items.map(({ namespace, key }) => ({ namespace, key })))}::json)
    as k (namespace text[], key text)
  where i.tenant_id = ${tenant_id} and i.namespace = k.namespace and i.key = k.key
    and i.expires_at > holdpoint.now()`;

/**
 * The items below a namespace whose fields are as the filter wants them. With words: those that hold any of them first,
 * best first, and then the others; what is newest comes first otherwise.
 */
export const searchItems = (
  tenant_id: string,
  { from, to }: NamespaceRange,
  wish: { filter: string; query: string | null; limit: number; offset: number; seen?: AccessFilter | undefined },
) => sql<ItemRow & { score: number | null }>`
  with wanted as (
    -- Any of the words: a question holds many that no answer has.
    select nullif(replace(plainto_tsquery('simple', ${wish.query}::text)::text, ' & ', ' | '), '')::tsquery as words)
  select ${ITEM}, case when i.words @@ wanted.words then ts_rank(i.words, wanted.words)::float8 end as score
  from holdpoint.store_item i cross join wanted
  where i.tenant_id = ${tenant_id} and i.namespace >= ${from}::text[] and i.namespace < ${to}::text[]
    and (i.expires_at is null or i.expires_at > holdpoint.now())
    and holdpoint.item_matches(i.value, ${wish.filter}::jsonb)
    and (${JSON.stringify(wish.seen ?? EVERYTHING)}::jsonb = '{}'
      or (i.value || jsonb_build_object('namespace', to_jsonb(i.namespace), 'key', i.key)) @> ${JSON.stringify(wish.seen ?? EVERYTHING)}::jsonb)
  order by score desc nulls last, i.updated_at desc, i.namespace, i.key
  limit ${wish.limit}::int offset ${wish.offset}::int`;

/** A path that namespaces begin or end with. */
export interface NamespaceCondition {
  readonly path: readonly string[];
  readonly at_end: boolean;
}

/** The namespaces that hold items and meet all conditions, cut to a depth, each once. */
export const listNamespaces = (
  tenant_id: string,
  { from, to }: NamespaceRange,
  wish: {
    conditions: readonly NamespaceCondition[];
    max_depth: number;
    limit: number;
    offset: number;
    /** Which items may be seen, by their fields, their `namespace` and their `key`. */
    seen?: AccessFilter | undefined;
  },
) => sql<{ namespace: string[] }>`
  select distinct i.namespace[1:${wish.max_depth}::int] as namespace
  from holdpoint.store_item i
  where i.tenant_id = ${tenant_id} and i.namespace >= ${from}::text[] and i.namespace < ${to}::text[]
    and (i.expires_at is null or i.expires_at > holdpoint.now())
    and not exists (
      select from json_to_recordset(${JSON.stringify(wish.conditions)}::json) as c (path text[], at_end boolean)
      where not holdpoint.namespace_matches(i.namespace, c.path, c.at_end))
    and (${JSON.stringify(wish.seen ?? EVERYTHING)}::jsonb = '{}'
      or (i.value || jsonb_build_object('namespace', to_jsonb(i.namespace), 'key', i.key)) @> ${JSON.stringify(wish.seen ?? EVERYTHING)}::jsonb)
  order by 1
  limit ${wish.limit}::int offset ${wish.offset}::int`;

/** Removes some of the items whose time is over. */
export const deleteExpiredItems = (limit: number) => sql`
  delete from holdpoint.store_item
  where (tenant_id, namespace, key) in (
    select tenant_id, namespace, key from holdpoint.store_item
    where expires_at <= holdpoint.now()
    order by expires_at limit ${limit}::int
    for update skip locked)`;
