import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openRefundHouse, type RefundHouse } from "../support/refund-house.ts";
import { type Server, startServer } from "../support/server.ts";
import { command, type Ended } from "./holdpoint.ts";

let house: RefundHouse;
let server: Server;
const folder = mkdtempSync(join(tmpdir(), "hp-cli-"));
const file = (name: string, content: string | Buffer) => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};
beforeAll(async () => {
  house = await openRefundHouse();
  server = await startServer({ databaseUrl: house.url, workflows: "test/fixtures/cli", shared: true });
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await server?.stop();
  await house?.close();
});

const env = () => ({ HOLDPOINT_DATA_DIR: server.dataDir });
const cli = (...args: string[]): Promise<Ended> => command(args, { env: env() });
const unknown = "00000000-0000-4000-8000-000000000000";

const DECIDING = [
  ["review", "show"],
  ["review", "approve", "--yes"],
  ["review", "reject", "-m", "no", "--yes"],
  ["review", "edit", "--set", "a=1", "--yes"],
  ["review", "respond", "-m", "yes", "--yes"],
  ["review", "claim"],
  ["review", "ask", "-m", "why?"],
  ["review", "retry", "--yes"],
  ["runs", "show"],
  ["runs", "watch"],
  ["runs", "cancel", "--yes"],
  ["keys", "revoke", "--yes"],
];

describe.each(DECIDING)("%s %s", (noun, verb, ...options) => {
  const give = (id: string) => cli(noun as string, verb as string, id, ...options);

  test("an id that names nothing ends with 1, as it is or shortened", async () => {
    for (const id of [unknown, "0000", "ffff…"]) {
      expect(await give(id)).toMatchObject({
        code: 1,
        stdout: "",
        stderr: expect.stringMatching(/^holdpoint: .*(not found|begins with)/),
      });
    }
  });

  test("what cannot be an id ends with 2", async () => {
    for (const id of ["abc", "zzzz", "", "../keys", "0000\u001b[2J", "0".repeat(50), "\ud800\ud800"]) {
      const ended = await give(id);
      expect(ended, JSON.stringify(id)).toMatchObject({ code: 2, stdout: "" });
      expect(ended.stderr).not.toMatch(/\u001b/);
    }
  });

  test("no id at all ends with 2 and says so", async () => {
    expect(await cli(noun as string, verb as string, ...options)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("missing required argument"),
    });
  });
});

describe("run", () => {
  test.each<[string, () => string[], number, string]>([
    ["a graph there is not", () => ["nothing", "--input", "{}"], 1, "nothing"],
    ["a file there is not", () => ["refund-approval", "--input", "gone.json"], 2, "there is no file gone.json"],
    ["a folder", () => ["refund-approval", "--input", folder], 2, "is a folder"],
    ["JSON that is cut off", () => ["refund-approval", "--input", '{"email": '], 2, "is not JSON"],
    [
      "a file that is not JSON",
      () => ["refund-approval", "--input", file("a.txt", "hello \u001b[2J")],
      2,
      "is not JSON",
    ],
    ["an empty file", () => ["refund-approval", "--input", file("b.json", "")], 2, "it is empty"],
    [
      "bytes that are no text",
      () => ["refund-approval", "--input", file("c.json", Buffer.from([0x22, 0xff, 0x22]))],
      2,
      "not UTF-8",
    ],
    ["a raw NUL", () => ["refund-approval", "--input", file("d.json", '{"email": "\0"}')], 2, "is not JSON"],
    ["a file name with a NUL", () => ["refund-approval", "--input", "a\0b"], 2, "is no file name"],
    ["nothing piped in", () => ["refund-approval", "--input", "-"], 2, "it is empty"],
    ["input of another shape", () => ["refund-approval", "--input", "{}"], 5, "email"],
    ["input that is no object", () => ["refund-approval", "--input", "5"], 5, "input"],
    ["null without a thread", () => ["refund-approval", "--input", "null"], 2, "--thread"],
    ["a thread that is no id", () => ["refund-approval", "--thread", "mine"], 2, "UUID"],
    ["an empty graph", () => [" ", "--input", "{}"], 2, "name a graph"],
    ["no graph", () => [], 2, "missing required argument"],
    ["an option there is not", () => ["refund-approval", "--now"], 2, "unknown option"],
    [
      "a body that is too large",
      () => ["cli-question", "--input", file("e.json", JSON.stringify({ log: ["x".repeat(5_000_000)] }))],
      5,
      "larger than",
    ],
  ])("of %s is refused with one clear line", async (_what, args, code, message) => {
    for (const more of [[], ["--detach"]]) {
      const ended = await cli("run", ...args(), ...more);
      expect(ended).toMatchObject({ code, stdout: "", stderr: expect.stringContaining(message) });
      expect(ended.stderr).not.toMatch(/\n {4}at |\u001b/);
    }
  });

  test("takes a NUL and halves of characters where JSON can write them", async () => {
    const ended = await cli("run", "cli-question", "--input", '{"log": ["\\u0000 \\ud83d"]}', "--json");
    expect(ended.code).toBe(0);
    const { run_id } = JSON.parse(ended.stdout);
    await cli("runs", "cancel", run_id, "--yes");
  });
});

describe("lists", () => {
  test.each([
    [["reviews", "--status", "done"], "choices are"],
    [["reviews", "--limit", "0"], "whole number from 1"],
    [["reviews", "--limit", "ten"], "whole number from 1"],
    [["reviews", "everything"], "choices are"],
    [["runs", "list", "--status", "waiting"], "choices are"],
    [["runs", "everything"], "too many arguments"],
    [["keys", "create"], "--name"],
    [["keys", "create", "--name", "x", "--kind", "system"], "choices are"],
    [["keys", "create", "--name", "x", "-p", "everything"], "choices are"],
    [["keys", "create", "--name", "東京"], "--principal"],
    [["nothing"], "unknown command"],
    [["review", "nothing"], "unknown command"],
  ])("%j ends with 2", async (args, message) => {
    expect(await cli(...args)).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining(message) });
  });

  test("a field that is not there is refused with those that are", async () => {
    const { stdout } = await cli("run", "cli-question", "--json");
    const { run_id } = JSON.parse(stdout);
    expect(await cli("reviews", "--json", "id,tilte")).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/no field "tilte"; there is: .*title/),
    });
    expect(JSON.parse((await cli("reviews", "--json", "title, id")).stdout)).toEqual([
      { title: expect.any(String), id: expect.any(String) },
    ]);
    await cli("runs", "cancel", run_id, "--yes");
    expect(await cli("reviews")).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(await command(["reviews"], { env: env(), isScreen: true })).toMatchObject({
      stdout: "nothing waits for a person\n",
    });
  });
});

describe("the server", () => {
  const elsewhere = (name: string, files: Record<string, string>, more: Record<string, string> = {}) => {
    const dir = join(folder, name);
    mkdirSync(dir);
    for (const [file_, content] of Object.entries(files)) writeFileSync(join(dir, file_), content);
    return command(["reviews"], { env: { HOLDPOINT_DATA_DIR: dir, ...more } });
  };

  test("that is down is told with its address, where that is from, and what to do", async () => {
    const ended = await elsewhere("down", { "server.json": '{"url": "http://127.0.0.1:1"}' });
    expect(ended).toMatchObject({ code: 1, stdout: "" });
    expect(ended.stderr).toMatch(
      /^holdpoint: cannot reach http:\/\/127\.0\.0\.1:1 \(from .*server\.json\): .*npm start.*\n$/,
    );
  });

  test.each([
    ["damaged", "{"],
    ["of another form", "[]"],
    ["with a strange address", '{"url": "file:///etc/passwd"}'],
  ])("whose file is %s is told so", async (name, content) => {
    expect(await elsewhere(`file-${name.replaceAll(" ", "-")}`, { "server.json": content })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("is damaged"),
    });
  });

  test("that refuses the key is told with what to set", async () => {
    const ended = await command(["reviews"], { env: { ...env(), HOLDPOINT_API_KEY: "hp_wrong" } });
    expect(ended).toMatchObject({ code: 4, stderr: expect.stringContaining("Set HOLDPOINT_API_KEY") });
    const running = await command(["run", "cli-question"], { env: { ...env(), HOLDPOINT_API_KEY: "hp_wrong" } });
    expect(running).toMatchObject({ code: 4, stderr: expect.stringContaining("API key") });
  });

  test("of a wrong configuration is not even asked", async () => {
    expect(await command(["reviews"], { env: { ...env(), PORT: "many" } })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("PORT"),
    });
    expect(await command(["start", "--port", "many"], { env: env() })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("PORT"),
    });
  });

  describe("that is another program", () => {
    let other: HttpServer;
    let url: string;
    const keys: (string | undefined)[] = [];
    beforeAll(async () => {
      other = createServer((request, response) => {
        keys.push(request.headers["x-api-key"] as string | undefined);
        if (request.url?.startsWith("/reviews")) response.writeHead(302, { location: "http://127.0.0.1:1/" }).end();
        else response.end("<html>\u001b[2Jhello</html>");
      });
      await new Promise<void>((listening) => other.listen(0, "127.0.0.1", listening));
      url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    });
    afterAll(() => void other.close());

    test("is told apart, and redirects are not followed", async () => {
      expect(
        await command(["whoami"], { env: { HOLDPOINT_DATA_DIR: folder, HOLDPOINT_SERVER_URL: url } }),
      ).toMatchObject({ code: 1, stderr: expect.stringContaining("did not answer like a Holdpoint server") });
      expect(
        await command(["reviews"], { env: { HOLDPOINT_DATA_DIR: folder, HOLDPOINT_SERVER_URL: url } }),
      ).toMatchObject({ code: 1, stderr: expect.stringContaining("cannot reach") });
    });

    test("is not sent the key of this installation when it is on another machine", async () => {
      const { findServer } = await import("../../src/cli/connection.ts");
      const found = (serverUrl: string) => findServer({ serverUrl, apiKey: undefined, dataDir: server.dataDir }).apiKey;
      expect(found("https://holdpoint.example")).toBeUndefined();
      expect(found("http://127.0.0.1.evil.example")).toBeUndefined();
      expect(found("http://127.0.0.1:8123")).toBe(readFileSync(join(server.dataDir, "cli.key"), "utf8").trim());
    });
  });
});
