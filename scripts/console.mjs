#!/usr/bin/env node
// Builds the console when it is missing or was built from other sources: before a server starts, and as a program.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./bootstrap.mjs";

const folder = join(root, "console");
const dist = join(folder, "dist");
const stamp = join(dist, ".built-from");
const vite = join(root, "node_modules", "vite", "bin", "vite.js");

/** Builds it unless it was built from these sources. Ends the process with one clear line when that fails. */
export function buildConsoleOnce(say) {
  if (!existsSync(join(folder, "index.html"))) return;
  const wanted = sourcesDigest();
  if (readOr(stamp, "") === wanted) return;
  if (!existsSync(vite)) {
    say("the console is not built, because the packages that build it are not installed (npm ci --include=dev)");
    return;
  }
  const begin = Date.now();
  say("building the console (once, a few seconds) …");
  buildConsole(wanted, say);
  say(`console built in ${((Date.now() - begin) / 1000).toFixed(1)} s`);
}

/** Two processes that build at once each build for themselves; what is served is always a whole one. */
function buildConsole(digest, say) {
  const made = join(folder, `.dist-${process.pid}`);
  const args = [vite, "build", folder, "--outDir", made, "--logLevel", "warn"];
  // What is served is the production build, whatever the shell says.
  const env = { ...process.env, NODE_ENV: "production" };
  const { status, error } = spawnSync(process.execPath, args, { cwd: root, env, stdio: ["ignore", 2, 2] });
  if (status !== 0) {
    rmSync(made, { recursive: true, force: true });
    say(`the console could not be built (${error?.message ?? `exit code ${status}`}): see above, then start again`);
    process.exit(1);
  }
  writeFileSync(join(made, ".built-from"), digest);
  const old = `${made}-old`;
  try {
    if (existsSync(dist)) renameSync(dist, old);
    renameSync(made, dist);
  } catch (failure) {
    // Another process was faster; what it has put there was built from the same.
    rmSync(made, { recursive: true, force: true });
    if (readOr(stamp, "") !== digest) throw failure;
  }
  rmSync(old, { recursive: true, force: true });
}

/** Of everything that the build reads. */
function sourcesDigest() {
  const hash = createHash("sha256");
  const files = ["index.html", "vite.config.ts", "tsconfig.json"].map((name) => join(folder, name));
  for (const name of readdirSync(join(folder, "src"), { recursive: true, encoding: "utf8" }).sort()) {
    files.push(join(folder, "src", name));
  }
  for (const file of [...files, join(root, "package-lock.json")]) {
    if (statSync(file).isFile())
      hash
        .update(`${file.slice(root.length)}\0`)
        .update(readFileSync(file))
        .update("\0");
  }
  return hash.digest("hex");
}

function readOr(file, otherwise) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return otherwise;
  }
}

if (process.argv[1] === import.meta.filename) buildConsoleOnce((line) => console.error(`holdpoint: ${line}`));
