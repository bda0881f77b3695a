import { type AccessFilter, EVERYTHING } from "../../policy/access-filter.ts";
import { columns, sql } from "../sql.ts";
import type { ItemRow, NamespaceRange } from "./store.sql.ts";

/** What names an item. */
export interface ItemName {
  readonly namespace: readonly string[];
  readonly key: string;
}

/** An item as somebody has taken it over to have vectors made of it. */
export interface ClaimedItem extends ItemName {
  readonly tenant_id: string;
  /** As JSON. */
  readonly value: string;
  readonly index_fields: string[] | null;
  readonly vectors_failures: number;
}

/** Removes an item's vectors. */
export const deleteVectors = (tenant_id: string, { namespace, key }: ItemName) => sql`
  delete from holdpoint.store_vector
  where tenant_id = ${tenant_id} and namespace = ${namespace}::text[] and key = ${key}`;

/** Gives an item that has none its vectors. */
export const insertVectors = (
  tenant_id: string,
  { namespace, key }: ItemName,
  model: string,
  vectors: readonly (readonly number[])[],
) => sql`
  insert into holdpoint.store_vector (tenant_id, namespace, key, place, model, vector)
  select ${tenant_id}, ${namespace}::text[], ${key}, v.place, ${model}, v.vector
  from json_to_recordset(${JSON.stringify(vectors.map((vector, place) => ({ place, vector })))}::json)
    as v (place integer, vector real[])`;

/** One vector on its way here. */
export interface VectorRow {
  readonly namespace: string[];
  readonly key: string;
  readonly place: number;
  /** As Postgres sends a real[]. */
  readonly vector: Buffer;
}

/**
 * The next vectors of a model below a namespace, of items whose fields are as the filter wants them. Each item is looked
 * up by its name: a join of two tables that nobody has analysed yet would compare everything with everything.
 */
export const vectorsAfter = (
  tenant_id: string,
  { from, to }: NamespaceRange,
  after: ItemName & { place: number },
  wish: { filter: string; model: string; limit: number; seen?: AccessFilter | undefined },
) => sql<VectorRow>`
  select v.namespace, v.key, v.place, array_send(v.vector) as vector
  from holdpoint.store_vector v cross join lateral (
    select from holdpoint.store_item i
    where i.tenant_id = v.tenant_id and i.namespace = v.namespace and i.key = v.key
      and (i.expires_at is null or i.expires_at > holdpoint.now())
      and (${wish.filter}::jsonb = '{}' or holdpoint.item_matches(i.value, ${wish.filter}::jsonb))
      and (${JSON.stringify(wish.seen ?? EVERYTHING)}::jsonb = '{}'
        or (i.value || jsonb_build_object('namespace', to_jsonb(i.namespace), 'key', i.key)) @> ${JSON.stringify(wish.seen ?? EVERYTHING)}::jsonb)
    offset 0) i
  where v.tenant_id = ${tenant_id} and v.namespace >= ${from}::text[] and v.namespace < ${to}::text[]
    and (v.namespace, v.key, v.place) > (${after.namespace}::text[], ${after.key}, ${after.place}::int)
    and v.model = ${wish.model}
  order by v.namespace, v.key, v.place
  limit ${wish.limit}::int`;

/** An item, and how near it is. */
export interface ScoredName extends ItemName {
  readonly score: number;
}

/** The items that an index of pgvector finds nearest; none where there is no index. */
export const nearestItems = (
  tenant_id: string,
  { from, to }: NamespaceRange,
  wish: { filter: string; model: string; wanted: readonly number[]; vectors: number },
) => sql<ScoredName>`
  select n.namespace, n.key, n.score
  from holdpoint.nearest_items(${tenant_id}, ${from}::text[], ${to}::text[], ${wish.filter}::jsonb, ${wish.model},
    ${wish.wanted}::real[], ${wish.vectors}::int) n`;

const ITEM = columns`i.namespace, i.key, coalesce(i.value_exact, i.value::text) as value, i.ttl_minutes, i.created_at, i.updated_at`;

/** Items by their names, in any order. */
export const selectItems = (tenant_id: string, names: readonly ItemName[]) => sql<ItemRow>`
  select i.namespace, i.key, i.value, i.ttl_minutes, i.created_at, i.updated_at
  from json_to_recordset(${JSON.stringify(names.map(({ namespace, key }) => ({ namespace, key })))}::json)
    as k (namespace text[], key text)
  cross join lateral (
    select ${ITEM} from holdpoint.store_item i
    where i.tenant_id = ${tenant_id} and i.namespace = k.namespace and i.key = k.key
      and (i.expires_at is null or i.expires_at > holdpoint.now())
    offset 0) i`;

/** The items below a namespace that have no vectors of a model, ordered by the words of a question. */
export const itemsWithoutVectors = (
  tenant_id: string,
  { from, to }: NamespaceRange,
  wish: {
    filter: string;
    model: string;
    query: string;
    limit: number;
    offset: number;
    seen?: AccessFilter | undefined;
  },
) => sql<ItemRow>`
  with wanted as (
    select nullif(replace(plainto_tsquery('simple', ${wish.query}::text)::text, ' & ', ' | '), '')::tsquery as words)
  select ${ITEM}
  from holdpoint.store_item i cross join wanted
  where i.tenant_id = ${tenant_id} and i.namespace >= ${from}::text[] and i.namespace < ${to}::text[]
    and (i.expires_at is null or i.expires_at > holdpoint.now())
    and holdpoint.item_matches(i.value, ${wish.filter}::jsonb)
    and (${JSON.stringify(wish.seen ?? EVERYTHING)}::jsonb = '{}'
      or (i.value || jsonb_build_object('namespace', to_jsonb(i.namespace), 'key', i.key)) @> ${JSON.stringify(wish.seen ?? EVERYTHING)}::jsonb)
    and not exists (
      select from holdpoint.store_vector v
      where v.tenant_id = i.tenant_id and v.namespace = i.namespace and v.key = i.key and v.model = ${wish.model})
  order by case when i.words @@ wanted.words then ts_rank(i.words, wanted.words) end desc nulls last,
    i.updated_at desc, i.namespace, i.key
  limit ${wish.limit}::int offset ${wish.offset}::int`;

/** Takes over some of the items that should have vectors of a model and have not, for a while. */
export const claimItems = (model: string, claim: string, wish: { limit: number; seconds: number }) => sql<ClaimedItem>`
  update holdpoint.store_item i
  set vectors_claim = ${claim}::uuid, vectors_due = holdpoint.now() + make_interval(secs => ${wish.seconds}::float8)
  where (i.tenant_id, i.namespace, i.key) in (
    select d.tenant_id, d.namespace, d.key from holdpoint.store_item d
    -- Not what it should be: two ranges of the index.
    where (d.vectors_by < ${model} or d.vectors_by > ${model})
      and (d.vectors_due is null or d.vectors_due <= holdpoint.now())
      and (d.expires_at is null or d.expires_at > holdpoint.now())
    order by d.vectors_due nulls first limit ${wish.limit}::int
    for update skip locked)
  returning i.tenant_id, i.namespace, i.key, coalesce(i.value_exact, i.value::text) as value, i.index_fields,
    i.vectors_failures`;

/** Notes that an item has vectors now, if nobody has written it since it was taken over. */
export const noteVectors = (tenant_id: string, { namespace, key }: ItemName, model: string, claim: string) => sql`
  update holdpoint.store_item
  set vectors_by = ${model}, vectors_due = null, vectors_failures = 0, vectors_claim = null
  where tenant_id = ${tenant_id} and namespace = ${namespace}::text[] and key = ${key}
    and vectors_claim = ${claim}::uuid
  returning key`;

/** Notes that it got none, and when somebody tries again. */
export const noteFailure = (tenant_id: string, { namespace, key }: ItemName, claim: string, seconds: number) => sql`
  update holdpoint.store_item
  set vectors_due = holdpoint.now() + make_interval(secs => ${seconds}::float8),
    vectors_failures = vectors_failures + 1, vectors_claim = null
  where tenant_id = ${tenant_id} and namespace = ${namespace}::text[] and key = ${key}
    and vectors_claim = ${claim}::uuid`;

/** Makes pgvector available, if that can be done; why not, or null. */
export const tryVectorExtension = () => sql<{ why_not: string | null }>`
  select holdpoint.try_vector_extension() as why_not`;

/** What to execute, each alone, so that a model's vectors have an index. */
export const vectorIndexStatements = (model: string, dims: number) => sql<{ text: string }>`
  select s as text from holdpoint.vector_index_statements(${model}, ${dims}::int) s`;

/** True when they have one. */
export const hasVectorIndex = (model: string) => sql<{ has_index: boolean }>`
  select holdpoint.has_vector_index(${model}) as has_index`;
