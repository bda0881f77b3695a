import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { inject } from "vitest";
import { chooseSocketFolder, createCluster, findPlace } from "../../src/postgres/embedded-folder.ts";
import { type Settings, startServer } from "../../src/postgres/embedded-server.ts";
import { migrate } from "../../src/postgres/migrate.ts";
import type { TestDatabase } from "./postgres.ts";

const run = promisify(execFile);
const DATABASE = "hp_own_test";

// What is to outlive a crash of the server, not of the machine, need not reach the disk: the kernel has it at the commit.
const SETTINGS: Settings = { max_connections: 100, shared_buffers: "64MB", fsync: "off" };

/** A PostgreSQL of the test's own, which it may stop. */
export interface OwnPostgres {
  /** Its one database, migrated. */
  database: TestDatabase;
  /** Stops it: `fast` ends every connection first, `immediate` is a crash. */
  stop(mode: "fast" | "immediate"): Promise<void>;
  /** Starts it again, and recovers what a crash left. */
  start(): Promise<void>;
  /** Stops it for good and removes it. */
  end(): Promise<void>;
}

/** Starts a PostgreSQL in a folder that goes with the test run, however the run ends. */
export async function openOwnPostgres(settings: Settings = {}): Promise<OwnPostgres> {
  const folder = mkdtempSync(join(inject("scratchFolder"), "own-"));
  // As root the server runs as another user, who has to get here.
  chmodSync(folder, 0o755);
  const { files } = await findPlace(folder, () => {});
  await createCluster(files);
  const socketFolder = chooseSocketFolder(files);
  let isRunning = false;
  const start = async () => {
    await startServer(files, socketFolder, { ...SETTINGS, ...settings });
    isRunning = true;
  };
  const stop = async (mode: "fast" | "immediate") => {
    isRunning = false;
    const account = files.account === undefined ? {} : { uid: files.account.uid, gid: files.account.gid };
    const args = ["stop", "-D", files.data, "-m", mode, "-w"];
    await run(join(files.binaries, "bin", "pg_ctl"), args, { ...account, cwd: "/" });
  };
  await start();
  const urlOf = (name: string) =>
    `postgresql://holdpoint@localhost/${name}?host=${encodeURIComponent(socketFolder)}&port=5432&sslmode=disable`;
  const admin = new pg.Client({ connectionString: urlOf("postgres") });
  await admin.connect();
  await admin.query(`create database ${DATABASE}`);
  await admin.end();
  await migrate({ url: urlOf(DATABASE) });
  return {
    database: { url: urlOf(DATABASE), name: DATABASE, drop: async () => {} },
    stop,
    start,
    async end() {
      if (isRunning) await stop("immediate");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
