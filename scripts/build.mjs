#!/usr/bin/env node
// npm run build: compiles src to dist and builds the console. With `--pack <folder>` it also makes the tarball that npm publish would send:
// npm itself does not apply publishConfig.exports, so the package is put together in a folder of its own.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { root } from "./bootstrap.mjs";
import { buildConsoleOnce } from "./console.mjs";

const pack = process.argv.indexOf("--pack");
const destination = pack < 0 ? undefined : resolve(process.argv[pack + 1] ?? ".");
const staging = mkdtempSync(join(tmpdir(), "holdpoint-package-"));
const compiled = destination === undefined ? join(root, "dist") : join(staging, "dist");

try {
  rmSync(compiled, { recursive: true, force: true });
  compile();
  buildConsoleOnce((line) => console.error(line));
  if (destination !== undefined) makeTarball(destination);
} catch (error) {
  // The compiler has said what is wrong.
  if (error.status === undefined) throw error;
  process.exitCode = error.status;
} finally {
  rmSync(staging, { recursive: true, force: true });
}

function compile() {
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  const args = [compiler, "-p", join(root, "tsconfig.build.json"), "--outDir", compiled];
  execFileSync(process.execPath, args, { cwd: root, stdio: "inherit" });
}

/** LangGraph is the project's own, one copy of it: the classes of a second one are strangers to the first. */
function withPeers({ dependencies, ...manifest }) {
  const isPeer = ([name]) =>
    ["@langchain/core", "@langchain/langgraph", "@langchain/langgraph-checkpoint"].includes(name);
  const all = Object.entries(dependencies);
  const peers = all.filter(isPeer).map(([name, version]) => [name, `^${version}`]);
  return {
    ...manifest,
    dependencies: Object.fromEntries(all.filter((one) => !isPeer(one))),
    peerDependencies: Object.fromEntries(peers),
  };
}

function makeTarball(folder) {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  for (const file of [...manifest.files, "README.md", "LICENSE"]) {
    if (file === "dist" || !existsSync(join(root, file))) continue;
    mkdirSync(dirname(join(staging, file)), { recursive: true });
    cpSync(join(root, file), join(staging, file), { recursive: true });
  }
  const {
    publishConfig,
    scripts: _scripts,
    devDependencies: _tools,
    allowScripts: _allowed,
    private: _private,
    ...rest
  } = withPeers(manifest);
  writeFileSync(join(staging, "package.json"), `${JSON.stringify({ ...rest, ...publishConfig }, null, 2)}\n`);
  mkdirSync(folder, { recursive: true });
  execFileSync("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", folder], {
    cwd: staging,
    stdio: "inherit",
  });
}
