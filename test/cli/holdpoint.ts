import { spawn } from "node:child_process";
import { join, resolve } from "node:path";
import pc from "picocolors";
import { runCli } from "../../src/cli/run-cli.ts";
import type { Terminal } from "../../src/cli/terminal.ts";
import { COMPILED } from "../support/caches.ts";

const ROOT = resolve(import.meta.dirname, "..", "..");

/** What a command left. */
export interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs the program as a user would, in a process of its own and without a terminal. */
export async function holdpoint(args: readonly string[], env: Record<string, string>, input = ""): Promise<Ended> {
  const child = spawn(process.execPath, [join(ROOT, "src/cli/main.ts"), ...args], {
    cwd: ROOT,
    env: { PATH: process.env["PATH"], NODE_COMPILE_CACHE: COMPILED, ...env },
    stdio: "pipe",
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk));
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  return await new Promise((settle, reject) => {
    child.on("error", reject);
    child.on("close", (code) => settle({ code: code ?? -1, stdout, stderr }));
  });
}

/** How a command is run in this process. */
export interface InProcess {
  env: Record<string, string>;
  /** What is piped in. */
  input?: string;
  /** What a person types; having somebody who can type makes it a terminal. */
  answers?: string[];
  /** A screen without anybody at the keyboard. */
  isScreen?: boolean;
  columns?: number;
}

/** Runs a command line in this process: the same program, a hundred times faster to start. */
export async function command(args: readonly string[], how: InProcess): Promise<Ended> {
  const out: string[] = [];
  const notes: string[] = [];
  const isInteractive = how.answers !== undefined;
  const answers = [...(how.answers ?? [])];
  const terminal: Terminal = {
    env: how.env,
    cwd: ROOT,
    isInteractive,
    isScreen: isInteractive || how.isScreen === true,
    colours: pc.createColors(false),
    columns: how.columns ?? 100,
    out: (line) => void out.push(line),
    note: (line) => void notes.push(line),
    status: () => {},
    async ask(question) {
      const answer = answers.shift();
      out.push(`${question}${answer}`);
      if (answer === undefined) throw new Error(`nobody answers ${question}`);
      return answer;
    },
    readInput: async () => Buffer.from(how.input ?? ""),
    now: () => new Date(),
  };
  const code = await runCli(args, terminal);
  return { code, stdout: out.map((line) => `${line}\n`).join(""), stderr: notes.map((line) => `${line}\n`).join("") };
}
