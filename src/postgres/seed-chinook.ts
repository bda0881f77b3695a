import { createHash, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { HoldpointError } from "../protocol/errors.ts";
import { isPostgresError } from "./database.ts";
import * as statements from "./seed-chinook.sql.ts";
import type { Statement } from "./sql.ts";
import { unreachable } from "./unreachable.ts";

/** Where chinook.sql, refund.sql, login.sql and login-read.sql are. */
export const CHINOOK_FOLDER = fileURLToPath(new URL("../../examples/chinook", import.meta.url));

const LONGEST_ROLE_NAME = 63;

/** Where to seed, and from which files. */
export interface SeedOptions {
  /** Holdpoint's own database, migrated. */
  url: string;
  folder?: string;
}

/** How a port logs in: for a pg.Pool under a role that sees the schema `chinook` only. */
export interface PortLogin {
  host: string;
  port: number;
  database: string;
  user: string;
  password: string;
  ssl: pg.ConnectionConfig["ssl"];
}

/** What the ports of the example need. */
export interface ChinookSeed {
  /** False when an earlier start had done it. */
  seeded: boolean;
  /** Of `database("chinook")`, which may write refunds. */
  connection: PortLogin;
  /** Of `database("chinook_read")`, which writes nothing. */
  reading: PortLogin;
}

/**
 * Loads the example's database into the schema `chinook` and makes its login roles. One transaction under a lock of its
 * own: all of it or nothing, however many processes start at once; later starts find it done with one statement.
 */
export async function seedChinook(options: SeedOptions): Promise<ChinookSeed> {
  const client = new pg.Client({ connectionString: options.url, application_name: "holdpoint:seed" });
  client.on("error", () => undefined);
  try {
    await client.connect();
  } catch (error) {
    throw unreachable(options.url, error);
  }
  try {
    const done = usable(await read(client));
    if (done !== undefined) return { seeded: false, ...portsOf(client, done) };
    await client.query("begin");
    await query(client, statements.lockSeed());
    const state = await read(client);
    const late = usable(state);
    const logins = late ?? (await seed(client, state, options.folder ?? CHINOOK_FOLDER));
    await client.query("commit");
    return { seeded: late === undefined, ...portsOf(client, logins) };
  } catch (error) {
    throw explained(error);
  } finally {
    // Ending the connection rolls back what was not committed.
    await client.end();
  }
}

interface Login {
  user: string;
  password: string;
}

interface Logins {
  writing: Login;
  reading: Login;
}

function usable(state: statements.SeedState): Logins | undefined {
  if (!state.has_schema || !state.has_role || !state.has_read_role) return undefined;
  const writing = loginOf(state.role, state.password);
  const reading = loginOf(state.read_role, state.read_password);
  return writing === undefined || reading === undefined ? undefined : { writing, reading };
}

function loginOf(user: string | null, password: string | null): Login | undefined {
  return user === null || password === null ? undefined : { user, password };
}

async function seed(client: pg.Client, state: statements.SeedState, folder: string): Promise<Logins> {
  const known = loginOf(state.role, state.password);
  if (state.has_schema && known === undefined) throw occupied(state.database);
  const writing = known ?? newLogin("holdpoint_chinook", state.database);
  const reading = loginOf(state.read_role, state.read_password) ?? newLogin("holdpoint_chinook_read", state.database);
  await query(client, statements.setPortRole(writing.user, writing.password));
  if (!state.has_schema) {
    const chinook = await readSql(folder, "chinook.sql");
    const refund = await readSql(folder, "refund.sql");
    await client.query("create schema chinook");
    for (const part of rowsBeforeKeys(chinook)) await client.query(part);
    await client.query(refund);
  }
  // Also after a dump was restored on another server, where the schema is there and its login roles are not, and in a
  // database of a time when there was one role only.
  await client.query(await readSql(folder, "login.sql"));
  await query(client, statements.rememberPortRole("chinook", writing.user, writing.password));
  await query(client, statements.setPortRole(reading.user, reading.password));
  await client.query(await readSql(folder, "login-read.sql"));
  await query(client, statements.rememberPortRole("chinook_read", reading.user, reading.password));
  return { writing, reading };
}

function newLogin(prefix: string, database: string): Login {
  return { user: roleName(prefix, database), password: randomBytes(24).toString("base64url") };
}

// The file makes its foreign keys and indexes first. With them last, loading takes 250 ms instead of 520 to 790.
function rowsBeforeKeys(chinook: string): string[] {
  const [tables, rest] = splitAt(chinook, "   Create Foreign Keys\n");
  const [keys, rows] = splitAt(rest, "   Populate Tables\n");
  return [tables, rows, keys];
}

function splitAt(text: string, heading: string): [string, string] {
  const at = text.lastIndexOf("/*", text.indexOf(heading));
  if (at > 0) return [text.slice(0, at), text.slice(at)];
  throw new HoldpointError(
    "configuration_invalid",
    `the example's chinook.sql has no heading "${heading.trim()}"; restore it from the repository`,
  );
}

// Roles belong to the whole server: two databases on it must not share one, or each would change the other's password.
function roleName(prefix: string, database: string): string {
  if (database === "holdpoint") return prefix;
  const name = `${prefix}_${database}`;
  if (Buffer.byteLength(name) <= LONGEST_ROLE_NAME) return name;
  return `${prefix}_${createHash("sha256").update(database).digest("hex").slice(0, 16)}`;
}

async function read(client: pg.Client): Promise<statements.SeedState> {
  return (await query(client, statements.readSeedState())).rows[0] as statements.SeedState;
}

// Unnamed: each is sent once in the life of a process, and may go through a pooler.
function query<Row>(client: pg.Client, { text, values }: Statement<Row>): Promise<pg.QueryResult> {
  return client.query({ text, values });
}

async function readSql(folder: string, name: string): Promise<string> {
  try {
    return await readFile(join(folder, name), "utf8");
  } catch (cause) {
    throw new HoldpointError(
      "configuration_invalid",
      `the example's ${name} is not in ${folder}; restore it from the repository`,
      { cause },
    );
  }
}

// pg has read the URL, PGHOST and the rest by its own rules; a login role is all that changes.
function portsOf(client: pg.Client, { writing, reading }: Logins): Omit<ChinookSeed, "seeded"> {
  const { host, port, database, ssl } = client as pg.Client & { ssl?: pg.ConnectionConfig["ssl"] };
  const server = { host, port, database: database ?? "", ssl };
  return { connection: { ...server, ...writing }, reading: { ...server, ...reading } };
}

function occupied(database: string): HoldpointError {
  return new HoldpointError(
    "configuration_invalid",
    `the database "${database}" already has a schema "chinook" that Holdpoint did not make; ` +
      "set HOLDPOINT_DATABASE_CHINOOK_URL to use it as it is, or drop it to have the example loaded",
  );
}

function explained(error: unknown): unknown {
  if (!isPostgresError(error, "42501")) return error;
  return new HoldpointError(
    "configuration_invalid",
    `the example's database cannot be set up: ${(error as Error).message}. The database user needs the right to create ` +
      "schemas and roles (createrole); or set HOLDPOINT_DATABASE_CHINOOK_URL to a login that sees a schema chinook",
    { cause: error },
  );
}
