-- What an item of the store is found by beside its words: vectors of its texts, made by a model somewhere else.
alter table holdpoint.store_item
  -- The paths whose texts are found by meaning; null: those that are configured.
  add column index_fields text[],
  -- The model that its vectors are of. '': it has none yet. Null: it is not to be found by meaning.
  add column vectors_by text,
  -- When somebody tries again to have them made; null: at once.
  add column vectors_due timestamptz,
  add column vectors_failures integer not null default 0,
  -- Who is having them made. Writing the item ends that: what comes of it is of a value that is gone.
  add column vectors_claim uuid;
update holdpoint.store_item set vectors_by = '' where words is not null;
create index store_item_vectors on holdpoint.store_item (vectors_by, vectors_due) where vectors_by is not null;

create table holdpoint.store_vector (
  tenant_id text not null,
  namespace text[] collate "C" not null,
  key text collate "C" not null,
  -- An item has one for each of its texts.
  place integer not null check (place >= 0),
  model text not null,
  -- Of length 1, so that a cosine is a sum of products.
  vector real[] not null,
  primary key (tenant_id, namespace, key, place),
  foreign key (tenant_id, namespace, key) references holdpoint.store_item on delete cascade
);
-- These bytes do not become fewer.
alter table holdpoint.store_vector alter column vector set storage external;

-- pgvector is not everywhere, and comes and goes without us. Nothing is stored in its types: an index is all that it adds,
-- and everything that names it is put together when it is asked for.

-- Makes pgvector available here; null when it is, or why not.
create function holdpoint.try_vector_extension() returns text
  language plpgsql
  as $$
  begin
    if exists (select from pg_catalog.pg_extension where extname = 'vector') then
      return null;
    elsif not exists (select from pg_catalog.pg_available_extensions where name = 'vector') then
      return 'this PostgreSQL does not have it';
    end if;
    create extension if not exists vector with schema public;
    return null;
  exception when others then
    return sqlerrm;
  end $$;

create function holdpoint.vector_index_name(model text) returns text
  language sql immutable
  as $$ select 'store_vector_' || pg_catalog.substr(pg_catalog.md5(model), 1, 16) $$;

-- True where a model's vectors have an index that can be used.
create function holdpoint.has_vector_index(model text) returns boolean
  language sql stable
  as $$ select exists (
    select from pg_catalog.pg_index x
      join pg_catalog.pg_class c on c.oid = x.indexrelid
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'holdpoint' and c.relname = holdpoint.vector_index_name(model) and x.indisvalid and x.indisready) $$;

-- What has to be executed, each alone, so that a model's vectors have an index; nothing where it is there, being made, or
-- cannot be. Statements and no deed: an index that nobody waits for cannot be made inside of a function.
create function holdpoint.vector_index_statements(model text, dims integer) returns setof text
  language plpgsql stable
  as $$
  declare
    home name;
    named text := holdpoint.vector_index_name(model);
    left_over oid;
  begin
    select n.nspname into home
      from pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid = e.extnamespace where e.extname = 'vector';
    -- Old versions have another index only, and none takes more numbers than this.
    if home is null or dims > 2000 or holdpoint.has_vector_index(model)
      or not exists (select from pg_catalog.pg_am where amname = 'hnsw') then
      return;
    end if;
    select c.oid into left_over from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where n.nspname = 'holdpoint' and c.relname = named;
    if exists (select from pg_catalog.pg_stat_progress_create_index p where p.index_relid = left_over) then
      return;
    end if;
    -- Whoever was making it has died.
    if left_over is not null then
      return next pg_catalog.format('drop index concurrently if exists holdpoint.%I', named);
    end if;
    return next pg_catalog.format(
      'create index concurrently if not exists %I on holdpoint.store_vector using hnsw ((vector::%I.vector(%s)) %I.vector_cosine_ops) where model = %L',
      named, home, dims, home, model);
  end $$;

-- The items below a namespace that are nearest to a vector, as pgvector's index finds them: out of so many vectors, and
-- perhaps not all. None without the index.
create function holdpoint.nearest_items(
    tenant text, first text[], past text[], filter jsonb, model text, wanted real[], vectors integer)
  returns table (namespace text[], key text, score double precision)
  language plpgsql
  as $$
  declare
    home name;
    version text;
  begin
    if not holdpoint.has_vector_index(model) then
      return;
    end if;
    select n.nspname, e.extversion into home, version
      from pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid = e.extnamespace where e.extname = 'vector';
    perform pg_catalog.set_config('hnsw.ef_search', least(1000, greatest(100, vectors))::text, true);
    -- Goes on behind those that the filter takes out; older versions give fewer, and the caller looks at all of them then.
    if pg_catalog.string_to_array(pg_catalog.substring(version, '^\d+\.\d+'), '.')::integer[] >= array[0, 8] then
      perform pg_catalog.set_config('hnsw.iterative_scan', 'strict_order', true);
    end if;
    return query execute pg_catalog.format($query$
      select n.namespace, n.key, max(n.score)
      from (
        select v.namespace, v.key,
          1 - (v.vector::%1$I.vector(%2$s) operator(%1$I.<=>) $6::%1$I.vector(%2$s)) as score
        from holdpoint.store_vector v cross join lateral (
          select from holdpoint.store_item i
          where i.tenant_id = v.tenant_id and i.namespace = v.namespace and i.key = v.key
            and (i.expires_at is null or i.expires_at > holdpoint.now())
            and ($4 = '{}' or holdpoint.item_matches(i.value, $4))
          offset 0) i
        where v.model = %3$L and v.tenant_id = $1 and v.namespace >= $2 and v.namespace < $3
        order by v.vector::%1$I.vector(%2$s) operator(%1$I.<=>) $6::%1$I.vector(%2$s)
        limit $5) n
      group by n.namespace, n.key
      order by 3 desc, 1, 2 $query$, home, pg_catalog.cardinality(wanted), model)
    using tenant, first, past, filter, vectors, wanted;
  end $$;
