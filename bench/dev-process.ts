import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("dev-server.ts", import.meta.url));
const SAID_LINES = 50;

/** The development server in a process of its own. */
export interface DevProcess {
  url: string;
  /** Undefined once it has ended. */
  pid: number | undefined;
  stop(): Promise<void>;
}

/** Starts the development server on the graphs of a langgraph.json; what it logs is kept for when it does not start. */
export async function startDevServer(langgraphJson: string): Promise<DevProcess> {
  const folder = await mkdtemp(join(tmpdir(), "hp-dev-server-"));
  const child = spawn(process.execPath, [PROGRAM, langgraphJson, folder], {
    env: { ...process.env, LANGSMITH_TRACING: "false", NODE_ENV: "development" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said: string[] = [];
  const listen = Promise.withResolvers<string>();
  for (const output of [child.stdout, child.stderr]) {
    createInterface({ input: output }).on("line", (line) => {
      said.push(line);
      said.splice(0, said.length - SAID_LINES);
      const [, url] = /^listening on (\S+)$/.exec(line) ?? [];
      if (url !== undefined) listen.resolve(url);
    });
  }
  child.on("exit", (code) =>
    listen.reject(new Error(`the development server ended with ${code}:\n${said.join("\n")}`)),
  );
  return {
    url: await listen.promise,
    pid: child.pid,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        const ended = once(child, "exit");
        child.kill("SIGKILL");
        await ended;
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}
