import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Browser, chromium } from "playwright-core";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** What to tell somebody whose machine has no browser. */
export const NO_BROWSER =
  "Chromium is not installed (looked for chromium and google-chrome in PATH): `apt-get install chromium` brings it";

/** The machine's own Chromium; undefined when it has none. */
export function findBrowser(): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/bin", "/usr/local/bin"];
  return folders.flatMap((folder) => NAMES.map((name) => join(folder, name))).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Starts it without a window. `outlivesInterrupt`: whoever started it closes it, also after Ctrl-C. */
export async function launchBrowser(program: string, outlivesInterrupt = false): Promise<Browser> {
  return await chromium.launch({
    executablePath: program,
    handleSIGINT: !outlivesInterrupt,
    // A container's root has no sandbox; what is loaded is ours.
    args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
  });
}

/** Builds the console unless it is built from these sources. */
export async function buildConsole(): Promise<void> {
  await promisify(execFile)(process.execPath, [join(ROOT, "scripts", "console.mjs")]);
}
