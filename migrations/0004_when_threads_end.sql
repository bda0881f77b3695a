-- How long a thread stays when nothing happens on it, and what becomes of it then. Both or none.
alter table holdpoint.thread
  add column ttl_minutes double precision check (ttl_minutes > 0),
  add column ttl_strategy text check (ttl_strategy in ('delete', 'keep_latest')),
  -- When that has to be looked at: the thread may have been used since.
  add column expires_at timestamptz,
  add constraint thread_ttl check ((ttl_minutes is null) = (ttl_strategy is null));
create index thread_expires on holdpoint.thread (expires_at) where expires_at is not null;

-- Whether JSON that is kept as text holds what is searched for. What jsonb cannot carry (NUL characters, halves of UTF-16
-- pairs) is read as U+FFFD, so that the rest of the document can still be found.
create function holdpoint.holds(document text, part jsonb) returns boolean
  language plpgsql immutable
  as $$ begin
    return document::jsonb @> part;
  exception when others then
    begin
      return pg_catalog.regexp_replace(document, '(?<!\\)((?:\\\\)*)\\u(0000|d[89ab]..\\ud[c-f]..|d[89a-f]..)', '\1\\ufffd', 'gi')::jsonb @> part;
    exception when others then
      return false;
    end;
  end $$;
