-- The login role of the port database("chinook_read"): it reads this schema and writes nothing anywhere. Its name and
-- password come as settings of the transaction, so that they are in no statement a server log could keep.

do $$
declare
  role_name text := current_setting('holdpoint.port_role');
  role_password text := current_setting('holdpoint.port_password');
begin
  if exists (select from pg_catalog.pg_roles where rolname = role_name) then
    execute format('alter role %I login password %L', role_name, role_password);
  else
    execute format('create role %I login noinherit connection limit 50 password %L', role_name, role_password);
  end if;
  execute format('alter role %I set default_transaction_read_only = on', role_name);
  execute format('alter role %I set statement_timeout = ''30s''', role_name);
  execute format('alter role %I set idle_in_transaction_session_timeout = ''60s''', role_name);
  -- How much disk a sort or a recursion may take is for a superuser to bound; elsewhere time alone bounds it.
  begin
    execute format('alter role %I set temp_file_limit = ''1GB''', role_name);
  exception when insufficient_privilege then
    null;
  end;
  execute format('grant usage on schema chinook to %I', role_name);
  execute format('grant select on all tables in schema chinook to %I', role_name);
end $$;
