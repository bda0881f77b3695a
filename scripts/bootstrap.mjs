// Plain JavaScript for Node 20 without any dependency: it runs before anything is installed.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import module from "node:module";
import { constants } from "node:os";
import { basename, delimiter, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";

/** The folder of the package: a clone, or node_modules/holdpoint. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** True in a clone, where the sources are run; false in an installed package, where the compiled code is. */
export const isClone = existsSync(join(root, "src", "cli"));

const modules = join(root, "node_modules");
const stamp = join(modules, ".holdpoint-install");
const pinnedNode = join(modules, "node", "bin", "node");
const [OLDEST_MAJOR, OLDEST_MINOR] = [22, 18];

const say = (line) => process.stderr.write(`holdpoint: ${line}\n`);

function fail(line) {
  say(line);
  process.exit(1);
}

/**
 * Runs a program file on a Node that can, after installing what is missing and preparing what else it needs. Does not
 * return when it starts another Node.
 */
export async function runProgram(file, args, prepare = () => {}) {
  if (isClone) await installOnce();
  if (!(await isThisNodeGoodEnough())) return;
  await prepare(say);
  process.argv = [process.execPath, file, ...args];
  // Half of a start is compiling what has not changed since the last one.
  module.enableCompileCache?.(isClone ? join(modules, ".cache", "holdpoint") : undefined);
  await import(pathToFileURL(file).href);
}

async function isThisNodeGoodEnough() {
  const isPinned = existsSync(pinnedNode) && realpathSync(pinnedNode) === realpathSync(process.execPath);
  const isChecked = process.env.HOLDPOINT_NODE_CHECKED === "1";
  delete process.env.HOLDPOINT_NODE_CHECKED;
  if (isPinned || isChecked) return true;
  if (isClone && existsSync(pinnedNode)) {
    await startAgain(pinnedNode, []);
    return false;
  }
  if (!isModern(process.versions.node)) {
    fail(`Node ${process.versions.node} is too old: install Node ${OLDEST_MAJOR}.${OLDEST_MINOR} or newer`);
  }
  // Node 22 and 24 warn of what they call experimental: running TypeScript and SQLite, both of which we mean.
  await startAgain(process.execPath, ["--disable-warning=ExperimentalWarning"]);
  return false;
}

function isModern(version) {
  const [major, minor] = version.split(".").map(Number);
  return major > OLDEST_MAJOR || (major === OLDEST_MAJOR && minor >= OLDEST_MINOR);
}

/** Runs this same command on another Node, hands signals on and ends as it ends. */
function startAgain(node, flags) {
  const path = `${join(modules, ".bin")}${delimiter}${process.env.PATH ?? ""}`;
  const env = { ...process.env, PATH: path, HOLDPOINT_NODE_CHECKED: "1" };
  const child = spawn(node, [...flags, ...process.argv.slice(1)], { stdio: "inherit", env });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      // A terminal sends Ctrl-C to both of us; a second one would mean "hurry".
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
    });
  }
  return new Promise(() => {
    child.on("error", (error) => fail(`cannot run ${node}: ${error.message}`));
    child.on("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
  });
}

/** Installs what the lock file names, unless that is there already, one process at a time. */
async function installOnce() {
  if (!isInstalled()) {
    const release = await lockInstall();
    try {
      if (!isInstalled()) await install();
    } finally {
      release();
    }
  }
  linkCommand();
}

async function install() {
  const begin = Date.now();
  if (!hasEveryPackage()) {
    say("installing what is missing with npm ci (once, less than a minute) …");
    await npm(["ci", "--include=dev", "--prefer-offline"]);
  }
  if (!existsSync(pinnedNode)) await installNodeWithoutScripts();
  writeFileSync(stamp, lockDigest());
  say(`installed in ${Math.round((Date.now() - begin) / 1000)} s`);
}

function isInstalled() {
  if (!existsSync(pinnedNode) && !isModern(process.versions.node)) return false;
  try {
    if (readFileSync(stamp, "utf8") === lockDigest()) return true;
  } catch {
    // Not installed by us; perhaps by hand.
  }
  if (!hasEveryPackage()) return false;
  try {
    writeFileSync(stamp, lockDigest());
  } catch {
    // Somebody else's to write; then this comparison is made each time.
  }
  return true;
}

const lockDigest = () => {
  const lock = readFileSync(join(root, "package-lock.json"));
  return `${createHash("sha256").update(lock).digest("hex")} ${process.platform}-${process.arch}\n`;
};

/** Compares what npm says it has installed with what the lock file wants on this machine. */
function hasEveryPackage() {
  const installed = join(modules, ".package-lock.json");
  if (!existsSync(installed)) return false;
  const have = JSON.parse(readFileSync(installed, "utf8")).packages;
  const want = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
  return Object.entries(want).every(([path, entry]) => {
    if (path === "" || have[path]?.version === entry.version) return true;
    const isForHere = entry.os?.includes(process.platform) && entry.cpu?.includes(process.arch) && !entry.libc;
    return entry.optional === true && have[path] === undefined && !isForHere;
  });
}

/** The package `node` fetches its binary in an install script; where scripts are off, the binary's own package will do. */
async function installNodeWithoutScripts() {
  if (isModern(process.versions.node)) {
    say(`npm runs no install scripts here, so the pinned Node is missing: using Node ${process.versions.node}`);
    return;
  }
  const { version } = JSON.parse(readFileSync(join(modules, "node", "package.json"), "utf8"));
  const name = `node${process.platform === "darwin" && process.arch === "arm64" ? "-bin" : ""}-${process.platform}-${process.arch}`;
  say(
    `npm runs no install scripts here: fetching ${name}@${version} without one, because Node ${process.versions.node} is too old`,
  );
  const folder = join(modules, ".holdpoint-node");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
  await npm([
    "install",
    "--ignore-scripts",
    "--no-save",
    "--no-package-lock",
    "--prefix",
    folder,
    `${name}@${version}`,
  ]);
  const binary = join(folder, "node_modules", name, "bin", "node");
  mkdirSync(dirname(pinnedNode), { recursive: true });
  rmSync(pinnedNode, { force: true });
  try {
    linkSync(binary, pinnedNode);
  } catch {
    copyFileSync(binary, pinnedNode);
  }
  link(join(modules, ".bin", "node"), "../node/bin/node");
}

function npm(args) {
  // Started by npm we know which npm; anything else may stand in that variable too.
  const cli = process.env.npm_execpath;
  const [command, first] =
    cli !== undefined && basename(cli) === "npm-cli.js" ? [process.execPath, [cli]] : ["npm", []];
  const quiet = ["--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"];
  // What npm says is progress, not our output, which may be piped.
  const child = spawn(command, [...first, ...args, ...quiet], { cwd: root, stdio: ["ignore", 2, 2] });
  return new Promise((resolve) => {
    child.on("error", (error) => fail(`cannot run npm: ${error.message}`));
    child.on("exit", (code, signal) => {
      if (code === 0) resolve();
      else if (signal !== null) process.exit(128 + constants.signals[signal]);
      else fail(`npm ${args[0]} failed (exit code ${code}): see above, then start again`);
    });
  });
}

/** Makes `npx holdpoint` find this clone. */
function linkCommand() {
  const command = join(modules, ".bin", "holdpoint");
  if (!existsSync(command)) link(command, "../../scripts/holdpoint.mjs");
}

function link(path, target) {
  try {
    if (readlinkSync(path) === target) return;
  } catch {
    // Not there, or no link.
  }
  mkdirSync(dirname(path), { recursive: true });
  rmSync(path, { force: true });
  symlinkSync(target, path);
}

async function lockInstall() {
  const path = join(root, ".holdpoint", "install.pid");
  mkdirSync(dirname(path), { recursive: true });
  let waited = false;
  for (;;) {
    try {
      writeFileSync(path, String(process.pid), { flag: "wx" });
      return () => rmSync(path, { force: true });
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    if (!isAlive(readHolder(path))) {
      rmSync(path, { force: true });
      continue;
    }
    if (!waited) say("another process is installing, waiting for it …");
    waited = true;
    await sleep(200);
  }
}

function readHolder(path) {
  try {
    return Number(readFileSync(path, "utf8"));
  } catch {
    return 0;
  }
}

function isAlive(pid) {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}
