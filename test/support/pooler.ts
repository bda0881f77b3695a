import { spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, chmodSync, chownSync, constants, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import pg from "pg";
import { inject } from "vitest";
import { findAccount } from "../../src/postgres/embedded-binaries.ts";
import { until } from "./until.ts";

const PORT = 6432;

/** A PgBouncer in transaction mode before the PostgreSQL of the test run. */
export interface Pooler {
  /** The same database by way of the pooler. */
  through(url: string): string;
  /** Its version, as it says itself. */
  version(): Promise<string>;
  stop(): Promise<void>;
}

/** Where PgBouncer is installed; undefined where it is not. */
export function findPgBouncer(): string | undefined {
  // Debian installs it where only root's PATH leads.
  const folders = [
    ...(process.env["PATH"] ?? "").split(delimiter),
    "/usr/sbin",
    "/usr/local/sbin",
    "/opt/homebrew/bin",
  ];
  return folders.map((folder) => join(folder, "pgbouncer")).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Starts it with so many connections to each database. */
export async function startPooler(program: string, poolSize: number): Promise<Pooler> {
  const folder = mkdtempSync(join(inject("scratchFolder"), "pooler-"));
  chmodSync(folder, 0o755);
  // It refuses to run as root, and the socket of Postgres is for the account of Postgres alone.
  const account = await findAccount();
  if (account !== undefined) chownSync(folder, account.uid, account.gid);
  const file = join(folder, "pgbouncer.ini");
  writeFileSync(file, configuration(folder, poolSize));
  const identity = account === undefined ? {} : { uid: account.uid, gid: account.gid };
  const child = spawn(program, ["-q", file], { ...identity, cwd: "/", stdio: "ignore" });
  const exited = once(child, "exit");
  let code: number | null | undefined;
  child.once("error", () => (code = null));
  void exited.then(([status]) => (code = status as number | null));
  const urlOf = (database: string) =>
    `postgresql://holdpoint@localhost/${database}?host=${encodeURIComponent(folder)}&port=${PORT}&sslmode=disable`;
  const version = async () => {
    const client = new pg.Client({ connectionString: urlOf("pgbouncer") });
    try {
      await client.connect();
      return (await client.query<{ version: string }>("show version")).rows[0]?.version ?? "";
    } finally {
      await client.end();
    }
  };
  await until("PgBouncer answers", async () => {
    const log = () => readFileSync(join(folder, "pgbouncer.log"), "utf8");
    if (code !== undefined) throw new Error(`PgBouncer ended with ${code}: ${log()}`);
    return await version().catch(() => false);
  });
  return {
    through: (url) => urlOf(new URL(url).pathname.slice(1)),
    version,
    async stop() {
      child.kill("SIGTERM");
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function configuration(folder: string, poolSize: number): string {
  const host = new URL(inject("postgresUrl")).searchParams.get("host");
  return `
[databases]
* = host=${host} port=5432 user=holdpoint
[pgbouncer]
listen_addr =
listen_port = ${PORT}
unix_socket_dir = ${folder}
logfile = ${join(folder, "pgbouncer.log")}
pidfile = ${join(folder, "pgbouncer.pid")}
auth_type = any
pool_mode = transaction
default_pool_size = ${poolSize}
max_client_conn = 500
`;
}
