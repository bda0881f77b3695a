-- The login role of the port database("chinook"): it sees this schema only. Its name and password come as settings of
-- the transaction, so that they are in no statement a server log could keep.

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
  execute format('alter role %I in database %I set search_path = chinook', role_name, current_database());
  -- A workflow that hangs must not keep an invoice locked.
  execute format('alter role %I in database %I set statement_timeout = ''30s''', role_name, current_database());
  execute format('alter role %I in database %I set idle_in_transaction_session_timeout = ''60s''', role_name, current_database());
  execute format('grant usage on schema chinook to %I', role_name);
  execute format('grant select on all tables in schema chinook to %I', role_name);
  execute format('grant insert on chinook.refund to %I', role_name);
  -- Locking an invoice row asks for the right to update at least one of its columns. This is the one whose change
  -- could do the least: no refund reads it, and neither the total nor the customer can be touched.
  execute format('grant update (billing_postal_code) on chinook.invoice to %I', role_name);
end $$;
