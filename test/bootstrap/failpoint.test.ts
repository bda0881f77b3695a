import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), "hp-failpoint-"));
const marker = join(folder, "marker");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const FAILPOINT = join(import.meta.dirname, "..", "..", "src", "failpoint.ts");
const program = join(folder, "program.ts");
writeFileSync(
  program,
  `import { allowFailpoints, failpoint } from ${JSON.stringify(FAILPOINT)};
   if (process.argv[2] !== undefined) allowFailpoints(process.argv[2]);
   for (let turn = 1; turn <= 3; turn += 1) { console.log(turn); failpoint("effect.intent_written"); failpoint("other"); }\n`,
);
const TEST_DATABASE = "postgresql://localhost/x_test";

async function turns(
  env: Record<string, string>,
  url = TEST_DATABASE,
): Promise<{ said: string; signal?: string; marker: string }> {
  writeFileSync(marker, "");
  const environment = { PATH: process.env["PATH"], HOLDPOINT_FAILPOINT_FILE: marker, ...env };
  const ended = await run(process.execPath, [program, url], { env: environment }).catch((error) => error);
  return {
    said: ended.stdout.trim().replaceAll("\n", " "),
    signal: ended.signal,
    marker: readFileSync(marker, "utf8"),
  };
}

test("the failpoint that is named kills the process, and its name was written before", async () => {
  const ended = await turns({ HOLDPOINT_TEST: "1", HOLDPOINT_FAILPOINT: "effect.intent_written" });
  expect(ended).toEqual({ said: "1", signal: "SIGKILL", marker: "effect.intent_written\n" });
});

test("with a count it is the n-th time", async () => {
  const ended = await turns({ HOLDPOINT_TEST: "1", HOLDPOINT_FAILPOINT: "effect.intent_written:3" });
  expect(ended).toEqual({ said: "1 2 3", signal: "SIGKILL", marker: "effect.intent_written\n" });
});

test.each([
  ["outside tests", { HOLDPOINT_FAILPOINT: "other" }, TEST_DATABASE],
  [
    "on a database that is not a test's",
    { HOLDPOINT_TEST: "1", HOLDPOINT_FAILPOINT: "other" },
    "postgresql://localhost/production",
  ],
  ["under another name", { HOLDPOINT_TEST: "1", HOLDPOINT_FAILPOINT: "another" }, TEST_DATABASE],
  [
    "without a file for its marker",
    { HOLDPOINT_TEST: "1", HOLDPOINT_FAILPOINT: "other", HOLDPOINT_FAILPOINT_FILE: "" },
    TEST_DATABASE,
  ],
] as [string, Record<string, string>, string][])("%s it does nothing", async (_where, env, url) => {
  expect(await turns(env, url)).toEqual({ said: "1 2 3", signal: undefined, marker: "" });
});
