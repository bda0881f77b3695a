import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { keyFor } from "../support/client.ts";
import { type MailReceiver, openMailReceiver } from "../support/mail-receiver.ts";
import { isSignedWith, openReceiver, type Receiver } from "../support/receiver.ts";
import { openRefundHouse, type RefundHouse } from "../support/refund-house.ts";
import { type Server, startServer } from "../support/server.ts";
import { until } from "../support/until.ts";
import { command, type InProcess } from "./holdpoint.ts";

const SECRET = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const folder = mkdtempSync(join(tmpdir(), "hp-audit-"));

let house: RefundHouse;
let server: Server;
let receiver: Receiver;
let post: MailReceiver;
let paid: string;
beforeAll(async () => {
  receiver = await openReceiver();
  post = await openMailReceiver();
  house = await openRefundHouse();
  const notify = { webhooks: [receiver.url("/refunds")], mail: ["ana@example.com"] };
  const policy = join(folder, "policy.yaml");
  writeFileSync(policy, JSON.stringify({ rules: [{ match: { graph: "refund-approval" }, set: { notify } }] }));
  const env = {
    HOLDPOINT_POLICY_FILE: policy,
    HOLDPOINT_REVIEW_WEBHOOKS: `${receiver.url("/all")},${receiver.url("/refunds")}`,
    HOLDPOINT_WEBHOOK_ALLOW: "127.0.0.1",
    HOLDPOINT_SMTP_URL: `smtp://127.0.0.1:${post.server.port}`,
    HOLDPOINT_MAIL_FROM: "Holdpoint <holdpoint@example.com>",
  };
  server = await startServer({ databaseUrl: house.url, workflows: "test/fixtures/cli", shared: true, env });
  paid = await reviewOf("refund-approval", "examples/refund-partial.json");
  const key = ["--set", "amount=4.35", "-m", "half \u001b[31mof it"];
  expect(await cli(["review", "edit", paid, "--yes", ...key])).toMatchObject({ code: 0 });
  await cli(["runs", "watch", (await history(paid)).ran[0]?.run_id ?? "", "--json"]);
  await reviewOf("cli-two-actions");
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  const exit = await server?.stop();
  await receiver?.close();
  await post?.close();
  await house?.close();
  expect(exit).toEqual({ code: 0, signal: null });
});

const cli = (args: string[], how: Partial<InProcess> = {}) =>
  command(args, { ...how, env: { HOLDPOINT_DATA_DIR: server.dataDir, ...how.env } });
const history = async (id: string) =>
  JSON.parse((await cli(["review", "show", id, "--history", "--json"])).stdout) as {
    ran: { run_id: string; status: string; effects: Record<string, unknown>[] }[];
    decisions: Record<string, unknown>[];
    shown: Record<string, unknown>;
    chain: Record<string, unknown>;
  };

async function reviewOf(graph: string, input = "{}"): Promise<string> {
  const { stdout } = await cli(["run", graph, "--input", input, "--json"]);
  return JSON.parse(stdout).reviews[0].id;
}

/** Changes something as only the owner of the database can, looks, and puts it back. */
async function changed<Result>(text: string, back: string, look: () => Promise<Result>): Promise<Result> {
  const trusted = (statement: string) =>
    house.pool.query(`set session_replication_role = replica; ${statement}; set session_replication_role = origin`);
  await trusted(text);
  try {
    return await look();
  } finally {
    await trusted(back);
  }
}

describe("everything about a review", () => {
  test("is on one page: what was shown, by which right it was decided, how it was changed, what was done with which receipt", async () => {
    const all = await history(paid);
    expect(all.decisions).toMatchObject([
      {
        principal_id: "local-owner",
        binding: "digest",
        held: expect.arrayContaining(["review:decide"]),
        overrides: [],
        diff: [{ op: "replace", value: 4.35 }],
      },
    ]);
    expect(all.shown).toMatchObject({
      request_digest: expect.stringMatching(/^sha256:/),
      graph_fingerprint: expect.anything(),
    });
    expect(all.ran).toMatchObject([
      {
        status: "success",
        effects: [{ status: "receipt", args: expect.objectContaining({ amount: 4.35 }), result: expect.anything() }],
      },
    ]);
    expect(all.chain).toMatchObject({ state: "intact", fault: null, head: expect.stringMatching(/^[0-9a-f]{64}$/) });
    const { stdout } = await cli(["review", "show", paid, "--history"]);
    for (const words of [
      /\bopened by local-owner\n/,
      /decided by local-owner\n +decision +approved with changes: .*4\.35.*\n +changed +replace \/0\/amount: 4\.35\n +held +.*review:decide/,
      /comment +half \\x1b\[31mof it\n/,
      /carried out by run [0-9a-f]+, which ended success\n +\S+ +receipt .*\n +arguments +.*4\.35.*\n +receipt +\{/,
      /The chain of this history is intact\. It has \d+ and ends with [0-9a-f]{64}\.\n$/,
    ])
      expect(stdout).toMatch(words);
    expect(stdout).not.toContain("\u001b");
  });

  test("leaves out what effects were given and gave for who may read reviews alone, and says so", async () => {
    const read = async (who: string, right: "review:read" | "audit:read" | "runs:read") => {
      const key = await keyFor(server.url, who, ["review:read", right]);
      const shown = async (...more: string[]) =>
        (await cli(["review", "show", paid, "--history", ...more], { env: { HOLDPOINT_API_KEY: key } })).stdout;
      const { redacted, ran, chain } = JSON.parse(await shown("--json"));
      return { redacted, effect: ran[0].effects[0], chain, page: await shown() };
    };
    const { redacted, effect, chain, page } = await read("only-reviews", "review:read");
    expect(redacted).toBe(true);
    expect(effect).toMatchObject({ name: "chinook.refund", status: "receipt", effect_id: expect.any(String) });
    expect(Object.keys(effect)).not.toEqual(expect.arrayContaining(["args"]));
    expect(Object.keys(effect)).not.toEqual(expect.arrayContaining(["result"]));
    expect(chain).toMatchObject({ state: "intact" });
    expect(page).toMatch(/\n +arguments +for who holds runs:read or audit:read\n/);
    for (const right of ["runs:read", "audit:read"] as const) {
      const { redacted, effect } = await read(right.replace(":", "-"), right);
      expect(redacted).toBe(false);
      expect(effect).toMatchObject({ args: { amount: 4.35 }, result: expect.anything() });
    }
  });

  test("says so when the record of it does not hold", async () => {
    const set = (to: string) =>
      `update holdpoint.audit set principal_id = '${to}' where review_id = '${paid}' and kind = 'decided'`;
    const { stdout } = await changed(set("user:eve"), set("local-owner"), () =>
      cli(["review", "show", paid, "--history"]),
    );
    expect(stdout).toMatch(/! The chain of this history is broken: entry \d+, hash: /);
  });
});

test("a server tells what happens to a review as its policy and its own settings say, with a link to itself", async () => {
  const types = (path: string, id: string) =>
    receiver
      .at(path)
      .filter(({ body }) => (body["data"] as { review_id: string }).review_id === id)
      .map(({ body }) => body["type"])
      .sort();
  await until("both have it", () => types("/refunds", paid).length === 2 && types("/all", paid).length === 2);
  // Named twice, told once.
  expect(types("/refunds", paid)).toEqual(["review.decided", "review.opened"]);
  await until("the mail is there", () => post.mails.length > 0);
  expect(post.mails).toMatchObject([{ to: "ana@example.com", headers: { from: "Holdpoint <holdpoint@example.com>" } }]);
  const link = `${server.url}/reviews/${paid}`;
  expect(post.mails[0]?.text).toContain(` ${link}\n`);
  expect(receiver.at("/all")[0]?.body).toMatchObject({
    data: { url: expect.stringContaining(`${server.url}/reviews/`) },
  });
  const undecided = await reviewOf("cli-two-actions");
  for (const method of ["GET", "HEAD"]) await fetch(`${server.url}/reviews/${undecided}`, { method });
  const json = async (...args: string[]) => JSON.parse((await cli([...args, "--json"])).stdout);
  expect(await json("review", "show", undecided)).toMatchObject({ status: "open" });
  const isNoted = ({ url, status }: { url: string; status: string }) =>
    url === "mailto:ana@example.com" && status === "delivered";
  await until("it is noted", async () => (await json("deliveries", "--review", paid)).some(isNoted));
  await cli(["review", "reject", undecided, "-m", "enough", "--yes"]);
  await until("it is over", async () => (await json("review", "show", undecided)).status === "closed");
});

describe("audit verify", () => {
  test("says how much holds, and ends with 1 at the first entry that does not", async () => {
    const intact = await cli(["audit", "verify"]);
    expect(intact).toMatchObject({ code: 0, stderr: "" });
    expect(intact.stdout).toMatch(/^intact: 3 reviews, \d+ entries\nheads sha256:[0-9a-f]{64}\n$/);
    expect((await cli(["audit", "verify", "--since", "1h"])).stdout).toBe(intact.stdout);
    expect((await cli(["audit", "verify", "--review", paid.slice(0, 8)])).stdout).toMatch(/^intact: 1 review, /);
    const set = (to: string) => `update holdpoint.decision set comment = ${to} where review_id = '${paid}'`;
    const [words, json] = await changed(set("'all of it'"), set("e'half \\x1b[31mof it'"), async () => [
      await cli(["audit", "verify"]),
      await cli(["audit", "verify", "--json"]),
    ]);
    expect(words).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(
        new RegExp(`^holdpoint: broken: review ${paid}, entry \\d+ \\(row \\d+ of the log\\), row: the comment`),
      ),
    });
    expect(json?.code).toBe(1);
    expect(JSON.parse(json?.stdout ?? "")).toMatchObject({ ok: false, first: { review_id: paid, what: "row" } });
    expect(await cli(["audit", "verify"])).toEqual(intact);
  });

  test("needs the right to read the record", async () => {
    const key = await keyFor(server.url, "reader", ["review:read", "runs:read"]);
    for (const verb of ["verify", "export"])
      expect(await cli(["audit", verb], { env: { HOLDPOINT_API_KEY: key } })).toMatchObject({ code: 4 });
    const auditor = await keyFor(server.url, "auditor", ["audit:read"]);
    expect(await cli(["audit", "verify"], { env: { HOLDPOINT_API_KEY: auditor } })).toMatchObject({ code: 0 });
  });

  test("checks a file without any server, and finds what was changed, cut off, taken out or put in", async () => {
    const file = join(folder, "audit.jsonl");
    const check = (lines: readonly string[]) => {
      writeFileSync(file, lines.map((line) => `${line}\n`).join(""));
      return command(["audit", "verify", "--file", file], { env: { HOLDPOINT_DATA_DIR: folder } });
    };
    const exported = (await cli(["audit", "export"])).stdout.trimEnd().split("\n");
    const [head, first, second, third, end] = exported as [string, string, string, string, string];
    expect(exported).toHaveLength(5);
    const intact = await cli(["audit", "verify"]);
    expect(await check(exported)).toEqual(intact);
    expect(readFileSync(file, "utf8")).not.toContain("\u001b");
    const wrong: [string[], RegExp][] = [
      [[head, first.replace("local-owner", "local-0wner"), second, third, end], /broken: review [0-9a-f-]+, entry 1 /],
      [[head, first, third, end], /says that it holds 3 reviews/],
      [[head, second, first, third, end], /something was taken out or put in/],
      [[head, first, second, third], /cut off/],
      [[head, first, second.slice(0, 500)], /line 3: this is no record of a review/],
      [[first, second, end], /line 1: this is not what holdpoint audit export writes/],
      [[...exported, first], /line 6: there is more behind the end/],
      [[], /cut off/],
    ];
    for (const [lines, words] of wrong) {
      const ended = await check(lines);
      expect([words, ended.code, ended.stdout]).toEqual([words, 1, ""]);
      expect(ended.stderr).toMatch(words);
    }
    const missing = await command(["audit", "verify", "--file", join(folder, "none")], { env: {} });
    expect(missing).toMatchObject({ code: 2, stderr: expect.stringContaining("cannot read") });
    expect(await cli(["audit", "verify", "--file", file, "--since", "1d"])).toMatchObject({ code: 2 });
  });
});

describe("webhook test", () => {
  const env = {
    HOLDPOINT_WEBHOOK_SECRETS: SECRET,
    HOLDPOINT_WEBHOOK_ALLOW: "127.0.0.1",
    HOLDPOINT_WEBHOOK_TIMEOUT_MS: "20000",
  };
  const send = (path: string, ...more: string[]) => cli(["webhook", "test", receiver.url(path), ...more], { env });

  test("sends a signed sample and prints the answer", async () => {
    receiver.answer("/good", (response) => response.writeHead(202).end("thanks \u001b[31m"));
    const good = await send("/good");
    expect(good).toMatchObject({ code: 0, stderr: "" });
    expect(good.stdout).toMatch(
      /^sent: http.*\/good, webhook-id [0-9a-f-]{36}, 1 signature\nanswered: 202 in [\d.]+ m?s\nthanks \\x1b\[31m\n$/,
    );
    const [sample] = receiver.at("/good");
    expect(sample?.body).toMatchObject({ type: "review.opened", data: { status: "open" } });
    expect(isSignedWith(SECRET, sample as NonNullable<typeof sample>)).toBe(true);
  });

  test("ends with 1 where a server would not take the answer for one, and sends nothing where it may not", async () => {
    receiver.answer("/bad", (response) => response.writeHead(500).end());
    expect(await send("/bad", "--json")).toMatchObject({ code: 1, stderr: expect.stringContaining("500 is no 2xx") });
    receiver.answer("/cut", (response) => response.socket?.resetAndDestroy());
    expect(await send("/cut")).toMatchObject({ code: 1, stderr: expect.stringContaining("there was no answer") });
    const forbidden = await cli(["webhook", "test", receiver.url("/never")], { env: { HOLDPOINT_WEBHOOK_ALLOW: "" } });
    expect(forbidden).toMatchObject({ code: 2, stderr: expect.stringContaining("HOLDPOINT_WEBHOOK_ALLOW") });
    expect(receiver.at("/never")).toEqual([]);
    expect(await cli(["webhook", "test", "ftp://x"])).toMatchObject({ code: 2 });
  });
});
