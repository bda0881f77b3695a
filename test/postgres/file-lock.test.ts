import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import { acquireFileLock } from "../../src/postgres/file-lock.ts";

const folder = mkdtempSync(join(tmpdir(), "hp-lock-"));
const children: ChildProcess[] = [];

async function holdInAnotherProcess(path: string): Promise<ChildProcess> {
  const program = join(import.meta.dirname, "..", "support", "lock-holder.ts");
  const child = spawn(process.execPath, [program, path], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  await once(child.stdout, "data");
  return child;
}

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("a lock that another process holds is refused until that process is killed with -9, and is free at once then", async () => {
  const path = join(folder, "other");
  const child = await holdInAnotherProcess(path);
  await expect(acquireFileLock(path, { timeoutMs: 50 })).rejects.toThrow(`another process holds ${path}`);

  let waits = 0;
  const lock = acquireFileLock(path, { onWait: () => waits++ });
  child.kill("SIGKILL");
  (await lock).release();
  expect(waits).toBe(1);
  expect(readdirSync(folder).filter((name) => name.startsWith("other"))).toEqual(["other"]);
});

test("two holders in one process exclude each other as well", async () => {
  const path = join(folder, "same");
  const first = await acquireFileLock(path);
  await expect(acquireFileLock(path, { timeoutMs: 30 })).rejects.toMatchObject({ code: "database_unreachable" });
  first.release();
  (await acquireFileLock(path, { timeoutMs: 30 })).release();
});

test("a child of the holder does not keep the lock when the holder has released it", async () => {
  const path = join(folder, "inherit");
  const lock = await acquireFileLock(path);
  const child = spawn("/bin/sh", ["-c", "read line"], { stdio: ["pipe", "ignore", "ignore"], detached: true });
  children.push(child);
  lock.release();
  (await acquireFileLock(path, { timeoutMs: 30 })).release();
});

test("the lock leaves an empty file and nothing beside it", async () => {
  const path = join(folder, "clean");
  (await acquireFileLock(path)).release();
  expect(statSync(path).size).toBe(0);
  expect(() => statSync(`${path}-journal`)).toThrow("ENOENT");
});

test("a file that cannot be a lock is one clear line", async () => {
  const path = join(folder, "garbage");
  writeFileSync(path, "this is not a lock file, and it is long enough to have a header of a kind");
  await expect(acquireFileLock(path)).rejects.toThrow(`cannot lock ${path} (file is not a database)`);
  await expect(acquireFileLock(join(folder, "missing", "lock"))).rejects.toThrow("is it yours to write?");
});
