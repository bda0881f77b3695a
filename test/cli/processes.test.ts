import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { COMPILED } from "../support/caches.ts";
import { openRefundHouse, type RefundHouse } from "../support/refund-house.ts";
import { type Server, startServer } from "../support/server.ts";
import { until } from "../support/until.ts";
import { command, holdpoint } from "./holdpoint.ts";

const MAIN = resolve(import.meta.dirname, "..", "..", "src/cli/main.ts");
const folder = mkdtempSync(join(tmpdir(), "hp-cli-"));
let house: RefundHouse;
beforeAll(async () => {
  house = await openRefundHouse();
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await house?.close();
});

const serve = (more: Partial<Parameters<typeof startServer>[0]> = {}) =>
  startServer({ databaseUrl: house.url, workflows: "test/fixtures/cli", ...more });

/** A command that stays, and what it has written so far. */
function begin(server: Server, ...args: string[]) {
  const env = { PATH: process.env["PATH"], NODE_COMPILE_CACHE: COMPILED, HOLDPOINT_DATA_DIR: server.dataDir };
  const child: ChildProcess = spawn(process.execPath, [MAIN, ...args], { env, stdio: "pipe" });
  let written = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk: Buffer) => (written += chunk));
  const code = new Promise<number | null>((settle) => child.on("close", settle));
  return { child, code, written: () => written };
}

async function waiting(server: Server): Promise<{ run_id: string; review: string }> {
  const { stdout } = await command(["run", "cli-two-actions", "--json"], {
    env: { HOLDPOINT_DATA_DIR: server.dataDir },
  });
  const { run_id, reviews } = JSON.parse(stdout);
  return { run_id, review: reviews[0].id };
}

test("Ctrl-C ends the watching, not the run, and says how to go on", async () => {
  const server = await serve();
  const { run_id } = await waiting(server);
  const watch = begin(server, "runs", "watch", run_id);
  await until("it waits for a person", () => watch.written().includes("waiting for a person"));
  watch.child.kill("SIGINT");
  expect(await watch.code).toBe(130);
  expect(watch.written()).toContain("the run goes on: holdpoint runs watch");
  const list = begin(server, "reviews", "--watch");
  await until("the review is listed", () => list.written().includes("Two at once"));
  list.child.kill("SIGINT");
  expect(await list.code).toBe(130);
  await server.stop();
});

test("whoever waits for an answer outlasts the server: killed, started again, answered, done", async () => {
  const first = await serve();
  const { run_id, review } = await waiting(first);
  const watch = begin(first, "runs", "watch", run_id);
  await until("it waits for a person", () => watch.written().includes("waiting for a person"));
  await first.kill9();
  const second = await serve({ after: first, env: { PORT: new URL(first.url).port } });
  const env = { HOLDPOINT_DATA_DIR: second.dataDir };
  expect(await command(["review", "approve", review, "--yes"], { env })).toMatchObject({ code: 0 });
  expect(await watch.code).toBe(0);
  expect(watch.written()).toMatch(/✓ ask\n\s*done: run/);
  await second.stop();
});

test("a run that is followed while its server is killed is followed to its end on the next one", async () => {
  const first = await serve({ env: { CLI_SLOW_MS: "60000" } });
  const run = begin(first, "run", "cli-slow");
  await until("the node runs", () => run.written().includes("✓ before"));
  await first.kill9();
  await house.leasesRunOut();
  const second = await serve({ after: first, env: { PORT: new URL(first.url).port, CLI_SLOW_MS: "1" } });
  expect(await run.code).toBe(0);
  expect(run.written().match(/✓ \w+/g)).toEqual(["✓ before", "✓ while", "✓ after"]);
  expect(run.written()).toContain("attempt 2: goes on from the last checkpoint");
  expect(run.written()).toMatch(/^done: run/m);
  await second.stop();
});

test("a reader that has seen enough is no failure; what watches ends, what decides is still sent", async () => {
  const server = await serve();
  const { review, run_id } = await waiting(server);
  const unread = async (...args: string[]) => {
    const { child, code } = begin(server, ...args);
    child.stdout?.destroy();
    return await code;
  };
  expect(await unread("reviews", "--status", "all", "--json")).toBe(0);
  expect(await unread("runs", "watch", run_id)).toBe(130);
  expect(await unread("review", "approve", review, "--yes")).toBe(0);
  const { stdout } = await command(["review", "show", review, "--json"], {
    env: { HOLDPOINT_DATA_DIR: server.dataDir },
  });
  expect(JSON.parse(stdout)).toMatchObject({ outcome: "approved" });
  await server.stop();
});

describe("without a server", () => {
  const env = () => ({ HOLDPOINT_DATA_DIR: join(folder, "data"), DATABASE_URL: house.url });

  test("graphs are listed from their files, and a broken one is one line", async () => {
    const workflows = join(folder, "workflows");
    mkdirSync(workflows);
    writeFileSync(
      join(workflows, "broken.ts"),
      'export default "no graph";\nthrow new Error("not today \\u001b[2J");\n',
    );
    const ended = await command(["graphs"], { env: { ...env(), HOLDPOINT_WORKFLOWS_DIR: workflows } });
    expect(ended).toMatchObject({ code: 1, stdout: "" });
    expect(ended.stderr).toMatch(
      /^holdpoint: 1 graph file cannot be loaded:\n {2}workflows\/broken\.ts:2: not today.*\n$/,
    );
    const good = await command(["graphs"], { env: env() });
    expect(good).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^refund-approval\tworkflows\/refund-approval\.ts\tyes\tsha256:/m),
    });
  });

  test("graphs are those of a project where there is one, and its own file says what is wrong with it", async () => {
    const project = join(folder, "project");
    mkdirSync(project);
    const source = readFileSync(join(import.meta.dirname, "../fixtures/in-process/caller.ts"), "utf8");
    writeFileSync(join(project, "asks.mts"), source);
    const graphs = { talker: { path: "./asks.mts:echo", description: "Says it again." }, gone: "./gone.ts:graph" };
    writeFileSync(join(project, "langgraph.json"), JSON.stringify({ graphs }));
    const listed = await command(["graphs", "--json"], { env: { ...env(), HOLDPOINT_PROJECT: project } });
    expect(JSON.parse(listed.stdout)).toMatchObject({
      graphs: [{ graph_id: "talker", path: "asks.mts", description: "Says it again.", guarded: false }],
      errors: [{ path: "gone.ts", message: "graphs.gone in langgraph.json: there is no such file" }],
    });
    expect(listed.code).toBe(1);
    writeFileSync(join(project, "langgraph.json"), '{"graphs": {"a": "../a.ts:a"}}');
    const wrong = await command(["graphs"], { env: { ...env(), HOLDPOINT_PROJECT: project } });
    expect(wrong).toMatchObject({ code: 2, stdout: "" });
    expect(wrong.stderr).toMatch(/langgraph\.json: graphs\.a is .* not inside the project's folder/);
  });

  test("the doctor tells each thing in a line, and a problem with what to do", async () => {
    const well = await command(["doctor"], { env: env() });
    expect(well).toMatchObject({ code: 0, stderr: "" });
    expect(well.stdout.split("\n").map((line) => line.split("\t").slice(0, 2).join(" "))).toEqual([
      "node ok",
      "packages ok",
      "configuration ok",
      "disk ok",
      "database ok",
      "graphs ok",
      "policy ok",
      "server ok",
      "",
    ]);
    const policy = join(folder, "broken-policy.yaml");
    writeFileSync(policy, "rulez: []\n");
    const ill = await command(["doctor", "--json"], {
      env: {
        ...env(),
        DATABASE_URL: "postgresql://nobody:secret@127.0.0.1:1/gone",
        HOLDPOINT_WORKFLOWS_DIR: folder,
        HOLDPOINT_POLICY_FILE: policy,
      },
    });
    expect(ill).toMatchObject({ code: 1, stderr: "holdpoint: 3 problems\n" });
    const found = JSON.parse(ill.stdout) as { check: string; ok: boolean; found: string; advice?: string }[];
    expect(found.filter(({ ok }) => !ok).map(({ check }) => check)).toEqual(["database", "graphs", "policy"]);
    expect(ill.stdout).not.toContain("secret");
  });

  test("a wrong configuration is told to every command, a line for each fault", async () => {
    const wrong = { ...env(), PORT: "http", LOG_LEVEL: "loud" };
    for (const args of [["reviews"], ["start"], ["db", "migrate"], ["login"], ["graphs"]]) {
      const ended = await command(args, { env: wrong });
      expect(ended, args.join(" ")).toMatchObject({ code: 2, stdout: "" });
      expect(ended.stderr.trimEnd().split("\n")).toHaveLength(2);
    }
  });

  test("a database that no waiting brings is one clear line of the start, and its password is in none", async () => {
    const missing = new URL(house.url);
    missing.pathname = "/missing";
    for (const [url, shown] of [
      ["postgresql://me:secret@nowhere.invalid/gone", "postgresql:\\/\\/me@nowhere\\.invalid\\/gone"],
      [missing.href, '.*\\/missing: database "missing" does not exist'],
    ] as const) {
      const ended = await holdpoint(["start"], { HOLDPOINT_DATA_DIR: join(folder, "data"), DATABASE_URL: url });
      expect(ended).toMatchObject({ code: 2, stdout: "" });
      expect(ended.stderr).toMatch(new RegExp(`^holdpoint: cannot connect to ${shown}.*Check DATABASE_URL\\n$`));
    }
  });

  test("migrating says what it did, and a dry run what it would do", async () => {
    expect(await command(["db", "migrate"], { env: env() })).toMatchObject({ code: 0, stdout: "nothing to do\n" });
    expect(await command(["db", "migrate", "--dry-run"], { env: env() })).toMatchObject({
      code: 0,
      stdout: "nothing to do\n",
    });
    expect(await command(["db", "stop"], { env: env() })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("not ours to stop"),
    });
    const own = { HOLDPOINT_DATA_DIR: join(folder, "never") };
    expect(await command(["db", "stop"], { env: own })).toMatchObject({
      code: 0,
      stdout: "the database was not running\n",
    });
  });
});

describe("help", () => {
  const COMMANDS = [
    ["start"],
    ["dev"],
    ["serve"],
    ["work"],
    ["run"],
    ["reviews"],
    ["review", "show"],
    ["review", "approve"],
    ["review", "edit"],
    ["review", "reject"],
    ["review", "respond"],
    ["runs", "list"],
    ["runs", "show"],
    ["runs", "watch"],
    ["runs", "cancel"],
    ["graphs"],
    ["keys", "create"],
    ["keys", "list"],
    ["keys", "revoke"],
    ["whoami"],
    ["login"],
    ["policy", "check"],
    ["doctor"],
    ["db", "stop"],
    ["db", "migrate"],
  ];

  test.each(COMMANDS)("of %s %s is printed and ends with 0", async (...args) => {
    const ended = await command([...args.filter((arg) => arg !== undefined), "--help"], { env: {} });
    expect(ended).toMatchObject({ code: 0, stderr: "", stdout: expect.stringMatching(/^Usage: holdpoint /) });
  });

  test("is what no command at all comes to, and the version is the package's", async () => {
    expect(await holdpoint([], {})).toMatchObject({
      code: 0,
      stderr: "",
      stdout: expect.stringContaining("Exit codes: 0 done"),
    });
    expect((await command(["--version"], { env: {} })).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(await command(["review"], { env: {} })).toMatchObject({ code: 2 });
  });
});
