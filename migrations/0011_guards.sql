-- What all processes share about calls to others: breakers, limits, answers kept for a time, what was spent and what may be.

-- One row for each breaker of which something bad is known. Whoever changes it names the version it has read.
create table holdpoint.breaker (
  tenant_id text not null default 'default',
  name text collate "C" not null check (length(name) <= 200),
  version uuid not null,
  state jsonb not null,
  expires_at timestamptz not null,
  primary key (tenant_id, name)
) with (fillfactor = 70);
create index breaker_expires on holdpoint.breaker (expires_at);

-- How full each limit is; what nobody has taken anything of for long has no row.
create table holdpoint.rate_limit (
  tenant_id text not null default 'default',
  name text collate "C" not null check (length(name) <= 200),
  level double precision not null,
  -- When the level was so. It runs out evenly since.
  at timestamptz not null,
  expires_at timestamptz not null,
  primary key (tenant_id, name)
) with (fillfactor = 70);
create index rate_limit_expires on holdpoint.rate_limit (expires_at);

-- How full a limit still is at a moment. Whoever waited for the row may be a moment behind: nothing has run out for it.
create function holdpoint.rate_level(
    level double precision, at timestamptz, now timestamptz, rate_limit double precision, per_ms double precision)
  returns double precision
  language sql immutable
  as $$ select case when at >= now then level
    else greatest(0, level - extract(epoch from now - at)::double precision * 1000 * rate_limit / per_ms) end $$;

-- Since when that is counted. A clock that was set back far must not stop everybody until it has caught up.
create function holdpoint.rate_at(at timestamptz, now timestamptz, per_ms double precision) returns timestamptz
  language sql stable
  as $$ select case when at > now and at <= now + make_interval(secs => per_ms / 1000) then at else now end $$;

-- Answers of models and tools, as JSON text. The key is a digest of everything that the answer depends on.
create table holdpoint.cached_answer (
  tenant_id text not null default 'default',
  key text collate "C" not null check (length(key) <= 200),
  value text not null,
  expires_at timestamptz not null,
  primary key (tenant_id, key)
);
create index cached_answer_expires on holdpoint.cached_answer (expires_at);

-- One row for each call that was paid for, also by a process that had lost its run by then: it was paid for all the same.
create table holdpoint.usage (
  tenant_id text not null default 'default',
  at timestamptz not null,
  usage_id bigint generated always as identity,
  graph_id text not null,
  thread_id text collate "C" not null,
  run_id uuid not null,
  -- The run that somebody started; its answers are carried by other runs.
  origin_run_id uuid not null,
  node text,
  kind text not null check (kind in ('model', 'tool')),
  name text not null,
  input_tokens bigint not null,
  output_tokens bigint not null,
  -- Of the input tokens, those the provider had in its cache.
  cached_tokens bigint not null,
  -- In the currency of HOLDPOINT_MODEL_PRICES; null where a price is not known.
  cost double precision,
  primary key (tenant_id, at, usage_id)
);
-- What is swept is what is oldest, of all tenants.
create index usage_at on holdpoint.usage using brin (at);

-- The sums that budgets are compared with, kept by the statement that records a use.
create table holdpoint.spent (
  tenant_id text not null default 'default',
  scope text not null check (scope in ('graph', 'run', 'tenant')),
  -- A graph, the run that was started, or nothing.
  name text collate "C" not null,
  -- '-infinity' where it is the whole sum.
  day date not null,
  tokens bigint not null,
  cost double precision not null,
  expires_at timestamptz not null,
  primary key (tenant_id, scope, name, day)
) with (fillfactor = 70);
create index spent_expires on holdpoint.spent (expires_at);

-- What a person has allowed a run beyond its budget, once for each question.
create table holdpoint.budget_grant (
  tenant_id text not null default 'default',
  thread_id text collate "C" not null,
  origin_run_id uuid not null,
  position text collate "C" not null,
  run_id uuid not null,
  tokens bigint not null,
  cost double precision not null,
  granted_at timestamptz not null default holdpoint.now(),
  primary key (origin_run_id, position)
);
