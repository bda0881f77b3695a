import { sql } from "./sql.ts";

/** What there is of the example's database. */
export interface SeedState {
  database: string;
  has_schema: boolean;
  role: string | null;
  has_role: boolean;
  password: string | null;
  read_role: string | null;
  has_read_role: boolean;
  read_password: string | null;
}

/** One seeder at a time; released with the transaction. */
export function lockSeed() {
  return sql`select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('holdpoint:seed:chinook', 0))`;
}

/** What an earlier start left. */
export function readSeedState() {
  return sql<SeedState>`
    select pg_catalog.current_database()::text as database,
      pg_catalog.to_regnamespace('chinook') is not null as has_schema,
      role.value as role,
      exists (select from pg_catalog.pg_roles r where r.rolname = role.value) as has_role,
      password.value as password,
      read_role.value as read_role,
      exists (select from pg_catalog.pg_roles r where r.rolname = read_role.value) as has_read_role,
      read_password.value as read_password
    from (values (1)) as one
    left join holdpoint.setting role on role.name = 'port.chinook.role'
    left join holdpoint.setting password on password.name = 'port.chinook.password'
    left join holdpoint.setting read_role on read_role.name = 'port.chinook_read.role'
    left join holdpoint.setting read_password on read_password.name = 'port.chinook_read.password'`;
}

/** Hands the role to login.sql, for this transaction only; later statements see the schema's own tables. */
export function setPortRole(role: string, password: string) {
  return sql`
    select pg_catalog.set_config('holdpoint.port_role', ${role}, true),
      pg_catalog.set_config('holdpoint.port_password', ${password}, true),
      pg_catalog.set_config('search_path', 'chinook', true)`;
}

/** Remembers how a port logs in. The roles themselves cannot read this table. */
export function rememberPortRole(port: string, role: string, password: string) {
  return sql`
    insert into holdpoint.setting (name, value)
    values ('port.' || ${port} || '.role', ${role}), ('port.' || ${port} || '.password', ${password})
    on conflict (name) do update set value = excluded.value`;
}
