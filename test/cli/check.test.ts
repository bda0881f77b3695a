import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CheckResult } from "../../src/cli/check-waiting.ts";
import type { ReviewTask } from "../../src/protocol/review.ts";
import { deploy, openScene, PLAIN, REVIEWED, startWaiting, type Version } from "../redeploy/scene.ts";
import { createProject } from "../support/project-folder.ts";
import { createWorkflowFolder, type WorkflowFolder } from "../support/workflow-folder.ts";
import { command, type Ended } from "./holdpoint.ts";

openScene();

// More than are listed, and than are kept while they are counted.
const MANY = 2_500 * Number(process.env["HOLDPOINT_TEST_SCALE"] ?? 1);
const FILES = { "pay.ts": REVIEWED, "plain.ts": PLAIN };
const folders: WorkflowFolder[] = [];
let data: string;
let version: Version;
let reviewed: ReviewTask;
let plain: ReviewTask;

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), "hp-check-"));
  version = await deploy(FILES);
  reviewed = await startWaiting(version, "pay");
  plain = await startWaiting(version, "plain");
});
afterAll(async () => {
  await Promise.all(folders.map((folder) => folder.drop()));
  await rm(data, { recursive: true, force: true });
});

async function check(files: Record<string, string>, options: string[] = [], isScreen = false): Promise<Ended> {
  const folder = await createWorkflowFolder(files);
  folders.push(folder);
  return await run([folder.directory, ...options], {}, isScreen);
}

const run = (args: string[], env: Record<string, string> = {}, isScreen = false) =>
  command(["check", ...args], {
    env: { DATABASE_URL: version.house.url, HOLDPOINT_DATA_DIR: data, ...env },
    isScreen,
    columns: 200,
  });

const told = (ended: Ended) => JSON.parse(ended.stdout) as CheckResult & { errors: string[] };

describe("check", () => {
  test("compares with the graphs of a project, by its folder or by its file", async () => {
    const graphs = { pay: "./pay.ts", plain: "./plain.ts" };
    const { directory } = await createProject({ ...FILES, "langgraph.json": { graphs } });
    for (const given of [directory, join(directory, "langgraph.json")]) {
      const ended = await run([given, "--json"]);
      expect(ended).toMatchObject({ code: 0, stderr: "" });
      expect(told(ended)).toMatchObject({ checked: 2, would_break: 0, errors: [] });
    }
    await writeFile(join(directory, "langgraph.json"), JSON.stringify({ graphs: { pay: graphs.pay } }));
    expect(told(await run([directory, "--json"]))).toMatchObject({ checked: 2, would_break: 1 });
  });

  test("ends with 0 where nothing would break, and says which graphs ask plainly", async () => {
    const ended = await check(FILES, ["--json"]);
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(told(ended)).toMatchObject({
      checked: 2,
      would_break: 0,
      breaks: [],
      errors: [],
      graphs: [
        { graph_id: "pay", waiting: 1, fine: 1, would_break: 0, waits_plainly: false, pauses_plainly: false },
        { graph_id: "plain", waiting: 1, fine: 1, would_break: 0, waits_plainly: true, pauses_plainly: true },
      ],
    });
  });

  test("takes a comment for no change", async () => {
    const commented = { "pay.ts": `// why\n${REVIEWED}`, "plain.ts": `// why\n${PLAIN}` };
    expect(await check(commented)).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  test("names what would break and why, ends with 1, and counts what is fine", async () => {
    const next = {
      "pay.ts": REVIEWED.replaceAll('"propose"', '"begin"'),
      "plain.ts": PLAIN.replace('interrupt("refund?")', 'interrupt("more?") && interrupt("refund?")'),
    };
    const ended = await check(next, ["--json"]);
    expect(ended).toMatchObject({ code: 1, stderr: "holdpoint: 1 of 2 waiting questions would break\n" });
    const { breaks, graphs } = told(ended);
    expect(breaks).toEqual([
      {
        thread_id: plain.thread_id,
        review_id: plain.id,
        graph_id: "plain",
        node: "ask",
        title: plain.title,
        waiting_since: plain.opened_at,
        why: expect.stringMatching(/plain interrupt\(\) in node "ask"/),
      },
    ]);
    expect(graphs.map(({ fine, would_break }) => [fine, would_break])).toEqual([
      [1, 0],
      [0, 1],
    ]);
  });

  test("says what a server with that code says when the answer comes", async () => {
    const next = {
      ...FILES,
      "pay.ts": REVIEWED.replaceAll('"pay", END]', '"payout", END]')
        .replaceAll('("pay", pay)', '("payout", pay)')
        .replaceAll('Edge("pay"', 'Edge("payout"')
        .replace(': "pay")', ': "payout")'),
    };
    const [found] = told(await check(next, ["--json"])).breaks;
    expect(found?.why).toMatch(/after "ask" the graph now goes to .*"payout"/);
    const answer = await (await deploy(next)).decide(reviewed, { type: "approve" });
    expect(answer.body.message).toBe(`this does not fit the graph any more: ${found?.why}`);
  });

  test("prints a table on a screen and lines for programs", async () => {
    const next = { ...FILES, "pay.ts": REVIEWED.replaceAll('"ask"', '"confirm"') };
    const screen = await check(next, [], true);
    expect(screen.stdout).toMatch(/^THREAD +REVIEW +GRAPH +NODE +WAITS +TITLE +WHY\n/);
    expect(screen.stdout).toMatch(/pay +1 +0 +1 +none seen in its files/);
    expect(screen.stdout).toMatch(/plain +1 +1 +0 +yes, one waits/);
    const { stdout } = await check(next);
    expect(stdout.split("\n")).toHaveLength(2);
    const why = 'node "ask", which asked, is gone';
    expect(stdout.trimEnd().split("\t")).toEqual([
      reviewed.thread_id,
      reviewed.id,
      "pay",
      "ask",
      reviewed.opened_at,
      "Pay?",
      why,
    ]);
  });

  test("counts as broken what waits for a graph that is not there or does not load", async () => {
    const ended = await check({ "plain.ts": PLAIN.replace("const State", "const State = ;") }, ["--json"]);
    expect(ended.code).toBe(1);
    const { breaks, graphs, errors } = told(ended);
    expect(Object.fromEntries(breaks.map(({ graph_id, why }) => [graph_id, why]))).toEqual({
      pay: "no file here has this graph",
      plain: expect.stringMatching(/^it is not loaded: workflows\/plain\.ts:\d+: syntax error/),
    });
    expect(graphs.map(({ pauses_plainly }) => pauses_plainly)).toEqual([null, null]);
    expect(errors).toHaveLength(1);
  });

  test.each<[string, string, RegExp]>([
    [
      "a factory that throws",
      'export default function pay() { throw new Error("no \\u001b[2J config"); }',
      /^it cannot be compared: no .*config/,
    ],
    ["a factory that makes no graph", "export default () => 5;", /^it cannot be compared: .*instead of a graph/],
    ["a file that ends the process when it is loaded", 'throw new Error("boom");', /^it is not loaded/],
    ["a file with a byte order mark and no text", "\ufeff", /^it is not loaded/],
  ])("goes on past %s", async (_what, source, why) => {
    const ended = await check({ "pay.ts": source, "plain.ts": PLAIN }, ["--json"]);
    expect(ended.code).toBe(1);
    expect(ended.stdout + ended.stderr).not.toMatch(/\u001b/);
    const { breaks, graphs } = told(ended);
    expect(breaks).toMatchObject([{ graph_id: "pay", why: expect.stringMatching(why) }]);
    expect(graphs.find(({ graph_id }) => graph_id === "plain")).toMatchObject({ fine: 1 });
  });
});

describe("check with bad input ends with 2 and says what to do", () => {
  test.each<[string, () => string[], Record<string, string>, RegExp]>([
    ["a folder there is not", () => [join(data, "gone")], {}, /there is no folder/],
    ["a file", () => [join(data, "file.ts")], {}, /is a file: give the folder/],
    ["an empty name", () => [""], {}, /is no folder/],
    ["a name that no folder has", () => ["a\0b"], {}, /is no folder/],
    ["two folders", () => [".", "."], {}, /too many arguments/],
    [
      "no database",
      () => ["workflows"],
      { DATABASE_URL: "" },
      /there is no database in .*; start here once|there is no database in/,
    ],
    [
      "a database that does not answer",
      () => ["workflows"],
      { DATABASE_URL: "postgres://127.0.0.1:1/none" },
      /no connection to Postgres/,
    ],
  ])("%s", async (_what, args, env, message) => {
    await writeFile(join(data, "file.ts"), "");
    const ended = await run(args(), env);
    expect(ended).toMatchObject({ code: 2, stdout: "", stderr: expect.stringMatching(message) });
  });

  test("a database of another version", async () => {
    const other = new URL(version.house.url);
    other.pathname = "/postgres";
    const ended = await run(["workflows"], { DATABASE_URL: other.href });
    expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining("holdpoint db migrate") });
  });
});

describe("check on a database in use", () => {
  test("only reads: it works for a role that may do nothing else", async () => {
    const { pool } = version.house.database;
    const role = `reader_${new URL(version.house.url).pathname.slice(1)}`;
    await pool.query(`create role ${role} login`);
    await pool.query(`grant usage on schema holdpoint to ${role}`);
    await pool.query(`grant select on all tables in schema holdpoint to ${role}`);
    const url = new URL(version.house.url);
    url.username = role;
    try {
      const folder = await createWorkflowFolder({ ...FILES, "pay.ts": `${REVIEWED}\nexport const later = 1;` });
      folders.push(folder);
      expect(await run([folder.directory, "--json"], { DATABASE_URL: url.href })).toMatchObject({
        code: 0,
        stderr: "",
      });
    } finally {
      await pool.query(`drop owned by ${role}`);
      await pool.query(`drop role ${role}`);
    }
  });

  test("reads thousands of waiting questions page by page, and lists those that have waited longest", async () => {
    const { pool } = version.house.database;
    await pool.query(
      `insert into holdpoint.review
       select (jsonb_populate_record(v, jsonb_build_object('id', gen_random_uuid(), 'thread_id', gen_random_uuid(),
         'opened_at', v.opened_at - n * interval '1 minute'))).*
       from holdpoint.review v, generate_series(1, $2::int) n where v.id = $1`,
      [reviewed.id, MANY],
    );
    try {
      expect(told(await check(FILES, ["--json"]))).toMatchObject({ checked: MANY + 2, would_break: 0, breaks: [] });
      const ended = await check({ ...FILES, "pay.ts": REVIEWED.replaceAll('"ask"', '"confirm"') }, ["--json"]);
      expect(ended.code).toBe(1);
      const { checked, would_break, breaks } = told(ended);
      expect([checked, would_break, breaks.length]).toEqual([MANY + 2, MANY + 1, 1_000]);
      const since = breaks.map(({ waiting_since }) => waiting_since);
      expect(since).toEqual(since.toSorted());
      expect(Date.parse(reviewed.opened_at) - Date.parse(since[0] ?? "")).toBe(MANY * 60_000);
    } finally {
      await pool.query("delete from holdpoint.review where status = 'open' and id <> all($1::uuid[])", [
        [reviewed.id, plain.id],
      ]);
    }
  }, 120_000);
});
