import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterEach, expect, inject, test } from "vitest";
import { MIGRATIONS_FOLDER, migrate, readMigrations } from "../../src/postgres/migrate.ts";
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from "../support/postgres.ts";

const databases: TestDatabase[] = [];
const folders: string[] = [];

afterEach(async () => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  for (const database of databases.splice(0)) await database.drop();
});

async function emptyDatabase(): Promise<string> {
  const database = await createEmptyDatabase();
  databases.push(database);
  return database.url;
}

async function migratedDatabase(): Promise<string> {
  const database = await createTestDatabase();
  databases.push(database);
  return database.url;
}

function migrations(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), "hp-migrations-"));
  folders.push(folder);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

function ourMigrationsAnd(files: Record<string, string>): string {
  const folder = migrations({});
  cpSync(MIGRATIONS_FOLDER, folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

async function ask(url: string, statement: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query({ text: statement, rowMode: "array" })).rows.map((row: unknown[]) => row[0]);
  } finally {
    await client.end();
  }
}

const ONE = { "0001_one.sql": "create table holdpoint.one (n integer);" };
const TWO = { ...ONE, "0002_two.sql": "create table holdpoint.two (n integer);" };

test("an empty database gets every migration once, in order, and a second run does nothing", async () => {
  const url = await emptyDatabase();
  const names = readMigrations(MIGRATIONS_FOLDER).map(({ name }) => name);
  expect(names.length).toBeGreaterThan(0);
  expect(await migrate({ url })).toEqual({ applied: names, newer: [] });
  expect(await migrate({ url })).toEqual({ applied: [], newer: [] });
  expect(await ask(url, "select name from holdpoint.schema_migration order by name")).toEqual(names);
});

test("twelve migrators at once apply each migration once", async () => {
  const url = await emptyDatabase();
  const results = await Promise.all(Array.from({ length: 12 }, () => migrate({ url })));
  expect(results.filter(({ applied }) => applied.length > 0)).toHaveLength(1);
});

test("a dry run does the work and leaves nothing", async () => {
  const url = await emptyDatabase();
  expect(await migrate({ url, folder: migrations(TWO), dryRun: true })).toEqual({
    applied: Object.keys(TWO),
    newer: [],
  });
  expect(await ask(url, "select 1 from pg_namespace where nspname = 'holdpoint'")).toEqual([]);
});

test("a migration that fails is named, and takes those before it back with it", async () => {
  const url = await emptyDatabase();
  const folder = migrations({ ...ONE, "0002_bad.sql": "create table holdpoint.bad (n nonsense);" });
  await expect(migrate({ url, folder })).rejects.toThrow(
    /^migration 0002_bad.sql failed, nothing was changed: type "nonsense"/,
  );
  expect(await ask(url, "select 1 from pg_namespace where nspname = 'holdpoint'")).toEqual([]);
});

test("only schema-qualified names work, so that no search path can redirect a migration", async () => {
  const url = await emptyDatabase();
  await expect(
    migrate({ url, folder: migrations({ "0001_bare.sql": "create table bare (n integer);" }) }),
  ).rejects.toThrow("0001_bare.sql");
});

test("an edited migration is refused with its name", async () => {
  const url = await emptyDatabase();
  await migrate({ url, folder: migrations(ONE) });
  const edited = migrations({ "0001_one.sql": "create table holdpoint.one (n bigint);" });
  await expect(migrate({ url, folder: edited })).rejects.toMatchObject({
    code: "migration_edited",
    message: expect.stringMatching(/^migration 0001_one.sql was edited after it was applied[^\n]*$/),
  });
});

test("line ends of another system are not an edit", async () => {
  const url = await emptyDatabase();
  await migrate({ url, folder: migrations({ "0001_one.sql": "create table holdpoint.one\n(n integer);\n" }) });
  const other = migrations({ "0001_one.sql": "create table holdpoint.one\r\n(n integer);\r\n" });
  expect(await migrate({ url, folder: other })).toEqual({ applied: [], newer: [] });
});

test("a newer migration that is not breaking lets an older program run, and is told", async () => {
  const url = await migratedDatabase();
  await migrate({ url, folder: ourMigrationsAnd({ "9001_added.sql": "create table holdpoint.added (n integer);" }) });
  expect(await migrate({ url })).toEqual({ applied: [], newer: ["9001_added.sql"] });
});

test("a newer migration marked breaking stops an older program with one clear line", async () => {
  const url = await migratedDatabase();
  const text = "-- Renames what older programs read.\n--! breaking\nalter table holdpoint.setting rename to settings;";
  await migrate({ url, folder: ourMigrationsAnd({ "9002_renamed.sql": text }) });
  await expect(migrate({ url })).rejects.toMatchObject({
    code: "database_newer",
    message: expect.stringMatching(
      /^the database is newer than this program \(9002_renamed.sql\): start a newer version[^\n]*$/,
    ),
  });
});

test("a migration numbered before one that is applied is refused", async () => {
  const url = await emptyDatabase();
  await migrate({ url, folder: migrations({ "0002_two.sql": "create table holdpoint.two (n integer);" }) });
  await expect(migrate({ url, folder: migrations(TWO) })).rejects.toThrow(
    "migration 0001_one.sql sorts before 0002_two.sql",
  );
});

test("files that are not migrations are left alone", () => {
  const folder = migrations({
    ...ONE,
    "README.md": "x",
    "1_short.sql": "x",
    "0003_Upper.sql": "x",
    "0004_x.sql.orig": "x",
  });
  expect(readMigrations(folder).map(({ name }) => name)).toEqual(["0001_one.sql"]);
});

test("a user without the right to create schemas can start on a migrated database and not on an empty one", async () => {
  const [migrated, empty] = [await migratedDatabase(), await emptyDatabase()];
  await ask(migrated, "drop role if exists holdpoint_limited");
  await ask(migrated, "create role holdpoint_limited login");
  await ask(migrated, "grant usage on schema holdpoint to holdpoint_limited");
  await ask(migrated, "grant select on holdpoint.schema_migration to holdpoint_limited");
  const as = (url: string) => url.replace("//holdpoint@", "//holdpoint_limited@");
  expect(await migrate({ url: as(migrated) })).toEqual({ applied: [], newer: [] });
  await expect(migrate({ url: as(empty) })).rejects.toThrow(/permission denied for database/);
  await ask(migrated, "drop owned by holdpoint_limited");
  await ask(migrated, "drop role holdpoint_limited");
});

test.each([
  [
    "nobody listens",
    "postgresql://u:sesame@127.0.0.1:1/d",
    /^cannot connect to postgresql:\/\/u@127\.0\.0\.1:1\/d: .*ECONNREFUSED.* Check DATABASE_URL$/,
  ],
  [
    "the host is unknown",
    "postgresql://u:sesame@nowhere.invalid/d",
    /^cannot connect to postgresql:\/\/u@nowhere\.invalid\/d: .* Check DATABASE_URL$/,
  ],
])("when %s the address is told without its password, in one line", async (_why, url, message) => {
  await expect(migrate({ url })).rejects.toMatchObject({
    code: "database_unreachable",
    message: expect.stringMatching(message),
  });
});

test("a database, a role or a server that does not exist is one clear line", async () => {
  const url = new URL(inject("postgresUrl"));
  url.pathname = "/missing";
  await expect(migrate({ url: url.href })).rejects.toThrow(
    /\/missing: database "missing" does not exist\. Check DATABASE_URL$/,
  );
  const user = inject("postgresUrl").replace("//holdpoint@", "//stranger:sesame@");
  await expect(migrate({ url: user })).rejects.toThrow(
    /^cannot connect to postgresql:\/\/stranger@.*: role "stranger" does not exist/,
  );
});

test("a server that is no PostgreSQL does not keep us waiting", async () => {
  const server = createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await expect(migrate({ url: `postgresql://u@127.0.0.1:${port}/d` })).rejects.toMatchObject({
    code: "database_unreachable",
  });
  server.close();
});

test("the migrations in the repository say why they exist", () => {
  for (const { name, text } of readMigrations(MIGRATIONS_FOLDER)) expect(text, name).toMatch(/^-- \S/);
  expect(readFileSync(join(MIGRATIONS_FOLDER, "0001_house.sql"), "utf8")).not.toContain("--! breaking");
});
