import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "..", "..");
const folders: string[] = [];
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

// A clone with our scripts, a program that says how it was started, and one development dependency that needs no
// registry, so that a real `npm ci` takes a second.
function newClone(): string {
  const folder = mkdtempSync(join(tmpdir(), "hp-clone-"));
  folders.push(folder);
  cpSync(join(ROOT, "scripts"), join(folder, "scripts"), { recursive: true });
  cpSync(join(ROOT, ".npmrc"), join(folder, ".npmrc"));
  mkdirSync(join(folder, "src", "cli"), { recursive: true });
  writeFileSync(
    join(folder, "src", "cli", "main.ts"),
    `const args: string[] = process.argv.slice(2);
     console.log(JSON.stringify({ args, leaked: process.env["HOLDPOINT_NODE_CHECKED"], flags: process.execArgv }));
     if (args.includes("wait")) {
       process.on("SIGINT", () => process.exit(130));
       process.on("SIGTERM", () => process.exit(143));
       setInterval(() => undefined, 60_000);
     } else process.exitCode = args.includes("fail") ? 7 : 0;\n`,
  );
  mkdirSync(join(folder, "tool"));
  writeFileSync(join(folder, "tool", "package.json"), '{ "name": "tool", "version": "1.0.0" }');
  writePackage(folder, "1.0.0");
  return folder;
}

function writePackage(folder: string, version: string): void {
  const manifest = { name: "clone", version, type: "module", devDependencies: { tool: "file:tool" } };
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
  const packages = {
    "": manifest,
    "node_modules/tool": { resolved: "tool", link: true, dev: true },
    tool: { version: "1.0.0", dev: true },
  };
  const lock = { name: "clone", version, lockfileVersion: 3, requires: true, packages };
  writeFileSync(join(folder, "package-lock.json"), JSON.stringify(lock));
}

interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

function start(folder: string, args: string[], env: Record<string, string> = {}) {
  // What npm hands to the scripts of our own test run must not steer the npm that is started here.
  const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));
  const options = {
    cwd: folder,
    env: { ...clean, ...env },
    stdio: ["ignore", "pipe", "pipe"] as ["ignore", "pipe", "pipe"],
  };
  const child = spawn(process.execPath, args, options);
  children.push(child);
  let [stdout, stderr] = ["", ""];
  const spoken = new Promise<void>((done) => {
    child.stdout.on("data", (chunk) => {
      stdout += chunk;
      done();
    });
  });
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise<Ended>((done) => {
    child.on("close", (code, signal) => done({ code, signal, stdout, stderr }));
  });
  return { child, spoken, ended };
}

test("a bare clone is installed once, development tools too under NODE_ENV=production, and told so on standard error", async () => {
  const folder = newClone();
  const first = await start(folder, ["scripts/start.mjs", "--open"], { NODE_ENV: "production" }).ended;
  expect(first.stderr).toContain("installing what is missing");
  expect(first.stderr).toMatch(/installed in \d+ s/);
  expect(JSON.parse(first.stdout)).toMatchObject({ args: ["start", "--open"] });
  expect(JSON.parse(first.stdout).leaked).toBeUndefined();
  expect(first.code).toBe(0);
  expect(existsSync(join(folder, "node_modules", "tool"))).toBe(true);
  const second = await start(folder, ["scripts/start.mjs"]).ended;
  expect(second.stderr).toBe("");
});

test("a changed lock file is installed, one that was installed by hand is not installed again", async () => {
  const folder = newClone();
  await start(folder, ["scripts/holdpoint.mjs"]).ended;
  rmSync(join(folder, "node_modules", ".holdpoint-install"));
  expect((await start(folder, ["scripts/holdpoint.mjs"]).ended).stderr).toBe("");
  const path = join(folder, "package-lock.json");
  const lock = JSON.parse(readFileSync(path, "utf8"));
  lock.packages.tool.version = "1.0.1";
  writeFileSync(join(folder, "tool", "package.json"), '{ "name": "tool", "version": "1.0.1" }');
  writeFileSync(path, JSON.stringify(lock));
  expect((await start(folder, ["scripts/holdpoint.mjs"]).ended).stderr).toContain("installing");
});

test("two commands on a bare clone install it once", async () => {
  const folder = newClone();
  const both = await Promise.all([1, 2].map(() => start(folder, ["scripts/holdpoint.mjs", "reviews"]).ended));
  expect(both.map(({ code }) => code)).toEqual([0, 0]);
  expect(both.filter(({ stderr }) => stderr.includes("installed in"))).toHaveLength(1);
});

test("an install that was killed does not block the next one", async () => {
  const folder = newClone();
  mkdirSync(join(folder, ".holdpoint"));
  writeFileSync(join(folder, ".holdpoint", "install.pid"), "4194303999");
  const { code, stderr } = await start(folder, ["scripts/holdpoint.mjs"]).ended;
  expect({ code, waited: stderr.includes("waiting") }).toEqual({ code: 0, waited: false });
});

test("the command is linked where npx finds it, and its exit code is the program's", async () => {
  const folder = newClone();
  const { code } = await start(folder, ["scripts/holdpoint.mjs", "fail"]).ended;
  expect(code).toBe(7);
  const command = join(folder, "node_modules", ".bin", "holdpoint");
  expect(lstatSync(command).isSymbolicLink()).toBe(true);
  const linked = await start(folder, [command, "reviews", "--json"]).ended;
  expect(JSON.parse(linked.stdout).args).toEqual(["reviews", "--json"]);
});

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("%s reaches the program, which ends in its own way", async (signal, code) => {
  const folder = newClone();
  const { child, spoken, ended } = start(folder, ["scripts/holdpoint.mjs", "wait"]);
  await spoken;
  child.kill(signal);
  expect(await ended).toMatchObject({ code, signal: null });
});

test("a failing npm is one clear line and an exit code", async () => {
  const folder = newClone();
  writeFileSync(join(folder, "package-lock.json"), "{ not json");
  const { code, stderr } = await start(folder, ["scripts/holdpoint.mjs"]).ended;
  expect(code).toBe(1);
  expect(stderr).toMatch(/npm ci failed|package-lock\.json/);
  expect(stderr).not.toContain("    at ");
});

test("without scripts the pinned Node is missing: a modern one takes its place, says so, and warns of nothing", async () => {
  const folder = newClone();
  const { stdout, stderr } = await start(folder, ["scripts/holdpoint.mjs"], { npm_config_ignore_scripts: "true" })
    .ended;
  expect(stderr).toContain(`using Node ${process.versions.node}`);
  expect(stderr).not.toContain("Warning");
  expect(JSON.parse(stdout).flags).toContain("--disable-warning=ExperimentalWarning");
});
