import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask, keyFor } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { type Server, startServer } from "../support/server.ts";
import { until } from "../support/until.ts";
import { command, type Ended } from "./holdpoint.ts";

const POLICY = {
  defaults: { due: "2d" },
  rules: [
    {
      match: { graph: "review-pay", arguments: [{ at: "/amount", above: 50 }] },
      set: {
        risk: "high",
        candidates: { groups: ["finance"] },
        due: "1h",
        reminders: ["30m"],
        escalations: [{ after: "2h", to: { users: ["rita"] } }],
        ends_after: "1d",
        on_timeout: "reject",
        require_comment: ["approve"],
        reject_options: [
          { code: "no_receipt", title: "No receipt", message: "Ask for the receipt first." },
          { code: "too_late", title: "Too\u202e late" },
        ],
      },
    },
    { match: { graph: "review-pay", arguments: [{ at: "/amount", below: 2 }] }, set: { due: "1s" } },
  ],
};

const folder = mkdtempSync(join(tmpdir(), "hp-reviews-"));
let database: TestDatabase;
let server: Server;
let ana: string;
let small: string;
let late: string;
beforeAll(async () => {
  const policy = join(folder, "policy.yaml");
  writeFileSync(policy, JSON.stringify(POLICY));
  database = await createTestDatabase();
  const env = { HOLDPOINT_POLICY_FILE: policy };
  server = await startServer({ databaseUrl: database.url, workflows: "test/fixtures/cli-review", shared: true, env });
  ana = await keyFor(server.url, "ana");
  small = await paused(10);
  await paused(70);
  late = await paused(1);
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
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

async function paused(amount: number): Promise<string> {
  const { stdout } = await cli("run", "review-pay", "--input", JSON.stringify({ amount }), "--json");
  return JSON.parse(stdout).reviews[0].id;
}

/** The reviews that a list has, by their amounts. */
async function listed(...options: string[]): Promise<number[]> {
  const { code, stdout, stderr } = await as(ana, "reviews", ...options, "--json");
  expect([options, code, stderr]).toEqual([options, 0, ""]);
  return (JSON.parse(stdout) as { actions: { args: { amount: number } }[] }[]).map(
    ({ actions }) => actions[0]?.args.amount ?? 0,
  );
}

describe("a list of reviews", () => {
  test("has those that everything asked for holds of, in the order asked for", async () => {
    await until("the small one is late", async () => (await listed("--overdue")).length === 1);
    const lists: [string[], number[]][] = [
      [[], [10, 70, 1]],
      [
        ["--sort", "newest"],
        [1, 70, 10],
      ],
      [
        ["--sort", "due"],
        [1, 70, 10],
      ],
      [["--overdue"], [1]],
      [["--risk", "high"], [70]],
      [["--group", "finance"], [70]],
      [["--group", "finance", "--overdue"], []],
      [["--my-groups"], []],
      [
        ["--due-before", "2h"],
        [70, 1],
      ],
      [["--due-before", "2001-01-01T00:00Z"], []],
      [["-q", "pAY 7"], [70]],
      [
        ["--graph", "review-pay", "-n", "2"],
        [10, 70],
      ],
      [["--graph", "other"], []],
      [["--status", "closed"], []],
    ];
    for (const [options, amounts] of lists) expect([options, await listed(...options)]).toEqual([options, amounts]);
  });

  test("tells what is in somebody's hands from what is not, and leaves out what is snoozed", async () => {
    await as(ana, "review", "claim", small);
    await cli("review", "assign", late, "ana");
    expect(await listed("--mine")).toEqual([10, 1]);
    expect(await listed("--assignee", "@ana")).toEqual([1]);
    expect(await listed("--unclaimed")).toEqual([70]);
    await as(ana, "review", "snooze", late, "4h");
    expect(await listed()).toEqual([10, 70]);
    expect(await listed("--snoozed")).toEqual([1]);
    expect(await listed("--overdue")).toEqual([1]);
    expect(await listed("--status", "open")).toEqual([10, 70, 1]);
    await as(ana, "review", "ask", small, "-m", "whose?");
    expect(await listed()).toEqual([10, 70]);
    expect(await listed("--status", "info_requested")).toEqual([10]);
    const screen = await command(["reviews"], { env: env(), isScreen: true, columns: 140 });
    const [head, first, second] = screen.stdout.split("\n");
    expect(head).toMatch(/^ID +TITLE +AMOUNT +RISK +GRAPH +WAITING +DUE +WHOSE +STATUS$/);
    expect(first).toMatch(/ Pay 10 +10\.00 +review-pay +\S.* in 1d 23h +ana \(claimed\) +info_requested$/);
    expect(second).toMatch(/ Pay 70 +70\.00 +high +review-pay +\S.* in \d+m.* +open$/);
    const narrow = await command(["reviews"], { env: env(), isScreen: true, columns: 70 });
    expect(narrow.stdout).not.toContain("GRAPH");
    const lines = (await cli("reviews")).stdout.split("\n").slice(0, -1);
    expect(lines.map((line) => line.split("\t").slice(6))).toEqual([
      ["info_requested", "", "", "ana"],
      ["open", "high", "", ""],
    ]);
    await as(ana, "review", "answer", small, "-m", "hers");
    await as(ana, "review", "release", small);
  });

  test("says that nothing is like that, and refuses what is no filter", async () => {
    const none = await command(["reviews", "--group", "nobody"], { env: env(), isScreen: true });
    expect(none).toMatchObject({ code: 0, stdout: "no reviews are like that\n" });
    for (const options of [
      ["--risk", "huge"],
      ["--sort", "colour"],
      ["--due-before", "soon"],
    ])
      expect(await cli("reviews", ...options)).toMatchObject({ code: 2, stdout: "" });
  });
});

describe("one review", () => {
  test("says who may decide, until when, what happens otherwise, and which reasons there are", async () => {
    const id = await paused(80);
    const { stdout } = await cli("review", "show", id);
    for (const words of [
      /^ {2}risk +high$/m,
      /^ {2}may decide +group finance$/m,
      /^ {2}comment +needed to approve$/m,
      /^ {2}due +in \d+m.* \(\d{4}-\d\d-\d\d \d\d:\d\d\)$/m,
      /^ {2}While nobody decides:\n.* {2}those who are asked are reminded\n.* {2}asked too: rita\n.* {2}it is rejected\n/m,
      /^ {2}Reasons to reject \(--reason\):\n {4}no_receipt {2}No receipt\n {4}too_late {2}Too\\u202e late\n/m,
    ])
      expect(stdout).toMatch(words);
    expect(stdout).not.toMatch(/^ {2}(turn|in hand|assigned to|snoozed) /m);
    expect((await cli("review", "show", id, "--diff")).stdout).toMatch(/^there is nothing to compare it with/);
    expect(JSON.parse((await cli("review", "show", id, "--raw")).stdout)).toMatchObject({ title: "Pay 80" });
  });

  test("says who has it, and what was said about it", async () => {
    const id = await paused(10);
    await as(ana, "review", "claim", id);
    await as(ana, "review", "assign", id, "ana");
    await as(ana, "review", "snooze", id, "4h");
    await as(ana, "review", "comment", id, "-m", "first \u001b[31mline\n  risk  low");
    await as(ana, "review", "ask", id, "-m", "whose is it?", "--to", "local-owner");
    await cli("review", "answer", id, "-m", "hers");
    const { stdout } = await cli("review", "show", id);
    expect(stdout).toMatch(
      /^ {2}may decide +whoever may decide reviews\n {2}assigned to +ana\n {2}in hand +claimed by ana until .*\n {2}snoozed +until /m,
    );
    expect(stdout).toMatch(
      /^ {2}Said about it:\n.* ana:\n +│ first \\x1b\[31mline\n +│ {3}risk {2}low\n.* ana asks local-owner:\n +│ whose is it\?\n.* local-owner answers:\n +│ hers\n/m,
    );
  });

  test("shows what the graph changed since it was sent back, and what a person changed", async () => {
    const { stdout } = await cli("run", "review-revising", "--json");
    const { thread_id, reviews } = JSON.parse(stdout);
    await cli("review", "ask", reviews[0].id, "-m", "another lamp", "--to", "agent", "--yes");
    const of = async () => (await ask(server.url, `/reviews?thread_id=${thread_id}&status=open`)).body;
    await until("it asks again", async () => (await of()).length === 1);
    const [{ id }] = await of();
    const again = await cli("review", "show", id);
    expect(again.stdout).toMatch(/^ {2}turn +2: sent back 1 time, 3 at most$/m);
    const revised = `changed since review ${reviews[0].id.slice(0, 7)}\n  0. pay\n    amount: 10 → 8.5\n    note:\n      removed  for the [-blue-] lamp\n      added    for the [+red+] lamp\n`;
    expect((await cli("review", "show", id, "--diff")).stdout.split("\n").sort()).toEqual(revised.split("\n").sort());
    await cli("review", "edit", id, "--set", "amount=8", "--yes");
    const both = await cli("review", "show", id, "--diff");
    expect(both.stdout).toContain("changed by the decision\n  0. pay\n    amount: 8.5 → 8\n");
    expect(both.stdout).toContain("amount: 10 → 8.5");
  });
});
