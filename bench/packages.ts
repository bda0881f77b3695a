import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const FOLDER = fileURLToPath(new URL(".", import.meta.url));

/** Installs what bench/package.json names, where one of these packages is missing; gives those that still are. */
export async function installPackages(names: readonly string[], say: (line: string) => void): Promise<string[]> {
  const wanted = wantedVersions();
  const missing = () => names.filter((name) => installedVersion(name) !== wanted[name]);
  if (missing().length > 0) {
    say("installing what is compared with (once) …");
    await install();
  }
  return missing();
}

/** The versions that bench/package.json names. */
export function wantedVersions(): Record<string, string> {
  const manifest = JSON.parse(readFileSync(join(FOLDER, "package.json"), "utf8")) as {
    optionalDependencies: Record<string, string>;
  };
  return manifest.optionalDependencies;
}

/** By a name that the type checker cannot follow: in a fresh clone the package is not there yet. */
export const importPackage = async <Module>(name: string): Promise<Module> => (await import(name)) as Module;

function installedVersion(name: string): string | undefined {
  const manifest = join(FOLDER, "node_modules", name, "package.json");
  if (!existsSync(manifest)) return undefined;
  return (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version;
}

/** Without their peer dependencies: those are found one folder further up, so that there is one LangGraph. */
function install(): Promise<void> {
  const cli = process.env["npm_execpath"];
  const [command, first] =
    cli !== undefined && basename(cli) === "npm-cli.js" ? [process.execPath, [cli]] : ["npm", []];
  const flags = [
    "--legacy-peer-deps",
    "--no-package-lock",
    "--ignore-scripts",
    "--prefer-offline",
    "--fetch-retries=1",
  ];
  const quiet = ["--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"];
  const child = spawn(command, [...first, "install", ...flags, ...quiet], { cwd: FOLDER, stdio: ["ignore", 2, 2] });
  // What is missing afterwards is told by name.
  return new Promise((resolve) => {
    child.on("error", () => resolve());
    child.on("exit", () => resolve());
  });
}
