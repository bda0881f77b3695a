import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** A server of its own process, as a user starts it. */
export interface BenchServer {
  url: string;
  /** From the start of the process to its first answer on /readyz. */
  readyMs: number;
  pid: number | undefined;
  stop(): Promise<void>;
}

/** A folder that the account of an embedded PostgreSQL can reach, also when root started it. */
export async function benchFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "hp-bench-"));
  await chmod(folder, 0o755);
  return folder;
}

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Starts the product on a data folder and a free port; what it does and where its database is, unless it is its own. */
export async function startServer(
  dataDir: string,
  workflowsDir: string,
  { command = "start", databaseUrl }: { command?: "start" | "serve"; databaseUrl?: string } = {},
): Promise<BenchServer> {
  const startedAt = performance.now();
  const flags = process.env["BENCH_NODE_FLAGS"]?.split(" ") ?? [];
  const child = spawn(process.execPath, [...flags, "src/cli/main.ts", command], {
    cwd: ROOT,
    env: {
      ...process.env,
      ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
      HOLDPOINT_DATA_DIR: dataDir,
      HOLDPOINT_WORKFLOWS_DIR: workflowsDir,
      LOG_LEVEL: "error",
      PORT: "0",
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  await ready(child);
  const { url } = JSON.parse(await readFile(`${dataDir}/server.json`, "utf8")) as { url: string };
  await fetch(`${url}/readyz`);
  return {
    url,
    readyMs: performance.now() - startedAt,
    pid: child.pid,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGTERM");
      await once(child, "exit");
    },
  };
}

async function ready(child: ChildProcess): Promise<void> {
  for await (const line of createInterface({ input: child.stdout! })) if (line.includes("ready")) break;
  child.stdout!.resume();
  if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`);
}
