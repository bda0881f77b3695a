import { createHash, randomUUID } from "node:crypto";
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import pg from "pg";
import { HoldpointError } from "../protocol/errors.ts";
import { findAccount, findBinaries, isReachable, SHARED_HOME } from "./embedded-binaries.ts";
import {
  findRunning,
  initialise,
  type RunningServer,
  type ServerFiles,
  type Settings,
  startServer,
  stopServer,
} from "./embedded-server.ts";
import { acquireFileLock, type FileLock } from "./file-lock.ts";

// Whoever uses the server holds this advisory lock shared in a session; who gets it exclusively is the last one out.
const HOLDER_LOCK = 8_123_471;
const LONGEST_SOCKET_PATH = process.platform === "darwin" ? 103 : 107;
const SLOW_STEP_MS = 1000;

// For a start in milliseconds on a laptop, with nothing given up: fsync and synchronous_commit stay on.
const SETTINGS: Settings = {
  max_connections: 100,
  shared_buffers: "64MB",
  wal_level: "minimal",
  max_wal_senders: 0,
  io_method: "sync",
  huge_pages: "off",
  jit: "off",
  unix_socket_permissions: "0700",
  timezone: "UTC",
  log_timezone: "UTC",
};

/** How to boot the embedded PostgreSQL. */
export interface EmbeddedOptions {
  /** Folder of this installation, usually `.holdpoint`. */
  dataDir: string;
  /** Overrides of postgresql.conf. */
  settings?: Settings;
  /** Told what takes long. */
  onProgress?: (line: string) => void;
  /** Called when the connection that keeps the server alive is lost; `reboot()` brings it back. */
  onLost?: (error: Error) => void;
}

/** A running embedded PostgreSQL, shared by every process that names the same folder. */
export interface EmbeddedPostgres {
  readonly url: string;
  /** False when it was running already. */
  readonly started: boolean;
  /** Milliseconds of each step of the boot. */
  readonly steps: Readonly<Record<string, number>>;
  /** Boots again after the server was lost (57P01, ENOENT, ECONNREFUSED); simultaneous calls share one boot. */
  reboot(): Promise<void>;
  /** Leaves; the last one out stops the server. */
  release(): Promise<"stopped" | "left running">;
}

interface Session {
  client: pg.Client;
  server: RunningServer;
  lost: boolean;
}

interface Place {
  files: ServerFiles;
  lockPath: string;
}

/** Boots the embedded PostgreSQL of a folder, or joins it when it runs already. */
export async function bootEmbedded(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const steps: Record<string, number> = {};
  const say = options.onProgress ?? (() => undefined);
  const timed = createTimer(steps);
  const place = await timed("find", () => findPlace(resolve(options.dataDir), say));
  let started = false;
  const boot = async (): Promise<Session> => {
    const lock = await timed("lock", () => lockFolder(place, say));
    try {
      if (!existsSync(join(place.files.data, "PG_VERSION")))
        await timed("initdb", () => createCluster(place.files, say));
      let server = await findRunning(place.files);
      started = server === undefined;
      server ??= await timed("start", () => start(place.files, { ...SETTINGS, ...options.settings }, say));
      const running = server;
      return await timed("connect", () => openSession(running, options.onLost));
    } finally {
      lock.release();
    }
  };
  let session = await boot();
  let rebooting: Promise<void> | undefined;
  return {
    url: databaseUrl(session.server.socketFolder),
    started,
    steps,
    reboot() {
      rebooting ??= (async () => {
        await session.client.end().catch(() => undefined);
        session = await boot();
      })().finally(() => {
        rebooting = undefined;
      });
      return rebooting;
    },
    release: () => leave(place, session),
  };
}

/** Stops the server of a folder. Unless forced, it stays while a process uses it. */
export async function stopEmbedded(
  dataDir: string,
  force = false,
): Promise<"stopped" | "left running" | "not running"> {
  if (!existsSync(dataDir)) return "not running";
  const place = await findPlace(resolve(dataDir), () => undefined);
  const lock = await lockFolder(place, () => undefined);
  try {
    const server = await findRunning(place.files);
    if (server === undefined) return "not running";
    const client = await connect(server.socketFolder, "holdpoint");
    const isLast = await takeHolderLock(client);
    if (isLast || force) await stopServer(place.files, server);
    await client.end().catch(() => undefined);
    return isLast || force ? "stopped" : "left running";
  } finally {
    lock.release();
  }
}

async function findPlace(home: string, say: (line: string) => void): Promise<Place> {
  const account = await findAccount();
  try {
    mkdirSync(home, { recursive: true });
  } catch (cause) {
    throw new HoldpointError(
      "configuration_invalid",
      `cannot create ${home}: choose another folder with HOLDPOINT_DATA_DIR`,
      { cause },
    );
  }
  const binaries = findBinaries(account, say);
  const data = account === undefined || isReachable(home, account) ? join(home, "pg18") : dataElsewhere(home, say);
  return { files: { binaries, data, log: join(home, "postgres.log"), account }, lockPath: join(home, "pg18.lock") };
}

/** A random name kept in the folder, not one made from its path: a new clone at the same place starts empty. */
function dataElsewhere(home: string, say: (line: string) => void): string {
  const pointer = join(home, "pg18.location");
  if (!existsSync(pointer)) {
    const data = join(SHARED_HOME, `data-${randomUUID()}`, "pg18");
    writeFileSync(pointer, `${data}\n`);
    say(`the database is kept in ${data}, because only root can read ${home}`);
  }
  return readFileSync(pointer, "utf8").trim();
}

function lockFolder(place: Place, say: (line: string) => void): Promise<FileLock> {
  return acquireFileLock(place.lockPath, {
    onWait: () => say("another process starts or stops the database, waiting for it"),
  });
}

/** Made beside its place and renamed, so that a half-made cluster is never taken for one. */
async function createCluster(files: ServerFiles, say: (line: string) => void): Promise<void> {
  const home = dirname(files.data);
  mkdirSync(home, { recursive: true, mode: 0o755 });
  for (const name of readdirSync(home)) {
    if (name.startsWith("pg18.new-")) rmSync(join(home, name), { recursive: true, force: true });
  }
  const scratch = mkdtempSync(join(home, "pg18.new-"));
  if (files.account !== undefined) chownSync(scratch, files.account.uid, files.account.gid);
  await sayWhenSlow(say, "creating the database (once)", () => initialise(files, scratch));
  renameSync(scratch, files.data);
}

function start(files: ServerFiles, settings: Settings, say: (line: string) => void): Promise<RunningServer> {
  return sayWhenSlow(say, "starting the database", () => startServer(files, chooseSocketFolder(files), settings));
}

/** In the data folder, which only its owner can enter; a path too long for a socket gets a private folder elsewhere. */
function chooseSocketFolder({ data, account }: ServerFiles): string {
  const fits = (folder: string) => Buffer.byteLength(join(folder, ".s.PGSQL.5432.lock")) <= LONGEST_SOCKET_PATH;
  if (fits(data)) return data;
  const name = `holdpoint-${createHash("sha256").update(data).digest("hex").slice(0, 8)}-`;
  const base = [tmpdir(), "/tmp"].find(
    (folder) => fits(join(folder, `${name}XXXXXX`)) && (account === undefined || isReachable(folder, account)),
  );
  if (base === undefined) {
    throw new HoldpointError(
      "configuration_invalid",
      `${data} is too long for a socket and so is ${tmpdir()}: set HOLDPOINT_DATA_DIR to a shorter path`,
    );
  }
  const folder = mkdtempSync(join(base, name));
  if (account !== undefined) chownSync(folder, account.uid, account.gid);
  return folder;
}

async function openSession(server: RunningServer, onLost: EmbeddedOptions["onLost"]): Promise<Session> {
  const client = await connectOrCreate(server.socketFolder);
  const session: Session = { client, server, lost: false };
  const lose = (error: Error) => {
    if (!session.lost) onLost?.(error);
    session.lost = true;
  };
  client.on("error", lose);
  client.on("end", () => lose(new Error("the connection to the embedded database ended")));
  await client.query("select pg_catalog.pg_advisory_lock_shared($1)", [HOLDER_LOCK]);
  return session;
}

async function connectOrCreate(socketFolder: string): Promise<pg.Client> {
  try {
    return await connect(socketFolder, "holdpoint");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "3D000")) throw error;
  }
  const admin = await connect(socketFolder, "postgres");
  await admin.query("create database holdpoint");
  await admin.end();
  return connect(socketFolder, "holdpoint");
}

async function connect(socketFolder: string, database: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: databaseUrl(socketFolder, database),
    application_name: "holdpoint:holder",
  });
  // Without a listener a lost connection ends the process.
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

function databaseUrl(socketFolder: string, database = "holdpoint"): string {
  // The host in the query wins over the one in the address, which is there because URL parsers insist on one.
  return `postgresql://holdpoint@localhost/${database}?host=${encodeURIComponent(socketFolder)}&port=5432&sslmode=disable`;
}

async function leave(place: Place, session: Session): Promise<"stopped" | "left running"> {
  const lock = await lockFolder(place, () => undefined);
  try {
    if (session.lost) return "left running";
    session.lost = true;
    await session.client.query("select pg_catalog.pg_advisory_unlock_shared($1)", [HOLDER_LOCK]);
    const isLast = await takeHolderLock(session.client);
    if (isLast) await stopServer(place.files, session.server);
    await session.client.end().catch(() => undefined);
    return isLast ? "stopped" : "left running";
  } finally {
    lock.release();
  }
}

async function takeHolderLock(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ taken: boolean }>("select pg_catalog.pg_try_advisory_lock($1) as taken", [
    HOLDER_LOCK,
  ]);
  return rows[0]?.taken === true;
}

async function sayWhenSlow<Result>(
  say: (line: string) => void,
  line: string,
  body: () => Promise<Result>,
): Promise<Result> {
  const timer = setTimeout(() => say(`${line} …`), SLOW_STEP_MS);
  try {
    return await body();
  } finally {
    clearTimeout(timer);
  }
}

function createTimer(steps: Record<string, number>) {
  return async <Result>(name: string, body: () => Promise<Result>): Promise<Result> => {
    const begin = performance.now();
    try {
      return await body();
    } finally {
      steps[name] = Math.round(performance.now() - begin);
    }
  };
}
