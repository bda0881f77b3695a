import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, expect, test } from "vitest";
import { startModelServer } from "../../src/testing/model-server.ts";
import { command } from "../cli/holdpoint.ts";
import { COMPILED } from "../support/caches.ts";

const folder = mkdtempSync(join(tmpdir(), "hp-mock-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string, content: string) => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};
const refused = (...args: string[]) => command(["mock-model", ...args], { env: {} });

test("it says where it is, prints a line for each request, and Ctrl-C ends it", async () => {
  const script = file("script.json", JSON.stringify({ steps: [{ text: "Hello." }] }));
  const args = ["src/cli/main.ts", "mock-model", "--port", "0", "--script", script, "--fault", "429:every=2", "--json"];
  const env = { PATH: process.env["PATH"], NODE_COMPILE_CACHE: COMPILED };
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  const ended = once(child, "exit");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => JSON.parse((await lines.next()).value ?? "null");
  const started = await next();
  expect(started).toEqual({
    url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/v1$/),
    variables: { OPENAI_BASE_URL: started.url, OPENAI_API_KEY: "mock" },
    steps: 1,
  });
  const ask = async (content: string) => {
    const body = JSON.stringify({ model: "m", messages: [{ role: "user", content }] });
    return (await fetch(`${started.url}/chat/completions`, { method: "POST", body })).status;
  };
  expect([await ask("one\u001b[2J"), await ask("two")]).toEqual([200, 429]);
  expect(await next()).toMatchObject({
    path: "/v1/chat/completions",
    model: "m",
    status: 200,
    what: "text",
    streams: false,
  });
  expect(await next()).toMatchObject({ status: 429, what: "error (fault)", question: "two" });
  child.kill("SIGINT");
  expect(await ended).toEqual([0, null]);
});

test.each<[string[], RegExp]>([
  [["--port", "70000"], /--port 70000 is no port/],
  [["--port", "-1"], /--port -1 is no port/],
  [["--host", "0.0.0.0"], /--host 0\.0\.0\.0 lets other machines ask it.*--allow-remote/],
  [["--host", "192.168.0.1"], /lets other machines/],
  [["--host", "example.com"], /lets other machines/],
  [["--latency", "soon"], /--latency soon is no time/],
  [["--latency", "2h"], /--latency 2h is no time/],
  [["--latency", "99999s"], /is no time/],
  [["--fault", "sometimes"], /the fault "sometimes" begins with "sometimes"/],
  [["--fault", "500", "--fault", "429:every=0"], /has every=0/],
  [["--script", "/nowhere/script.json"], /script\.json cannot be read \(ENOENT\)/],
  [["--script", "/"], /cannot be read \(EISDIR\)/],
])("%j ends with 2 and one line", async (args, why) => {
  expect(await refused(...args)).toMatchObject({ code: 2, stdout: "", stderr: expect.stringMatching(why) });
});

test.each<[string, string, RegExp]>([
  ["empty", "", /is no JSON/],
  ["cut", '[{"text": "x"', /is no JSON/],
  ["not a list", '{"text": "x"}', /the script at \/steps has to be a list/],
  ["a number", "5", /has to be a list/],
  ["a wrong step", '[{"text": "x"}, {"status": 20}]', /the script at \/1\/status is 20/],
  ["a hostile member", '[{"\\u001b[2J": 1}]', /the script at \/0\/.* is no member of a step/],
  ["deep", `${"[".repeat(20_000)}${"]".repeat(20_000)}`, /the script at \/0 /],
])("a script that is %s is refused, with its place", async (name, content, why) => {
  const ended = await refused("--script", file(`${name}.json`, content));
  expect(ended).toMatchObject({ code: 2, stdout: "", stderr: expect.stringMatching(why) });
  expect(ended.stderr).not.toContain("\u001b");
});

test("a port that is taken is said to be", async () => {
  const other = await startModelServer();
  const ended = await refused("--port", String(other.port));
  expect(ended).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/127\.0\.0\.1:\d+ is taken; give another port/),
  });
  await other.close();
});
