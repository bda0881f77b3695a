import { sql } from "./sql.ts";

const MIGRATION_LOCK = 7_201_845_113;

/** A row of the migrations that were applied, in the order of their names. */
export interface AppliedMigration {
  name: string;
  sha256: string;
  breaking: boolean;
}

/** Not a statement function: it comes before there is a schema to check it against. */
export const CREATE_MIGRATION_TABLE = `
  create schema holdpoint;
  create table holdpoint.schema_migration (
    name text collate "C" primary key,
    sha256 text not null,
    breaking boolean not null,
    applied_at timestamptz not null default pg_catalog.now()
  )`;

/** In the transaction, not in the session: it holds through a pooler and goes with a crash. */
export const lockMigrations = () => sql`select pg_catalog.pg_advisory_xact_lock(${MIGRATION_LOCK}::bigint)`;

/** Looked up, because `create schema if not exists` needs the right to create even where nothing is created. */
export const hasMigrationTable = () =>
  sql`select pg_catalog.to_regclass('holdpoint.schema_migration') is not null as exists`;

/** Every migration that was applied. */
export const listMigrations = () =>
  sql<AppliedMigration>`select m.name, m.sha256, m.breaking from holdpoint.schema_migration m order by m.name`;

/** Notes a migration. */
export const insertMigration = (migration: AppliedMigration) => sql`
  insert into holdpoint.schema_migration (name, sha256, breaking)
  values (${migration.name}, ${migration.sha256}, ${migration.breaking})`;
