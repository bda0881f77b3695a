import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { keyFor } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { type Server, startServer } from "../support/server.ts";
import { command, type Ended } from "./holdpoint.ts";

let database: TestDatabase;
let server: Server;
let ana: string;
let ben: string;
let rita: string;
beforeAll(async () => {
  database = await createTestDatabase();
  server = await startServer({ databaseUrl: database.url, workflows: "test/fixtures/cli-review", shared: true });
  [ana, ben, rita] = await Promise.all([
    keyFor(server.url, "ana"),
    keyFor(server.url, "ben"),
    keyFor(server.url, "rita", ["review:read"]),
  ]);
});
afterAll(async () => {
  const exit = await server?.stop();
  await database?.drop();
  expect(exit).toEqual({ code: 0, signal: null });
});

const env = (key?: string): Record<string, string> => ({
  HOLDPOINT_DATA_DIR: server.dataDir,
  ...(key === undefined ? {} : { HOLDPOINT_API_KEY: key }),
});
const cli = (...args: string[]): Promise<Ended> => command(args, { env: env() });
const as = (key: string, ...args: string[]): Promise<Ended> => command(args, { env: env(key) });
const show = async (id: string) => JSON.parse((await cli("review", "show", id, "--json")).stdout);

async function paused(graph = "review-pay"): Promise<{ id: string; run_id: string }> {
  const { stdout } = await cli("run", graph, "--json");
  const { run_id, reviews } = JSON.parse(stdout);
  return { id: reviews[0].id, run_id };
}

describe("a review in hand", () => {
  test("is claimed, is nobody else's to decide, and is let go of", async () => {
    const { id } = await paused();
    const claimed = await as(ana, "review", "claim", id.slice(0, 13));
    expect(claimed).toMatchObject({ code: 0, stderr: "" });
    expect(claimed.stdout).toMatch(/^claimed: review [0-9a-f]+ until \d{4}-\d\d-\d\d \d\d:\d\d\n$/);
    for (const args of [
      ["claim", id],
      ["approve", id, "--yes"],
    ]) {
      const refused = await as(ben, "review", ...args);
      expect(refused, args.join(" ")).toMatchObject({
        code: 3,
        stderr: expect.stringMatching(/^holdpoint: .*ana.*\n$/),
      });
    }
    expect(await as(ana, "review", "release", id)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^released: /),
    });
    expect(await as(ben, "review", "approve", id, "--yes")).toMatchObject({ code: 0 });
    expect(await as(ana, "review", "claim", id)).toMatchObject({ code: 3, stderr: expect.stringContaining("ben") });
  });

  test("is handed on by whoever has it, and put out of sight for a while", async () => {
    const { id } = await paused();
    expect(await as(ana, "review", "assign", id, "@ana")).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^assigned to ana: /),
    });
    expect(await as(ben, "review", "assign", id, "ben")).toMatchObject({ code: 4 });
    expect(await as(ana, "review", "delegate", id, "ben")).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^assigned to ben: /),
    });
    expect(await as(ana, "review", "delegate", id, "ana")).toMatchObject({ code: 4 });
    const snoozed = await as(ben, "review", "snooze", id, "2d", "--json");
    expect(snoozed.code).toBe(0);
    expect(JSON.parse(snoozed.stdout)).toMatchObject({ id, assignee: "ben", snoozed_until: expect.any(String) });
    expect((await as(ben, "review", "snooze", id, "2033-01-01T01:00+01:00")).stdout).toMatch(/^snoozed: .* until 20/);
    expect((await show(id)).snoozed_until).toBe("2033-01-01T00:00:00.000Z");
    expect(await as(ben, "review", "unsnooze", id)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^back in/),
    });
    expect(await as(ben, "review", "assign", id, "--nobody")).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^assigned to nobody: /),
    });
    expect(await show(id)).toMatchObject({ assignee: null, snoozed_until: null });
  });
});

test("a review is escalated by a person, who is told who is asked now", async () => {
  const { id } = await paused();
  const told = await as(ana, "review", "escalate", id, "-m", "the customer waits", "--to", "@ben");
  expect(told).toMatchObject({
    code: 0,
    stderr: "",
    stdout: expect.stringMatching(/^escalated: review .* is told to ben\n$/),
  });
  const further = await as(ana, "review", "escalate", id, "-m", "still");
  expect(further.stdout).toMatch(/is told to those who administer reviews; the policy names nobody further\n$/);
  expect(await as(rita, "review", "escalate", id, "-m", "still")).toMatchObject({ code: 4, stdout: "" });
  const { stdout } = await as(ana, "review", "escalate", id, "-m", "once more", "--json");
  expect(JSON.parse(stdout).escalation).toMatchObject({ level: null, names_nobody: true });
});

describe("what is said about a review", () => {
  test("is a question to a person, its answer, and comments", async () => {
    const { id } = await paused();
    expect(await as(ana, "review", "comment", id, "-m", "she called \u001b[31mtwice")).toMatchObject({ code: 0 });
    expect(await as(rita, "review", "comment", id, "-m", "hm")).toMatchObject({ code: 4 });
    expect(await as(ana, "review", "ask", id, "-m", "her account?", "--to", "@rita")).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^asked rita: review [0-9a-f]+ waits for it\n$/),
    });
    expect((await show(id)).status).toBe("info_requested");
    expect(await as(rita, "review", "answer", id, "-m", "it is")).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^answered: /),
    });
    expect(await as(rita, "review", "answer", id, "-m", "it is")).toMatchObject({
      code: 3,
      stderr: expect.stringContaining("nobody waits for an answer"),
    });
    expect((await as(ana, "review", "ask", id, "-m", "who knows?")).stdout).toMatch(/^asked whoever knows: /);
    const { stdout } = await cli("review", "show", id, "--history");
    expect(stdout).toMatch(/commented by ana\n +text +she called \\x1b\[31mtwice\n/);
  });

  test("goes back to the graph only as a decision: shown, asked, and given to it", async () => {
    const { id, run_id } = await paused();
    const args = ["review", "ask", id, "-m", "without the fee", "--to", "agent"];
    expect(await cli(...args)).toMatchObject({ code: 5, stderr: expect.stringContaining("add --yes") });
    const no = await command(args, { env: env(), answers: ["n"] });
    expect(no).toMatchObject({ code: 1, stderr: "holdpoint: nothing was sent\n" });
    expect(no.stdout).toMatch(/If approved: [\s\S]*You send it back to the graph: without the fee\n\nSend it back\?/);
    expect((await show(id)).status).toBe("open");
    expect(await command(args, { env: env(), answers: ["y"] })).toMatchObject({ code: 0, stderr: "" });
    const { stdout } = await cli("runs", "watch", run_id, "--json");
    expect(JSON.parse(stdout).values.log).toEqual([expect.stringContaining("without the fee")]);
    expect(await as(ben, ...args, "--yes")).toMatchObject({ code: 3 });
  });
});

describe("an answer that did not arrive", () => {
  test("is carried out again, once it is asked for", async () => {
    const { id, run_id } = await paused("review-failing");
    const early = await cli("review", "retry", id, "--yes");
    expect(early).toMatchObject({ code: 3, stderr: expect.stringContaining("is open") });
    await cli("review", "approve", id, "--yes");
    await cli("runs", "watch", run_id, "--json");
    expect(await show(id)).toMatchObject({ status: "resume_failed" });
    expect(await cli("review", "retry", id)).toMatchObject({ code: 5, stderr: expect.stringContaining("--yes") });
    const again = await command(["review", "retry", id, "--json"], { env: env(), answers: ["y"] });
    expect(again).toMatchObject({ code: 0, stderr: expect.stringContaining("is resume_failed") });
    expect(again.stdout).toMatch(/^Carry its answer out again\? \[y\/N\] y\n/);
    const carried = JSON.parse(again.stdout.slice(again.stdout.indexOf("\n"))).run_id as string;
    const { stdout } = await cli("runs", "watch", carried, "--json");
    expect(JSON.parse(stdout)).toMatchObject({ outcome: "done", values: { log: [expect.anything(), "paid"] } });
  });

  test("is asked again only where it does not fit any more", async () => {
    const { id } = await paused();
    expect(await cli("review", "reask", id)).toMatchObject({ code: 5, stderr: expect.stringContaining("--yes") });
    expect(await cli("review", "reask", id, "--yes", "--json")).toMatchObject({
      code: 3,
      stdout: "",
      stderr: expect.stringContaining("asked again are stale reviews"),
    });
  });
});

test("a command line that says too little, or nonsense, ends with 2 and sends nothing", async () => {
  const { id } = await paused();
  const wrong: [string[], string][] = [
    [["assign", id], "--nobody"],
    [["assign", id, "ana", "--nobody"], "--nobody"],
    [["delegate", id], "person"],
    [["snooze", id], "until"],
    [["snooze", id, "tomorrow"], '"tomorrow" is no moment'],
    [["snooze", id, "2033-01-01T01:00"], "is no moment"],
    [["snooze", id, "2033-13-01T01:00Z"], "is no moment"],
    [["snooze", id, "\u001b[2J"], "\\x1b[2J"],
    [["comment", id], "--message"],
    [["escalate", id], "--message"],
    [["escalate", id, "-m", " "], "say why"],
    [["comment", id, "-m", " "], "say something"],
    [["answer", id, "-m", ""], "say something"],
    [["ask", id, "-m", "\n"], "what you want to know"],
  ];
  for (const [args, words] of wrong) {
    const ended = await cli("review", ...args);
    expect([args, ended.code, ended.stdout]).toEqual([args, 2, ""]);
    expect(ended.stderr).toContain(words);
  }
  for (const [args, code] of [
    [["snooze", id, "2001-01-01T00:00Z"], 5],
    [["assign", id, "nobody-here"], 5],
    [["escalate", id, "-m", "late", "--to", "nobody-here"], 5],
    [["ask", id, "-m", "?", "--to", "nobody-here"], 5],
  ] as const)
    expect([args, (await cli("review", ...args)).code]).toEqual([args, code]);
  expect(await show(id)).toMatchObject({ status: "open", version: 1, assignee: null, snoozed_until: null });
});

test("each command says what it does and shows an example", async () => {
  for (const verb of [
    "claim",
    "release",
    "assign",
    "delegate",
    "snooze",
    "escalate",
    "unsnooze",
    "comment",
    "answer",
    "ask",
    "retry",
    "reask",
  ]) {
    const { code, stdout } = await cli("review", verb, "--help");
    expect([verb, code]).toEqual([verb, 0]);
    expect(stdout).toContain(`\n  $ holdpoint review ${verb} 7f3a`);
  }
});
