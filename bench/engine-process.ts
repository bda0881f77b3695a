import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const WORKFLOWS = fileURLToPath(new URL("engine-workflows", import.meta.url));
const READY = "works.";

/** A process that is measured. */
export interface EngineProcess {
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves when it is gone. */
  stop(): Promise<void>;
}

/** Starts `holdpoint work` as a user does; resolves when it is ready. */
export async function startWorker(
  databaseUrl: string,
  slots: number,
  leaseMs = 10_000,
  workflows = WORKFLOWS,
): Promise<EngineProcess> {
  return await start(["src/cli/main.ts", "work"], {
    DATABASE_URL: databaseUrl,
    HOLDPOINT_WORKFLOWS_DIR: workflows,
    HOLDPOINT_WORKER_SLOTS: String(slots),
    HOLDPOINT_LEASE_MS: String(leaseMs),
    LOG_LEVEL: "error",
  });
}

/** Starts one of those it is compared with, which says the same words when it is ready. */
export async function startPeer(job: string, databaseUrl: string, count: number): Promise<EngineProcess> {
  return await start(["bench/engine-peer.ts", job, databaseUrl, String(count)], {});
}

/** Runs a peer's job to its end; what it printed last. */
export async function runPeer(job: string, databaseUrl: string, count: number): Promise<string> {
  const child = spawn(process.execPath, ["bench/engine-peer.ts", job, databaseUrl, String(count)], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let last = "";
  for await (const line of createInterface({ input: child.stdout! })) last = line;
  if (child.exitCode === null) await once(child, "exit");
  if (child.exitCode !== 0) throw new Error(`${job} ended with ${child.exitCode}`);
  return last;
}

async function start(args: readonly string[], env: Record<string, string>): Promise<EngineProcess> {
  // Such as --cpu-prof, to see where the time goes.
  const flags = process.env["BENCH_NODE_FLAGS"]?.split(" ") ?? [];
  const child = spawn(process.execPath, [...flags, ...args], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  child.stderr!.on("data", (chunk: Buffer) => (said += chunk));
  await ready(child, () => `${args.join(" ")} ended before it was ready:\n${said}`);
  const end = async (signal: "SIGKILL" | "SIGTERM") => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
  };
  return { kill: () => end("SIGKILL"), stop: () => end("SIGTERM") };
}

async function ready(child: ChildProcess, explain: () => string): Promise<void> {
  for await (const line of createInterface({ input: child.stdout! })) {
    if (!line.includes(READY)) continue;
    child.stdout!.resume();
    return;
  }
  throw new Error(explain());
}
