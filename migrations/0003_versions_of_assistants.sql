-- What an assistant was: each change of one is a version, and every version can be the current one again.
create table holdpoint.assistant_version (
  tenant_id text not null default 'default',
  assistant_id uuid not null,
  version integer not null,
  graph_id text not null,
  name text not null,
  description text,
  config jsonb not null,
  context jsonb not null,
  metadata jsonb not null,
  created_at timestamptz not null default holdpoint.now(),
  primary key (tenant_id, assistant_id, version),
  foreign key (tenant_id, assistant_id) references holdpoint.assistant on delete cascade
);

insert into holdpoint.assistant_version (tenant_id, assistant_id, version, graph_id, name, description, config, context, metadata, created_at)
select tenant_id, assistant_id, version, graph_id, name, description, config, context, metadata, created_at from holdpoint.assistant;
