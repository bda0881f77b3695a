import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import pg from "pg";
import { afterAll, afterEach, expect, inject, test } from "vitest";
import { bootEmbedded, isServerGone, stopEmbedded } from "../../src/postgres/embedded.ts";

const PROGRAM = join(import.meta.dirname, "..", "support", "embedded-holder.ts");
const children: ChildProcess[] = [];
const folders: string[] = [];

function newFolder(mode = 0o755): string {
  const folder = mkdtempSync(join(inject("scratchFolder"), "boot-"));
  chmodSync(folder, mode);
  folders.push(folder);
  return folder;
}

// Most tests start from a database that exists: making one takes a second of work each time.
let template: string | undefined;

async function initialisedFolder(): Promise<string> {
  if (template === undefined) {
    template = mkdtempSync(join(inject("scratchFolder"), "template-"));
    chmodSync(template, 0o755);
    await (await bootEmbedded({ dataDir: template })).release();
  }
  const folder = newFolder();
  execFileSync("cp", ["-a", join(template, "pg18"), folder]);
  return folder;
}

interface Holder {
  child: ChildProcess;
  next(): Promise<Record<string, unknown>>;
  leave(): Promise<Record<string, unknown>>;
}

function startHolder(dataDir: string): Holder {
  const child = spawn(process.execPath, [PROGRAM, dataDir], { stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    return done === true ? { event: "ended" } : JSON.parse(value);
  };
  return {
    child,
    next,
    leave() {
      child.stdin.write("leave\n");
      return next();
    },
  };
}

async function ask(url: string, statement: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return (await client.query({ text: statement, rowMode: "array" })).rows[0]?.[0];
  } finally {
    await client.end().catch(() => undefined);
  }
}

const dataOf = (dataDir: string) => {
  const pointer = join(dataDir, "pg18.location");
  return existsSync(pointer) ? readFileSync(pointer, "utf8").trim() : join(dataDir, "pg18");
};
const serverOf = (dataDir: string) =>
  Number(readFileSync(join(dataOf(dataDir), "postmaster.pid"), "utf8").split("\n")[0]);
const isRunning = (dataDir: string) => existsSync(join(dataOf(dataDir), "postmaster.pid"));

afterAll(() => {
  if (template !== undefined) rmSync(template, { recursive: true, force: true });
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  for (const folder of folders.splice(0)) {
    if (!existsSync(folder)) continue;
    for (const name of ["", ...readdirSync(folder)]) {
      const dataDir = join(folder, name);
      if (existsSync(join(dataDir, "pg18.lock"))) await stopEmbedded(dataDir, true);
      if (existsSync(join(dataDir, "pg18.location")))
        rmSync(dirname(dataOf(dataDir)), { recursive: true, force: true });
    }
    rmSync(folder, { recursive: true, force: true });
  }
});

test("an empty folder becomes a durable database that sorts by code point, and a second boot finds what was written", async () => {
  const dataDir = newFolder();
  const first = await bootEmbedded({ dataDir });
  expect(first.started).toBe(true);
  expect(await ask(first.url, "show fsync")).toBe("on");
  expect(await ask(first.url, "show synchronous_commit")).toBe("on");
  expect(await ask(first.url, "show listen_addresses")).toBe("");
  expect(await ask(first.url, "select string_agg(c, '' order by c) from unnest(array['b', 'Z', 'a', 'é']) c")).toBe(
    "Zabé",
  );
  expect(await ask(first.url, "select upper('é')")).toBe("É");
  await ask(first.url, "create table kept as select 42 as answer");
  expect(await first.release()).toBe("stopped");
  expect(isRunning(dataDir)).toBe(false);

  const second = await bootEmbedded({ dataDir });
  expect(await ask(second.url, "select answer from kept")).toBe(42);
  expect(await second.release()).toBe("stopped");
});

test("processes of one folder share a server, also under two names, and the last one out stops it", async () => {
  const home = newFolder();
  const dataDir = join(home, "data");
  renameSync(await initialisedFolder(), dataDir);
  symlinkSync(dataDir, join(home, "alias"));
  const [one, two] = [startHolder(dataDir), startHolder(join(home, "alias"))];
  const ready = [await one.next(), await two.next()];
  expect(ready.map(({ started }) => started).sort()).toEqual([false, true]);
  expect(ready[0]?.["url"]).toBe(ready[1]?.["url"]);
  expect(await stopEmbedded(dataDir)).toBe("left running");
  expect(await one.leave()).toEqual({ event: "left", result: "left running" });
  expect(await ask(String(ready[1]?.["url"]), "select 1")).toBe(1);
  expect(await two.leave()).toEqual({ event: "left", result: "stopped" });
  expect(await stopEmbedded(dataDir)).toBe("not running");
});

test("after kill -9 of the only user the next one takes the running server over and stops it", async () => {
  const dataDir = await initialisedFolder();
  const holder = startHolder(dataDir);
  await holder.next();
  const server = serverOf(dataDir);
  holder.child.kill("SIGKILL");
  await once(holder.child, "exit");
  const next = await bootEmbedded({ dataDir });
  expect(next.started).toBe(false);
  expect(serverOf(dataDir)).toBe(server);
  expect(await next.release()).toBe("stopped");
});

test("a server killed with -9 is noticed, and one reboot for all who ask brings back what was committed", async () => {
  const dataDir = await initialisedFolder();
  const lost = Promise.withResolvers<Error>();
  const postgres = await bootEmbedded({ dataDir, onLost: lost.resolve });
  await ask(postgres.url, "create table kept as select 7 as answer");
  const url = postgres.url;
  process.kill(serverOf(dataDir), "SIGKILL");
  expect(isServerGone(await lost.promise)).toBe(true);
  const error = await ask(url, "select 1").catch((reason: unknown) => reason);
  expect(isServerGone(error), String(error)).toBe(true);
  await Promise.all([postgres.reboot(), postgres.reboot()]);
  expect(postgres.url).toBe(url);
  expect(await ask(url, "select answer from kept")).toBe(7);
  expect(await postgres.release()).toBe("stopped");
});

test("a reboot while the server answers leaves it alone, whatever became of one connection", async () => {
  const dataDir = await initialisedFolder();
  let losses = 0;
  const postgres = await bootEmbedded({ dataDir, onLost: () => losses++ });
  const server = serverOf(dataDir);
  const error = await ask(postgres.url, "select pg_terminate_backend(pg_backend_pid())").catch(
    (reason: unknown) => reason,
  );
  expect(isServerGone(error)).toBe(true);
  await postgres.reboot();
  expect({ losses, server: serverOf(dataDir) }).toEqual({ losses: 0, server });
  expect(await postgres.release()).toBe("stopped");
  expect(losses).toBe(0);
});

test("a server whose socket was deleted is replaced", async () => {
  const dataDir = await initialisedFolder();
  const postgres = await bootEmbedded({ dataDir });
  const server = serverOf(dataDir);
  rmSync(join(dataOf(dataDir), ".s.PGSQL.5432"));
  await postgres.reboot();
  expect(serverOf(dataDir)).not.toBe(server);
  expect(await ask(postgres.url, "select 1")).toBe(1);
  await postgres.release();
});

test("a leftover postmaster.pid that names a stranger's live process does not stop the boot", async () => {
  const dataDir = await initialisedFolder();
  await (await bootEmbedded({ dataDir })).release();
  const pidFile = join(dataOf(dataDir), "postmaster.pid");
  writeFileSync(pidFile, `${process.pid}\n${dataOf(dataDir)}\n1\n5432\n${dataOf(dataDir)}\n\n0 0\nready   \n`);
  const postgres = await bootEmbedded({ dataDir });
  expect(postgres.started).toBe(true);
  expect(serverOf(dataDir)).not.toBe(process.pid);
  await postgres.release();
});

test("a half-made cluster is thrown away and made again", async () => {
  const dataDir = newFolder();
  mkdirSync(join(dataDir, "pg18.new-abc"));
  writeFileSync(join(dataDir, "pg18.new-abc", "PG_VERSION"), "18\n");
  await (await bootEmbedded({ dataDir })).release();
  expect(readdirSync(dataDir).filter((name) => name.startsWith("pg18.new-"))).toEqual([]);
});

test("a path too long for a socket gets a private socket folder, which goes with the server", async () => {
  const dataDir = join(newFolder(), "a".repeat(120));
  const postgres = await bootEmbedded({ dataDir });
  const socketFolder = new URL(postgres.url).searchParams.get("host") ?? "";
  expect(socketFolder.startsWith(dataDir)).toBe(false);
  expect(await ask(postgres.url, "select 1")).toBe(1);
  await postgres.release();
  expect(existsSync(socketFolder)).toBe(false);
});

test("a folder that only its owner can enter works, for root as for anybody", async () => {
  const dataDir = join(newFolder(0o700), "inner");
  const first = await bootEmbedded({ dataDir });
  await ask(first.url, "create table kept as select 1 as answer");
  await first.release();
  const second = await bootEmbedded({ dataDir });
  expect(await ask(second.url, "select answer from kept")).toBe(1);
  await second.release();
});

test("processes that come and go all at once never find it closed on them, and leave nothing behind", async () => {
  const dataDir = await initialisedFolder();
  const comeAndGo = async () => {
    const postgres = await bootEmbedded({ dataDir });
    const answer = await ask(postgres.url, "select 1");
    return [answer, await postgres.release()];
  };
  await comeAndGo();
  for (let round = 0; round < 6; round += 1) {
    const processes = [startHolder(dataDir), startHolder(dataDir)].map(async (holder) => {
      const ready = await holder.next();
      return [await ask(String(ready["url"]), "select 1"), (await holder.leave())["result"]];
    });
    const results = await Promise.all([...processes, comeAndGo(), comeAndGo()]);
    expect(results.map(([answer]) => answer)).toEqual([1, 1, 1, 1]);
    expect(results.some(([, result]) => result === "stopped")).toBe(true);
    expect(isRunning(dataDir)).toBe(false);
  }
});

test("a data folder that cannot be made is one clear line", async () => {
  const file = join(newFolder(), "file");
  writeFileSync(file, "");
  await expect(bootEmbedded({ dataDir: join(file, "inner") })).rejects.toThrow(
    /cannot use the folder .*inner .*HOLDPOINT_DATA_DIR/,
  );
});

test("a server that cannot start says why", async () => {
  const dataDir = await initialisedFolder();
  const failed = bootEmbedded({ dataDir, settings: { shared_buffers: "nonsense" } });
  await expect(failed).rejects.toThrow(/did not start .*"shared_buffers"/);
});
