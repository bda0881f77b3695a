import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Database } from "../postgres/database.ts";
import { createApiKey, principalByApiKey } from "../postgres/identity.ts";
import { LOCAL_OWNER, PERMISSIONS } from "../protocol/principal.ts";

/** What `.holdpoint/server.json` tells the command line. */
export interface ServerFile {
  url: string;
  pid: number;
  started_at: string;
}

const SERVER_FILE = "server.json";
const KEY_FILE = "cli.key";

/** Says where the server is; returns how to take it back, which a later server's file survives. */
export async function writeServerFile(dataDir: string, url: string): Promise<() => Promise<void>> {
  const path = join(dataDir, SERVER_FILE);
  const file: ServerFile = { url, pid: process.pid, started_at: new Date().toISOString() };
  await replaceFile(path, `${JSON.stringify(file, null, 2)}\n`, 0o644);
  return async () => {
    const current = await readFile(path, "utf8").catch(() => "");
    if (current.includes(`"pid": ${process.pid}`)) await rm(path, { force: true });
  };
}

/** Gives the command line on this machine a key that only the file's owner can read; one that still works is kept. */
export async function ensureCliKey(dataDir: string, database: Database): Promise<void> {
  const path = join(dataDir, KEY_FILE);
  const existing = (await readFile(path, "utf8").catch(() => "")).trim();
  if (existing !== "" && (await principalByApiKey(database, existing)) !== undefined) return;
  const { secret } = await createApiKey(database, {
    name: "command line",
    principal: { principal_id: LOCAL_OWNER, kind: "user", display_name: "Local owner" },
    permissions: PERMISSIONS,
    created_by: LOCAL_OWNER,
  });
  await replaceFile(path, `${secret}\n`, 0o600);
}

/** Never half a file, and never readable by others for a moment. */
async function replaceFile(path: string, text: string, mode: number): Promise<void> {
  await mkdir(join(path, ".."), { recursive: true });
  const temporary = `${path}.${process.pid}`;
  await writeFile(temporary, text, { mode });
  await rename(temporary, path);
}
