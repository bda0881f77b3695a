import { existsSync } from "node:fs";
import { resolve } from "node:path";
import pg from "pg";
import * as statements from "./embedded.sql.ts";
import { chooseSocketFolder, createCluster, findPlace, type Place } from "./embedded-folder.ts";
import { findRunning, type RunningServer, type Settings, startServer, stopServer } from "./embedded-server.ts";
import { acquireFileLock } from "./file-lock.ts";

const SLOW_STEP_MS = 1000;

// For a start in milliseconds on a laptop, with nothing given up: fsync and synchronous_commit stay on.
const SETTINGS: Settings = {
  max_connections: 100,
  shared_buffers: "64MB",
  wal_level: "minimal",
  max_wal_senders: 0,
  max_logical_replication_workers: 0,
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
  /**
   * Boots again after the server was lost (see isServerGone); simultaneous calls share one boot, and nothing happens
   * while the server answers. May move `url`, when its folder's path is too long for a socket.
   */
  reboot(): Promise<void>;
  /** Leaves; the last one out stops the server. */
  release(): Promise<"stopped" | "left running">;
}

interface Session {
  client: pg.Client;
  server: RunningServer;
  started: boolean;
  lost: boolean;
}

/** Boots the embedded PostgreSQL of a folder, or joins it when it runs already. */
export async function bootEmbedded(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const steps: Record<string, number> = {};
  let session = await boot(options, steps);
  let rebooting: Promise<void> | undefined;
  return {
    get url() {
      return databaseUrl(session.server.socketFolder);
    },
    started: session.started,
    steps,
    reboot() {
      rebooting ??= (async () => {
        if (!session.lost && (await isReachable(session.server))) return;
        session.lost = true;
        await session.client.end().catch(() => undefined);
        session = await boot(options, steps);
      })().finally(() => {
        rebooting = undefined;
      });
      return rebooting;
    },
    release: () => leave(options, session),
  };
}

/** Stops the server of a folder. Unless forced, it stays while a process uses it. */
export async function stopEmbedded(
  dataDir: string,
  force = false,
): Promise<"stopped" | "left running" | "not running"> {
  if (!existsSync(dataDir)) return "not running";
  return locked({ dataDir }, async (place) => {
    const server = await findRunning(place.files);
    if (server === undefined) return "not running";
    const client = await connect(server.socketFolder, "holdpoint");
    const stop = (await isLastHolder(client)) || force;
    if (stop) await stopServer(place.files, server);
    await client.end().catch(() => undefined);
    return stop ? "stopped" : "left running";
  });
}

/** True for an error of a server that was stopped or crashed: booting it again mends it. */
export function isServerGone(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  // The driver gives no code when a connection breaks off without a word, as after kill -9.
  if (/^Connection terminated\b/.test(error.message)) return true;
  const code = "code" in error ? String(error.code) : "";
  return ["57P01", "57P02", "57P03", "ENOENT", "ECONNREFUSED", "ECONNRESET", "EPIPE"].includes(code);
}

/** Every start and stop, and nothing else, happens under the file lock of the folder. */
async function locked<Result>(options: EmbeddedOptions, body: (place: Place) => Promise<Result>): Promise<Result> {
  const say = options.onProgress ?? (() => undefined);
  const place = await findPlace(resolve(options.dataDir), say);
  const onWait = () => say("another process starts or stops the database, waiting for it …");
  const lock = await acquireFileLock(place.lockPath, { onWait });
  try {
    return await body(place);
  } finally {
    lock.release();
  }
}

async function boot(options: EmbeddedOptions, steps: Record<string, number>): Promise<Session> {
  const timed = createTimer(steps, options.onProgress);
  const begin = performance.now();
  return locked(options, async ({ files }) => {
    steps["lock"] = Math.round(performance.now() - begin);
    await timed("initdb", "creating the database (once) …", () => createCluster(files));
    const running = await timed("find", "waiting for the database …", () => findRunning(files));
    if (running !== undefined) {
      try {
        return await timed("connect", undefined, () => openSession(running, options, false));
      } catch (error) {
        // Alive but out of reach, as after its socket was deleted: of no use to anybody.
        if (!isServerGone(error)) throw error;
        await stopServer(files, running);
      }
    }
    const server = await timed("start", "starting the database …", () =>
      startServer(files, chooseSocketFolder(files), { ...SETTINGS, ...options.settings }),
    );
    return await timed("connect", undefined, () => openSession(server, options, true));
  });
}

async function openSession(server: RunningServer, options: EmbeddedOptions, started: boolean): Promise<Session> {
  const client = await connectOrCreate(server.socketFolder);
  const session: Session = { client, server, started, lost: false };
  const lose = (error: Error) => {
    if (!session.lost) options.onLost?.(error);
    session.lost = true;
  };
  client.on("error", lose);
  client.on("end", () => lose(new Error("Connection terminated by the embedded database")));
  await client.query(statements.holdServer());
  return session;
}

async function leave(options: EmbeddedOptions, session: Session): Promise<"stopped" | "left running"> {
  if (session.lost) return "left running";
  session.lost = true;
  return locked(options, async ({ files }) => {
    try {
      await session.client.query(statements.unholdServer());
      const isLast = await isLastHolder(session.client);
      if (isLast) await stopServer(files, session.server);
      return isLast ? "stopped" : "left running";
    } catch (error) {
      if (isServerGone(error)) return "stopped";
      throw error;
    } finally {
      await session.client.end().catch(() => undefined);
    }
  });
}

async function isReachable(server: RunningServer): Promise<boolean> {
  try {
    await (await connect(server.socketFolder, "holdpoint")).end();
    return true;
  } catch {
    return false;
  }
}

async function connectOrCreate(socketFolder: string): Promise<pg.Client> {
  try {
    return await connect(socketFolder, "holdpoint");
  } catch (error) {
    const isMissing = error instanceof Error && "code" in error && error.code === "3D000";
    if (!isMissing) throw error;
  }
  const admin = await connect(socketFolder, "postgres");
  await admin.query(statements.CREATE_DATABASE);
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

async function isLastHolder(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ is_last: boolean }>(statements.isLastHolder());
  return rows[0]?.is_last === true;
}

/** Notes how long each step took, and says its line when it is slow. */
function createTimer(steps: Record<string, number>, say: ((line: string) => void) | undefined) {
  return async <Result>(name: string, line: string | undefined, body: () => Promise<Result>): Promise<Result> => {
    const begin = performance.now();
    const slow = line === undefined ? undefined : setTimeout(() => say?.(line), SLOW_STEP_MS);
    try {
      return await body();
    } finally {
      clearTimeout(slow);
      steps[name] = Math.round(performance.now() - begin);
    }
  };
}
