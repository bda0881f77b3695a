import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { HoldpointError } from "../protocol/errors.ts";
import * as statements from "./migrate.sql.ts";
import type { Statement } from "./sql.ts";
import { unreachable } from "./unreachable.ts";

/** The migrations that came with this program. */
export const MIGRATIONS_FOLDER = fileURLToPath(new URL("../../migrations", import.meta.url));

/** Where to migrate and from which files. */
export interface MigrateOptions {
  /** A direct connection or a pooler in transaction mode: the lock lives in the transaction. */
  url: string;
  folder?: string;
  /** Do everything, then roll it back. */
  dryRun?: boolean;
}

/** What a migration did. */
export interface Migrated {
  /** Names of the files that were applied, or would be. */
  applied: string[];
  /** Migrations of a newer program, none of them breaking, so that this one may run on them. */
  newer: string[];
}

interface Migration {
  name: string;
  text: string;
  sha256: string;
  breaking: boolean;
}

/** Brings the schema `holdpoint` up to this program. One transaction: all of it or nothing, and one migrator at a time. */
export async function migrate(options: MigrateOptions): Promise<Migrated> {
  const client = new pg.Client({
    connectionString: options.url,
    application_name: "holdpoint:migrate",
    connectionTimeoutMillis: 15_000,
  });
  client.on("error", () => undefined);
  try {
    await client.connect();
  } catch (error) {
    throw unreachable(options.url, error);
  }
  try {
    return await migrateOver(client, options);
  } finally {
    await client.end();
  }
}

/** The same over a connection that is open. Where it throws, the connection has to be ended, which rolls back. */
export async function migrateOver(
  client: pg.ClientBase,
  { folder = MIGRATIONS_FOLDER, dryRun = false }: Pick<MigrateOptions, "folder" | "dryRun"> = {},
): Promise<Migrated> {
  const files = readMigrations(folder);
  await client.query("begin");
  // Names have to be qualified, so that nothing in a user's schema can stand in for ours.
  await client.query("set local search_path to pg_catalog");
  const migrated = await apply(client, files);
  await client.query(dryRun || migrated.applied.length === 0 ? "rollback" : "commit");
  return migrated;
}

/** Reads the folder in the order of its names. Line ends are made the same, or a checkout on Windows would look edited. */
export function readMigrations(folder: string): Migration[] {
  return readdirSync(folder)
    .filter((name) => /^\d{4}_[a-z0-9_]+\.sql$/.test(name))
    .sort()
    .map((name) => {
      const text = readFileSync(join(folder, name), "utf8").replaceAll("\r\n", "\n");
      return {
        name,
        text,
        sha256: createHash("sha256").update(text).digest("hex"),
        breaking: /^--! breaking\b/m.test(text),
      };
    });
}

async function apply(client: pg.ClientBase, files: readonly Migration[]): Promise<Migrated> {
  await run(client, statements.lockMigrations());
  const { rows } = await run<{ exists: boolean }>(client, statements.hasMigrationTable());
  if (rows[0]?.exists !== true) await client.query(statements.CREATE_MIGRATION_TABLE);
  const applied = (await run<statements.AppliedMigration>(client, statements.listMigrations())).rows;
  const { pending, newer } = compare(files, applied);
  for (const migration of pending) await applyOne(client, migration);
  return { applied: pending.map(({ name }) => name), newer };
}

function compare(files: readonly Migration[], applied: readonly statements.AppliedMigration[]) {
  const known = new Map(files.map((file) => [file.name, file]));
  const edited = applied.find(({ name, sha256 }) => known.has(name) && known.get(name)?.sha256 !== sha256);
  if (edited !== undefined) {
    throw new HoldpointError(
      "migration_edited",
      `migration ${edited.name} was edited after it was applied: restore the file and put the change into a new one`,
    );
  }
  const newer = applied.filter(({ name }) => !known.has(name));
  const breaking = newer.filter((row) => row.breaking);
  if (breaking.length > 0) {
    throw new HoldpointError(
      "database_newer",
      `the database is newer than this program (${breaking.map(({ name }) => name).join(", ")}): start a newer version of Holdpoint`,
    );
  }
  const done = new Set(applied.map(({ name }) => name));
  const pending = files.filter(({ name }) => !done.has(name));
  const last = applied.findLast(({ name }) => known.has(name))?.name ?? "";
  const late = pending.find(({ name }) => name < last);
  if (late !== undefined) {
    throw new HoldpointError(
      "migration_edited",
      `migration ${late.name} sorts before ${last}, which is already applied: give it the next number`,
    );
  }
  return { pending, newer: newer.map(({ name }) => name) };
}

async function applyOne(client: pg.ClientBase, migration: Migration): Promise<void> {
  // The row comes first: should the lock ever fail us, the second migrator stops here, not halfway through the work.
  await run(client, statements.insertMigration(migration));
  try {
    await client.query(migration.text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`migration ${migration.name} failed, nothing was changed: ${reason}`, { cause: error });
  }
}

/** Without its name: a pooler would keep the prepared statement for the next client, which cannot prepare it then. */
function run<Row extends pg.QueryResultRow>(
  client: pg.ClientBase,
  { text, values }: Statement,
): Promise<pg.QueryResult<Row>> {
  return client.query<Row>(text, values);
}
