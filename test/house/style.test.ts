import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { ROOT } from "./source.ts";

const run = promisify(execFile);

async function complaints(program: string, ...args: string[]): Promise<string> {
  // The tools start with `#!/usr/bin/env node`, which may find an older one.
  const env = { ...process.env, PATH: `${join(process.execPath, "..")}:${process.env["PATH"]}` };
  try {
    await run(join(ROOT, "node_modules", ".bin", program), args, { cwd: ROOT, env, maxBuffer: 64_000_000 });
    return "";
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    return `${stdout}${stderr}` || String(error);
  }
}

test("the code is formatted and has no lint", async () => {
  expect(await complaints("biome", "check", "--colors=off", "--max-diagnostics=50", ".")).toBe("");
});

test("the types hold", async () => {
  expect(await complaints("tsc", "--noEmit", "--pretty", "false")).toBe("");
  // It runs in a browser, which has other names in it.
  expect(await complaints("tsc", "--noEmit", "--pretty", "false", "-p", "console")).toBe("");
});

test("no hook is registered by loading what test files share, which is loaded once a process", () => {
  const shared = readdirSync(join(ROOT, "test"), { recursive: true, encoding: "utf8" }).filter(
    (name) => name.endsWith(".ts") && !name.endsWith(".test.ts") && name !== join("support", "setup.ts"),
  );
  expect(shared.length).toBeGreaterThan(50);
  const registers = (name: string) =>
    /^(before|after)(Each|All)\(/m.test(readFileSync(join(ROOT, "test", name), "utf8"));
  expect(shared.filter(registers)).toEqual([]);
});
