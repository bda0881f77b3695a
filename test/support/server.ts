import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { onTestFinished } from "vitest";
import { COMPILED, TRANSFORMED } from "./caches.ts";
import { until } from "./until.ts";

const ROOT = resolve(import.meta.dirname, "..", "..");
const START_MS = 90_000;
const STOP_MS = 60_000;

/**
 * For tests that wait for a dead worker's lease to run out while nobody can move the clock of the database. On a busy
 * machine seconds are soon over, and a worker that lives would be taken for lost.
 */
export const SHORT_LEASE = { HOLDPOINT_LEASE_MS: "2500" };

/** How to start a server. */
export interface ServerOptions {
  /** The database it works on; its name ends in `_test`. */
  databaseUrl: string;
  command?: "start" | "serve" | "work";
  workflows?: string;
  /** Where it kills itself: a failpoint's name, or name:n for the n-th time. */
  failpoint?: string;
  env?: Record<string, string>;
  /** A module to load before anything else. */
  preload?: string;
  /** It lives longer than the test that started it; afterAll stops it. */
  shared?: boolean;
  /** The server that this one comes after, in its folder. */
  after?: Server;
  /** Given the process as soon as there is one, before it is ready. */
  onSpawn?: (server: Server) => void;
}

/** How a process ended. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A server in a process of its own. */
export interface Server {
  /** Where it answers; empty for a worker alone. */
  url: string;
  /** Where its files are. */
  dataDir: string;
  exited: Promise<Exit>;
  /** What it wrote, to both of its outputs. */
  log(): string;
  /** The name of the failpoint that it reached, as it wrote it down itself; empty when it reached none. */
  marker(): string;
  kill9(): Promise<Exit>;
  /** SIGSTOP: it does nothing any more, and its connections stay open. */
  freeze(): void;
  /** SIGCONT: it goes on as if nothing had been. */
  thaw(): void;
  stop(): Promise<Exit>;
}

const folders: string[] = [];
const alive = new Set<Server & { shared: boolean }>();

/** Ends what a test has left running, and fails it for that. */
export async function endLeaked(): Promise<void> {
  const leaked = [...alive].filter(({ shared }) => !shared);
  for (const server of leaked) await server.kill9();
  if (leaked.length > 0) throw new Error(`${leaked.length} servers outlived the test:\n${leaked[0]?.log()}`);
}

/** Ends every server that the tests of a file have shared, and removes what all of them have left. */
export async function endShared(): Promise<void> {
  for (const server of [...alive]) await server.kill9();
  const all = folders.splice(0);
  const booted = all.filter((folder) => existsSync(join(folder, "pg18")));
  for (const folder of all) rmSync(folder, { recursive: true, force: true });
  if (booted.length > 0) throw new Error("a server booted a PostgreSQL of its own");
}

/** Starts a server as a user would, and waits until it is ready. It is killed when the test ends. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const dataDir = options.after?.dataDir ?? makeFolder();
  const { command = "start", preload } = options;
  const imports = [join(import.meta.dirname, "exit-with-parent.ts"), ...(preload === undefined ? [] : [preload])];
  const args = [...imports.flatMap((file) => ["--import", file]), join(ROOT, "src/cli/main.ts"), command];
  const child = spawn(process.execPath, args, { cwd: dataDir, env: environment(options, dataDir), stdio: "pipe" });
  const server = { ...describe(child, dataDir), shared: options.shared === true };
  alive.add(server);
  void server.exited.then(() => {
    alive.delete(server);
  });
  if (options.shared !== true) onTestFinished(async () => void (await server.kill9()));
  options.onSpawn?.(server);
  await becomeReady(server, command, child.pid);
  return server;
}

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "hp-server-"));
  folders.push(folder);
  // What one server has transformed of its graphs serves the next.
  mkdirSync(TRANSFORMED, { recursive: true });
  symlinkSync(TRANSFORMED, join(folder, "cache"));
  return folder;
}

function environment(options: ServerOptions, dataDir: string): NodeJS.ProcessEnv {
  const { failpoint, workflows = "test/fixtures/story" } = options;
  return {
    PATH: process.env["PATH"],
    HOME: dataDir,
    DATABASE_URL: options.databaseUrl,
    HOLDPOINT_DATABASE_COUNTED_URL: options.databaseUrl,
    HOLDPOINT_DATA_DIR: dataDir,
    HOLDPOINT_WORKFLOWS_DIR: join(ROOT, workflows),
    NODE_COMPILE_CACHE: COMPILED,
    HOLDPOINT_TEST: "1",
    HOLDPOINT_FAILPOINT_FILE: join(dataDir, "failpoint"),
    ...(failpoint === undefined ? {} : { HOLDPOINT_FAILPOINT: failpoint }),
    LOG_LEVEL: "warn",
    PORT: "0",
    ...options.env,
  };
}

function describe(child: ChildProcess, dataDir: string): Server {
  let written = "";
  let marker = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk: Buffer) => (written += chunk));
  // Its input breaks when it is killed.
  child.stdin?.on("error", () => {});
  const exited = new Promise<Exit>((settle, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      const file = join(dataDir, "failpoint");
      if (existsSync(file)) marker = readFileSync(file, "utf8").trim();
      settle({ code, signal });
    });
  });
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    return await exited;
  };
  return {
    url: "",
    dataDir,
    exited,
    log: () => written,
    marker: () => marker,
    kill9: () => end("SIGKILL"),
    freeze: () => void child.kill("SIGSTOP"),
    thaw: () => void child.kill("SIGCONT"),
    async stop() {
      const tooLong = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
      const exit = await end("SIGTERM");
      clearTimeout(tooLong);
      return exit;
    },
  };
}

async function becomeReady(server: Server, command: string, pid: number | undefined): Promise<void> {
  let exit: Exit | undefined;
  void server.exited.then((how) => (exit = how));
  const look = async () => {
    if (exit === undefined) return await isReady(server, command, pid);
    throw new Error(`the server ended with ${exit.signal ?? exit.code} before it was ready:\n${server.log()}`);
  };
  await until("the server is ready", look, START_MS);
}

async function isReady(server: Server, command: string, pid: number | undefined): Promise<boolean> {
  if (command === "work") return server.log().includes("Holdpoint works.");
  const file = join(server.dataDir, "server.json");
  if (!existsSync(file)) return false;
  const said = JSON.parse(readFileSync(file, "utf8")) as { url: string; pid: number };
  // One that was killed has left its file behind.
  if (said.pid !== pid) return false;
  server.url = said.url;
  return (await fetch(`${server.url}/readyz`).catch(() => undefined))?.ok === true;
}
