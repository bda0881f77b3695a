-- Who says who a principal is: Holdpoint, by an API key or a session of its own, or the Auth of the project that it serves.
-- One name is of one of the two: otherwise who can choose a name there would be whoever has it here.
alter table holdpoint.principal add column source text not null default 'holdpoint' check (source in ('holdpoint', 'auth'));
