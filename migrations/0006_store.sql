-- What graphs remember across threads: items in namespaces, found by key, by what their fields hold and by their words.
create table holdpoint.store_item (
  tenant_id text not null default 'default',
  namespace text[] collate "C" not null check (cardinality(namespace) > 0),
  key text collate "C" not null,
  -- What jsonb cannot hold (NUL characters, lone surrogates) is replaced in value, and value_exact keeps the truth.
  value jsonb not null,
  value_exact text,
  -- The words it is found by; null where it is not to be found by any.
  words tsvector,
  -- How long it stays after it was last written, or read by somebody who wants it kept; null: for good.
  ttl_minutes double precision check (ttl_minutes > 0),
  expires_at timestamptz,
  created_at timestamptz not null default holdpoint.now(),
  updated_at timestamptz not null default holdpoint.now(),
  primary key (tenant_id, namespace, key),
  check ((ttl_minutes is null) = (expires_at is null))
);
create index store_item_expires on holdpoint.store_item (expires_at) where expires_at is not null;

-- A value as LangGraph's own store compares it: the way JavaScript makes a number of it. Null where it is none.
create function holdpoint.json_number(value jsonb) returns numeric
  language sql immutable parallel safe
  as $$ select case jsonb_typeof(value)
    when 'number' then (value #>> '{}')::numeric
    when 'boolean' then (value #>> '{}')::boolean::integer::numeric
    when 'null' then 0
    when 'string' then case
      when btrim(value #>> '{}') = '' then 0
      when length(value #>> '{}') <= 400 and btrim(value #>> '{}') ~ '^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?$'
        then btrim(value #>> '{}')::numeric end
    end $$;

-- Whether a field is as a filter wants it: equal, or as its operators say. `value` is null where there is no such field.
create function holdpoint.field_matches(value jsonb, wanted jsonb) returns boolean
  language sql immutable parallel safe
  as $$ select case
    when jsonb_typeof(wanted) = 'object' and wanted - array['$eq', '$ne', '$gt', '$gte', '$lt', '$lte', '$in', '$nin'] = '{}'
      then (select coalesce(bool_and(case o.name
          when '$eq' then value is not distinct from o.operand
          when '$ne' then value is distinct from o.operand
          when '$gt' then coalesce(holdpoint.json_number(value) > holdpoint.json_number(o.operand), false)
          when '$gte' then coalesce(holdpoint.json_number(value) >= holdpoint.json_number(o.operand), false)
          when '$lt' then coalesce(holdpoint.json_number(value) < holdpoint.json_number(o.operand), false)
          when '$lte' then coalesce(holdpoint.json_number(value) <= holdpoint.json_number(o.operand), false)
          when '$in' then case when jsonb_typeof(o.operand) = 'array'
            then value is not null and exists (select from jsonb_array_elements(o.operand) e (one) where e.one = value)
            else false end
          when '$nin' then case when jsonb_typeof(o.operand) = 'array'
            then value is null or not exists (select from jsonb_array_elements(o.operand) e (one) where e.one = value)
            else true end
          end), true)
        from jsonb_each(wanted) o (name, operand))
    else value is not distinct from wanted end $$;

-- Whether an item's fields are all as a filter wants them.
create function holdpoint.item_matches(value jsonb, filter jsonb) returns boolean
  language sql immutable parallel safe
  as $$ select not exists (
    select from jsonb_each(filter) f (key, wanted) where not holdpoint.field_matches(value -> f.key, f.wanted)) $$;

-- Whether a namespace begins or ends with a path, in which * stands for any one label.
create function holdpoint.namespace_matches(namespace text[], path text[], at_end boolean) returns boolean
  language sql immutable parallel safe
  as $$ select cardinality(path) <= cardinality(namespace) and not exists (
    select from unnest(path) with ordinality p (label, place)
    where p.label <> '*'
      and p.label <> namespace[p.place + case when at_end then cardinality(namespace) - cardinality(path) else 0 end]) $$;
