import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { HoldpointError } from "../protocol/errors.ts";

const SQLITE_BUSY = 5;
const POLL_MS = 15;

/** A lock that is held until it is released or the process ends, however it ends. */
export interface FileLock {
  release(): void;
}

/** Waiting for a lock: how long at most, and what to call once when it is not free at once. */
export interface FileLockOptions {
  timeoutMs?: number;
  onWait?: () => void;
}

/**
 * Locks a file between processes. Node has no call for an operating system lock, but the SQLite inside it does: an
 * exclusive transaction holds fcntl locks on the file. The kernel drops them with the process, also on kill -9, and
 * children do not inherit them, so a lock file is never stale and a database server never keeps it.
 */
export async function acquireFileLock(path: string, options: FileLockOptions = {}): Promise<FileLock> {
  const deadline = performance.now() + (options.timeoutMs ?? 60_000);
  const file = open(path);
  let waited = false;
  while (!tryLock(file, path)) {
    if (!waited) options.onWait?.();
    waited = true;
    if (performance.now() > deadline) {
      file.close();
      throw new HoldpointError(
        "database_unreachable",
        `another process holds ${path} for too long: see what it does, or end it`,
      );
    }
    await sleep(POLL_MS);
  }
  return { release: () => file.close() };
}

function open(path: string): DatabaseSync {
  try {
    return new DatabaseSync(path, { timeout: 0 });
  } catch (error) {
    throw unusable(path, error);
  }
}

function tryLock(file: DatabaseSync, path: string): boolean {
  try {
    // No journal on disk: a killed holder would leave it behind.
    file.exec("pragma journal_mode = memory; begin exclusive");
    return true;
  } catch (error) {
    if (error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY) return false;
    file.close();
    throw unusable(path, error);
  }
}

function unusable(path: string, cause: unknown): HoldpointError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new HoldpointError("configuration_invalid", `cannot lock ${path} (${reason}): is it yours to write?`, {
    cause,
  });
}
