import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { type Server, startServer } from "../support/server.ts";
import { command, type Ended } from "./holdpoint.ts";

const POLICY = {
  rules: [
    {
      match: { graph: "review-pay" },
      set: {
        require_comment: ["reject"],
        reject_options: [
          { code: "no_receipt", title: "No receipt", message: "Ask for the receipt first." },
          { code: "too_late", title: "Too\u202e late" },
        ],
      },
    },
  ],
};

const folder = mkdtempSync(join(tmpdir(), "hp-edit-"));
const seen = join(folder, "seen.json");
let database: TestDatabase;
let server: Server;
beforeAll(async () => {
  const policy = join(folder, "policy.yaml");
  writeFileSync(policy, JSON.stringify(POLICY));
  database = await createTestDatabase();
  const env = { HOLDPOINT_POLICY_FILE: policy };
  server = await startServer({ databaseUrl: database.url, workflows: "test/fixtures/cli-review", shared: true, env });
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  const exit = await server?.stop();
  await database?.drop();
  expect(exit).toEqual({ code: 0, signal: null });
});

const env = () => ({ HOLDPOINT_DATA_DIR: server.dataDir });
const cli = (...args: string[]): Promise<Ended> => command(args, { env: env() });
const show = async (id: string) => JSON.parse((await cli("review", "show", id, "--json")).stdout);

async function paused(): Promise<{ id: string; run_id: string }> {
  const { stdout } = await cli("run", "review-pay", "--json");
  const { run_id, reviews } = JSON.parse(stdout);
  return { id: reviews[0].id, run_id };
}

async function logOf(run_id: string): Promise<unknown> {
  const { stdout } = await cli("runs", "watch", run_id, "--json");
  return JSON.parse(JSON.parse(stdout).values.log[0]);
}

interface Opened {
  path: string;
  text: string;
  file: number;
  folder: number;
}

/** What each opening of the editor found. */
function openings(): Opened[] {
  return JSON.parse(readFileSync(seen, "utf8"));
}

/** Edits at a terminal, with an editor that replaces one text by another, a pair for each time it is opened. */
async function editing(id: string, turns: [string, string][], answers: string[] = [], ending = 0): Promise<Ended> {
  const script = join(folder, "editor.mjs");
  writeFileSync(seen, "[]");
  writeFileSync(
    script,
    `import { readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
const path = process.argv.at(-1);
const seen = JSON.parse(readFileSync(${JSON.stringify(seen)}, "utf8"));
const text = readFileSync(path, "utf8");
const [from, to] = ${JSON.stringify(turns)}[seen.length] ?? ["", ""];
seen.push({ path, text, file: statSync(path).mode & 0o777, folder: statSync(dirname(path)).mode & 0o777 });
writeFileSync(${JSON.stringify(seen)}, JSON.stringify(seen));
writeFileSync(path, text.replace(from, to));
process.exitCode = ${ending};
`,
  );
  const VISUAL = `'${process.execPath}' '${script}' --wait`;
  const ended = await command(["review", "edit", id], { env: { ...env(), VISUAL, EDITOR: "false" }, answers });
  for (const { path, file, folder: around } of openings()) {
    expect([file, around]).toEqual([0o600, 0o700]);
    expect(() => readdirSync(join(path, ".."))).toThrow("ENOENT");
  }
  return ended;
}

describe("editing by hand", () => {
  test("opens the arguments in the person's editor, shows what was changed word by word, and asks again", async () => {
    const { id, run_id } = await paused();
    const no = await editing(id, [["blue", "red"]], ["n"]);
    expect(no).toMatchObject({ code: 1, stderr: "holdpoint: nothing was sent\n" });
    const yes = await editing(id, [["blue", "red"]], ["y"]);
    expect(yes).toMatchObject({ code: 0, stderr: "" });
    expect(yes.stdout).toContain(
      "You change:\n  note:\n    removed  for the [-blue-] lamp\n    added    for the [+red+] lamp\n\nApprove with these changes? [y/N] y\n",
    );
    expect(openings()).toMatchObject([
      { text: expect.stringMatching(/^\/\/ The arguments of pay\.[^{]*\n\{\n {2}"amount": 10,/) },
    ]);
    expect(await logOf(run_id)).toMatchObject({ type: "edit", args: { amount: 10, note: "for the red lamp" } });
    expect(await editing(id, [])).toMatchObject({ code: 3, stderr: expect.stringContaining("nothing to edit") });
    expect(openings()).toEqual([]);
  });

  test("opens it again with the fault named, until the schema takes it", async () => {
    const { id } = await paused();
    const turns: [string, string][] = [
      ["10,", "1000,"],
      ["1000,", "10.5"],
      ["10.5", "10.5,"],
    ];
    expect(await editing(id, turns, ["y"])).toMatchObject({ code: 0 });
    const [first, second, third] = openings();
    expect(first?.text).not.toContain("must be");
    expect(second?.text).toMatch(/^\/\/ this cannot be decided so: amount: must be <= 100\n\{\n {2}"amount": 1000,/m);
    expect(third?.text).toMatch(/^\/\/ this is not JSON: .*\n\{\n {2}"amount": 10\.5\n/m);
    expect((await show(id)).decision.decisions).toMatchObject([{ args: { amount: 10.5 } }]);
  });

  test("sends nothing when nothing was changed, a fault was left, or the editor failed", async () => {
    const { id } = await paused();
    expect(await editing(id, [])).toMatchObject({
      code: 1,
      stderr: "holdpoint: nothing was changed: nothing was sent\n",
    });
    const left = await editing(id, [["10,", "1000,"]]);
    expect(left).toMatchObject({ code: 5, stderr: expect.stringMatching(/amount: must be <= 100\nit was left so/) });
    expect(openings()).toHaveLength(2);
    expect(await editing(id, [["10,", "12,"]], [], 3)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("ended with 3: nothing was sent"),
    });
    expect(await show(id)).toMatchObject({ status: "open", version: 1 });
  });
});

describe("rejecting for a reason", () => {
  test("gives the graph the reason's words, or the person's own, and keeps the reason", async () => {
    for (const [options, message] of [
      [["--reason", "no_receipt"], "Ask for the receipt first."],
      [["--reason", "too_late"], "Too\u202e late"],
      [["--reason", "too_late", "-m", "sorry"], "sorry"],
    ] as const) {
      const { id, run_id } = await paused();
      const rejected = await cli("review", "reject", id, ...options, "--yes");
      expect([options, rejected.code, rejected.stderr]).toEqual([options, 0, ""]);
      expect(rejected.stdout).toContain(`You reject it (${options[1]}): `);
      expect(rejected.stdout).not.toContain("\u202e");
      expect(await logOf(run_id)).toMatchObject({ type: "reject", message });
      expect((await show(id)).decision).toMatchObject({ reason_code: options[1] });
      expect((await cli("review", "show", id)).stdout).toMatch(new RegExp(`^ {4}reason: ${options[1]}$`, "m"));
    }
  });

  test("names the reasons there are when it is none of them", async () => {
    const { id } = await paused();
    expect(await cli("review", "reject", id, "--reason", "why\u001b[2J", "--yes")).toMatchObject({
      code: 5,
      stderr: 'holdpoint: "why\\x1b[2J" is none of this review\'s reasons: no_receipt, too_late\n',
    });
    expect(await cli("review", "reject", id, "--reason", "too_late", "-m", " ", "--yes")).toMatchObject({ code: 2 });
    expect(await show(id)).toMatchObject({ status: "open" });
  });
});
