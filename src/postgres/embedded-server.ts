import { execFile, spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { HoldpointError } from "../protocol/errors.ts";
import type { Account } from "./embedded-binaries.ts";

const run = promisify(execFile);
const POLL_MS = 5;
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 30_000;

/** Values of postgresql.conf, given on the command line. */
export type Settings = Readonly<Record<string, string | number>>;

/** What it takes to run the server of one data folder. */
export interface ServerFiles {
  /** Folder that holds bin/, lib/ and share/. */
  binaries: string;
  data: string;
  log: string;
  account: Account | undefined;
}

/** What the file postmaster.pid says of a server that runs, or ran. */
export interface RunningServer {
  pid: number;
  socketFolder: string;
  status: string;
}

// Nothing of our environment reaches the server: PGDATA, PGPORT or a locale would change what it does.
const ENVIRONMENT = { PATH: "/usr/local/bin:/usr/bin:/bin", HOME: "/", LC_ALL: "C", TZ: "UTC" };

/** Creates the files of an empty cluster: UTF-8, sorted by code point the same way on every system. */
export async function initialise(files: ServerFiles, folder: string): Promise<void> {
  const args = ["-D", folder, "-U", "holdpoint", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-instructions"];
  args.push("--locale-provider=builtin", "--builtin-locale=C.UTF-8");
  try {
    await run(join(files.binaries, "bin", "initdb"), args, { ...identity(files.account), env: ENVIRONMENT, cwd: "/" });
  } catch (cause) {
    const said = cause instanceof Error && "stderr" in cause ? String(cause.stderr).trim() : String(cause);
    throw new HoldpointError("database_unreachable", `initdb failed in ${folder}: ${said}`, { cause });
  }
}

/** The server of this folder, once it is ready; undefined if none runs, also when it was just stopping. */
export async function findRunning(files: ServerFiles): Promise<RunningServer | undefined> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    const server = readPidFile(files);
    if (server === undefined || !(await isServerOf(server.pid, files.data))) return undefined;
    if (server.status === "ready") return server;
    if (performance.now() > deadline) throw startFailed(files, `it is "${server.status}" for too long`);
    await sleep(POLL_MS);
  }
}

function readPidFile({ data }: ServerFiles): RunningServer | undefined {
  let lines: string[];
  try {
    lines = readFileSync(join(data, "postmaster.pid"), "utf8").split("\n");
  } catch {
    return undefined;
  }
  // While the server starts the file is shorter; it grows to pid, folder, start, port, socket folder, …, status.
  return { pid: Number(lines[0]), socketFolder: lines[4] ?? "", status: lines[7]?.trim() ?? "" };
}

/** A process id is reused after a crash or in a new container; only the command line tells whose it is. */
async function isServerOf(pid: number, data: string): Promise<boolean> {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  if (process.platform === "linux") {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").includes(data);
    } catch {
      return false;
    }
  }
  const { stdout } = await run("ps", ["-ww", "-o", "command=", "-p", String(pid)]).catch(() => ({ stdout: "" }));
  return stdout.includes(` ${data} `);
}

/** Starts the server on its own, so that a Ctrl-C in our terminal does not reach it, and waits until it is ready. */
export async function startServer(
  files: ServerFiles,
  socketFolder: string,
  settings: Settings,
): Promise<RunningServer> {
  const leftover = readPidFile(files);
  const options = Object.entries({
    ...settings,
    unix_socket_directories: socketFolder,
    listen_addresses: "",
    port: 5432,
  });
  const args = ["-D", files.data, ...options.flatMap(([name, value]) => ["-c", `${name}=${value}`])];
  const log = openSync(files.log, "w");
  const child = spawn(join(files.binaries, "bin", "postgres"), args, {
    ...identity(files.account),
    // A leftover postmaster.pid may name a process that is alive but a stranger's. Postgres looks no further at the
    // process named here, and still refuses when the crashed server's memory is in use, which deleting the file would hide.
    env: leftover === undefined ? ENVIRONMENT : { ...ENVIRONMENT, PG_GRANDPARENT_PID: String(leftover.pid) },
    cwd: "/",
    detached: true,
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  let failure: string | undefined;
  child.once("error", (error) => {
    failure = error.message;
  });
  child.once("exit", (code, signal) => {
    failure ??= `it ended with ${signal ?? `code ${code}`}`;
  });
  child.unref();
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    const server = readPidFile(files);
    if (server !== undefined && server.pid === child.pid && server.status === "ready") return server;
    if (failure === undefined && performance.now() > deadline) failure = `not ready after ${START_TIMEOUT_MS} ms`;
    if (failure !== undefined) throw startFailed(files, failure);
    await sleep(POLL_MS);
  }
}

function startFailed(files: ServerFiles, failure: string): HoldpointError {
  const lines = existsSync(files.log) ? readFileSync(files.log, "utf8").trim().split("\n") : [];
  const said = lines.findLast((line) => /FATAL|PANIC|ERROR/.test(line)) ?? lines.at(-1) ?? "it said nothing";
  return new HoldpointError(
    "database_unreachable",
    `the embedded PostgreSQL did not start (${failure}): ${said}. See ${files.log}, or set DATABASE_URL`,
  );
}

/** Ends the server at once but cleanly: open connections are closed, everything is written. */
export async function stopServer(files: ServerFiles, server: RunningServer): Promise<void> {
  const deadline = performance.now() + STOP_TIMEOUT_MS;
  signal(server.pid, "SIGINT");
  let urged = false;
  // Not the process but its file: where nobody reaps orphans, the process stays as a zombie.
  while (readPidFile(files)?.pid === server.pid && (await isServerOf(server.pid, files.data))) {
    if (!urged && performance.now() > deadline) signal(server.pid, "SIGQUIT");
    urged ||= performance.now() > deadline;
    await sleep(POLL_MS);
  }
  if (basename(server.socketFolder).startsWith("holdpoint-"))
    rmSync(server.socketFolder, { recursive: true, force: true });
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended by itself.
  }
}

function identity(account: Account | undefined): { uid?: number; gid?: number } {
  return account === undefined ? {} : { uid: account.uid, gid: account.gid };
}
