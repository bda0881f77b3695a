import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { keyFor } from "../support/client.ts";
import { openRefundHouse, type RefundHouse } from "../support/refund-house.ts";
import { type Server, startServer } from "../support/server.ts";
import { command, type Ended, type InProcess } from "./holdpoint.ts";

let house: RefundHouse;
let server: Server;
const folder = mkdtempSync(join(tmpdir(), "hp-cli-"));
beforeAll(async () => {
  house = await openRefundHouse();
  server = await startServer({ databaseUrl: house.url, workflows: "test/fixtures/cli", shared: true });
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  const exit = await server?.stop();
  await house?.close();
  expect(exit).toEqual({ code: 0, signal: null });
});

const env = () => ({ HOLDPOINT_DATA_DIR: server.dataDir });
const cli = (...args: string[]): Promise<Ended> => command(args, { env: env() });
const typing = (args: string[], ...answers: string[]): Promise<Ended> => command(args, { env: env(), answers });
const as = (key: string, ...args: string[]): Promise<Ended> =>
  command(args, { env: { ...env(), HOLDPOINT_API_KEY: key } });

interface Asked {
  run_id: string;
  thread_id: string;
  review: string;
}

async function ask(graph: string, input = "{}"): Promise<Asked> {
  const { stdout } = await cli("run", graph, "--input", input, "--json");
  const { run_id, thread_id, reviews } = JSON.parse(stdout);
  return { run_id, thread_id, review: reviews[0].id };
}

async function outcomeOf(run_id: string) {
  const { stdout } = await cli("runs", "watch", run_id, "--json");
  return JSON.parse(stdout) as { outcome: string; values: Record<string, unknown> };
}

const partial = "examples/refund-partial.json";

describe("at a terminal", () => {
  test("nothing is sent before a person has said yes to what is printed", async () => {
    const { review, run_id } = await ask("refund-approval", "examples/refund-ambiguous.json");
    for (const answer of ["n", "", "no", "maybe"]) {
      const refused = await typing(["review", "approve", review], answer);
      expect(refused).toMatchObject({ code: 1, stderr: "holdpoint: nothing was sent\n" });
      expect(refused.stdout).toMatch(/If approved: .*\n[\s\S]*amount[\s\S]*\nApprove\? \[y\/N\] /);
    }
    expect((await cli("reviews", "--json", "id,status")).stdout).toContain(review);
    const approved = await typing(["review", "approve", review.slice(0, 8)], "y");
    expect(approved).toMatchObject({ code: 0, stdout: expect.stringContaining("approved: review") });
    expect(await outcomeOf(run_id)).toMatchObject({ outcome: "done", values: { outcome: "paid" } });
  });

  test("lists are tables with headings and short ids", async () => {
    const { review, run_id } = await ask("cli-two-actions");
    const reviews = await command(["reviews"], { env: env(), isScreen: true });
    expect(reviews.stdout.split("\n")[0]).toMatch(/^ID +TITLE +AMOUNT +GRAPH +WAITING +DUE$/);
    expect(reviews.stdout).toMatch(
      new RegExp(`^${review.slice(0, 7)}.* Two at once +1\\.00 +cli-two-actions +\\d+s +in 2d 23h$`, "m"),
    );
    const runs = await command(["runs"], { env: env(), isScreen: true });
    expect(runs.stdout).toMatch(
      new RegExp(`^${run_id.slice(0, 7)}\\S* +cli-two-actions +waiting +review ${review.slice(0, 7)}`, "m"),
    );
    await cli("runs", "cancel", run_id, "--yes");
  });
});

test("which rules of a policy file are about a review can be asked", async () => {
  const policy = join(folder, "policy.yaml");
  writeFileSync(
    policy,
    'rules:\n  - { name: all, match: { graph: "cli-*" }, set: { due: 1h } }\n  - { match: { graph: other }, set: { due: 1h } }\n',
  );
  const { review, run_id } = await ask("cli-two-actions");
  const { code, stdout } = await cli("policy", "check", policy, "--explain", review.slice(0, 8));
  expect(code).toBe(0);
  expect(stdout).toMatch(/^0\t\S+\trule 1 \(all\)\n1\t\S+\trule 1 \(all\)\n$/);
  writeFileSync(policy, "rules: []\n");
  const none = await cli("policy", "check", policy, "--explain", review, "--json");
  expect(JSON.parse(none.stdout)).toMatchObject([
    { action: 0, rules: [] },
    { action: 1, rules: [] },
  ]);
  await cli("runs", "cancel", run_id, "--yes");
});

describe("editing", () => {
  test("shows the difference, keeps to the schema and is paid as edited", async () => {
    const { review, run_id } = await ask("refund-approval", partial);
    const edited = await typing(["review", "edit", review, "--set", "amount=4.35", "-m", "half"], "y");
    expect(edited).toMatchObject({ code: 0, stderr: "" });
    expect(edited.stdout).toContain("You change:\n  amount: 9.95 → 4.35\n");
    expect(await outcomeOf(run_id)).toMatchObject({ outcome: "done", values: { outcome: "paid" } });
    expect(await house.refunds(299)).toMatchObject([{ amount: "4.35" }]);
    const history = await cli("review", "show", review, "--history");
    expect(history.stdout).toMatch(
      /decided by local-owner[\s\S]*comment +half[\s\S]*The chain of this history is intact\./,
    );
  });

  test("refuses before sending what the schema or the review does not allow", async () => {
    const { review, run_id } = await ask("refund-approval", partial);
    const file = join(folder, "args.json");
    writeFileSync(file, JSON.stringify({ amount: 1 }));
    const refused: [string[], string][] = [
      [["--set", "amount=1000"], "must be <="],
      [["--set", "amount=-1"], "must be >="],
      [["--set", "amount=0.001"], "must be multiple of"],
      [["--set", "amount=many"], "is not of type number"],
      [["--set", "amout=1"], 'there is no argument "amout"'],
      [["--set", "invoice_id=1"], "may not be changed"],
      [["--set", "amount=9.95"], "changes nothing"],
      [["--file", file], "must have required property"],
    ];
    for (const [options, message] of refused) {
      const ended = await cli("review", "edit", review, "--yes", ...options);
      expect(ended, options.join(" ")).toMatchObject({ code: 5, stderr: expect.stringContaining(message) });
    }
    expect(await cli("review", "edit", review, "--yes")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("say what to change"),
    });
    expect((await cli("review", "show", review, "--json")).stdout).toContain('"status": "open"');
    await cli("runs", "cancel", run_id, "--yes");
  });
});

describe("a review of several actions", () => {
  test("is approved as a whole, or one by one with the rest named", async () => {
    const whole = await ask("cli-two-actions");
    expect(await cli("review", "approve", whole.review, "--yes")).toMatchObject({ code: 0 });
    expect((await outcomeOf(whole.run_id)).values["log"]).toEqual(['approve {"amount":1}', 'approve {"amount":2}']);

    const split = await ask("cli-two-actions");
    const unsaid = await cli("review", "edit", split.review, "--set", "amount=5", "--yes");
    expect(unsaid).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("say which with --action: 0 (first), 1 (second)"),
    });
    const alone = await cli("review", "edit", split.review, "--action", "1", "--set", "amount=5", "--yes");
    expect(alone).toMatchObject({ code: 5, stderr: expect.stringContaining("--rest approve or --rest reject") });
    expect(
      await cli("review", "edit", split.review, "--action", "1", "--set", "amount=5", "--rest", "reject", "--yes"),
    ).toMatchObject({ code: 0 });
    expect((await outcomeOf(split.run_id)).values["log"]).toEqual(['reject ""', 'edit {"amount":5}']);
  });
});

test("a question is answered with words or with a value, which the graph is given as it is", async () => {
  const words = await ask("cli-question");
  expect(await cli("review", "approve", words.review, "--yes")).toMatchObject({
    code: 5,
    stderr: expect.stringContaining("allowed: respond"),
  });
  expect(await cli("review", "respond", words.review, "-m", "the second", "--yes")).toMatchObject({ code: 0 });
  expect((await outcomeOf(words.run_id)).values["log"]).toEqual(['"the second"']);
  const value = await ask("cli-question");
  expect(
    await command(["review", "respond", value.review, "--value", "-", "--yes"], { env: env(), input: '{"street": 2}' }),
  ).toMatchObject({ code: 0 });
  expect((await outcomeOf(value.run_id)).values["log"]).toEqual(['{"street":2}']);
});

test("a rejection gives its reason to the graph", async () => {
  const { review, run_id } = await ask("refund-approval", "examples/refund-first-of-two.json");
  expect(await cli("review", "reject", review, "--yes")).toMatchObject({ code: 2 });
  expect(await cli("review", "reject", review, "-m", " ", "--yes")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("say why"),
  });
  expect(await cli("review", "reject", review, "-m", "paid back in cash", "--yes")).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("rejected: review"),
  });
  const { values } = await outcomeOf(run_id);
  expect(values["answer"]).toContain("The reason: paid back in cash");
});

describe("model text", () => {
  // Line feeds are ours; whatever else controls, reorders or hides is the model's.
  const dangerous =
    /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069\u{e0000}-\u{e007f}]/u;

  test("reaches no terminal as anything but visible text, whichever command shows it", async () => {
    const { review, run_id } = await ask("cli-hostile");
    const failed = await cli("run", "cli-failing");
    expect(failed).toMatchObject({ code: 1, stdout: expect.stringContaining("no luck\\x1b[2J") });
    const how: InProcess[] = [{ env: env() }, { env: env(), isScreen: true, columns: 60 }];
    const shows = [
      ["reviews"],
      ["reviews", "--json"],
      ["review", "show", review],
      ["review", "show", review, "--json"],
      ["review", "show", review, "--raw"],
      ["review", "show", review, "--history"],
      ["runs", "list"],
      ["runs", "show", run_id],
      ["runs", "watch", run_id, "--no-wait"],
      ["review", "reject", review, "-m", "\u001b[31mno\u202e", "--json"],
    ];
    for (const one of how) {
      for (const args of shows) {
        const { stdout, stderr } = await command(args, one);
        expect(stdout.replaceAll("\t", "").match(dangerous), args.join(" ")).toBeNull();
        expect(stderr.match(dangerous), args.join(" ")).toBeNull();
      }
    }
    const { stdout } = await command(["review", "show", review], { env: env(), isScreen: true });
    expect(stdout).toContain("! its texts hold hidden or control characters");
    // Neither a description nor an argument of several lines can pass for a line of ours.
    expect(stdout).toMatch(/^ {2}│ Approve\? \[y\/N\] y$/m);
    expect(stdout).toMatch(/^ +│ +amount +1\.00$/m);
    expect(stdout).toContain("your bank (https://evil.example/)");
    await cli("runs", "cancel", run_id, "--yes");
  });

  test("as JSON is the same value that the API gives", async () => {
    const { review, run_id } = await ask("cli-hostile");
    const { stdout } = await cli("review", "show", review, "--json");
    const given = await (await fetch(`${server.url}/reviews/${review}`)).json();
    expect(JSON.parse(stdout)).toEqual(given);
    await cli("runs", "cancel", run_id, "--yes");
  });
});

describe("two people at one review", () => {
  test("one decides, the other is told who did, with the exit code of a conflict", async () => {
    const { review, run_id } = await ask("refund-approval", partial);
    const [ada, ben] = await Promise.all([keyFor(server.url, "ada"), keyFor(server.url, "ben")]);
    const both = await Promise.all([
      as(ada, "review", "approve", review, "--yes"),
      as(ben, "review", "reject", review, "-m", "no", "--yes"),
    ]);
    expect(both.map(({ code }) => code).sort()).toEqual([0, 3]);
    expect(both.find(({ code }) => code === 3)?.stderr).toMatch(/^holdpoint: (ada|ben) decided this at /);
    expect((await outcomeOf(run_id)).outcome).toBe("done");
  });

  test("what was shown and what stands now differ: the exit code says look again", async () => {
    const { review, run_id, thread_id } = await ask("cli-two-actions");
    await cli("run", "cli-two-actions", "--thread", thread_id);
    const late = await cli("review", "approve", review, "--yes");
    expect(late).toMatchObject({ code: 6, stderr: expect.stringContaining("superseded") });
    expect((await cli("runs", "watch", run_id, "--no-wait")).code).toBe(6);
  });
});

describe("cancelling", () => {
  test("takes a question back", async () => {
    const { review, run_id } = await ask("cli-two-actions");
    expect(await cli("runs", "cancel", run_id)).toMatchObject({
      code: 5,
      stdout: expect.stringContaining(`takes back review ${review.slice(0, 7)}`),
    });
    expect(await cli("runs", "cancel", run_id, "--yes")).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("cancelled: run"),
    });
    expect(await cli("review", "approve", review, "--yes")).toMatchObject({
      code: 3,
      stderr: expect.stringContaining("cancelled"),
    });
    expect(await cli("runs", "cancel", run_id, "--yes")).toMatchObject({
      code: 3,
      stderr: expect.stringContaining("has ended already"),
    });
  });

  test("stops a run that is under way, and whoever follows it is told", async () => {
    const { stdout } = await cli("run", "cli-endless", "--detach", "--json");
    const { run_id } = JSON.parse(stdout);
    const watching = cli("runs", "watch", run_id);
    expect(await cli("runs", "cancel", run_id, "--yes")).toMatchObject({ code: 0 });
    expect(await watching).toMatchObject({ code: 1, stdout: expect.stringMatching(/^cancelled: run/m) });
  });
});
