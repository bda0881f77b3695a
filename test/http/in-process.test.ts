import { fileURLToPath } from "node:url";
import { Client } from "@langchain/langgraph-sdk";
import { Auth } from "@langchain/langgraph-sdk/auth";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createInProcess } from "../../src/compose/in-process.ts";
import { type ProjectAuth, projectAuth } from "../../src/http/auth/project-auth.ts";
import type { Permission } from "../../src/protocol/principal.ts";
import { createCronFirer } from "../../src/runtime/cron.ts";
import { openServer, type TestServer } from "./server.ts";

const FIXTURES = fileURLToPath(new URL("../fixtures/in-process", import.meta.url));
const READS: Permission[] = ["runs:create", "runs:read"];
let server: TestServer;
let guests: TestServer;

/** A server whose runs ask it without a connection. */
async function open({ works = true, auth }: { works?: boolean; auth?: ProjectAuth } = {}): Promise<TestServer> {
  const inProcess = createInProcess();
  const parts = { directory: FIXTURES, works: false, ...(auth === undefined ? {} : { auth }) };
  const opened = await openServer({ loopbackOwner: auth === undefined }, parts);
  inProcess.open(opened.app, opened.deps);
  opened.house.parts.serverFor = inProcess.serverFor;
  opened.house.parts.mayUse = inProcess.mayUse;
  if (works) opened.house.newWorker().start();
  return opened;
}

const auth = new Auth()
  .authenticate((request) => ({
    identity: request.headers.get("x-user") ?? "",
    permissions: request.headers.get("x-may")?.split(" ") ?? [],
  }))
  .on("threads", ({ user, value, action }) => {
    if (action === "create" || action === "create_run") value.metadata = { ...value.metadata, owner: user.identity };
    return { owner: user.identity };
  });

beforeAll(async () => {
  server = await open();
  guests = await open({ auth: projectAuth(auth, "the test") });
});
afterAll(async () => {
  await server.close();
  await guests.close();
});

interface Came {
  told?: unknown;
  error?: string;
}

/** Has a run of this caller do something, and gives what came of it. */
async function does(deed: string, given: string, headers: Record<string, string> = {}, at = server): Promise<Came> {
  const input = { does: deed, with: given };
  const response = await at.ask("/runs/wait", { method: "POST", headers, body: { assistant_id: "caller", input } });
  expect(response.status).toBe(200);
  return (await response.json()) as Came;
}

test("a node starts another run and reads its thread, in the name of who started its own", async () => {
  const key = await server.key("user:ana", READS);
  const { told } = await does("run", "hello", { "x-api-key": key });
  expect(told).toMatchObject({ waited: { word: "hello!" }, values: { word: "hello!" } });
  const { thread_id } = told as { thread_id: string };
  const { rows } = await server.house.database.pool.query(
    "select principal_id from holdpoint.run where thread_id = $1",
    [thread_id],
  );
  expect(rows).toEqual([{ principal_id: "user:ana" }]);
  expect(await does("stream", "hello", { "x-api-key": key })).toMatchObject({ told: ["metadata", "values", "values"] });
});

test("the owner of the machine is somebody too, while nobody else can be", async () => {
  expect(await does("run", "hi")).toMatchObject({ told: { values: { word: "hi!" } } });
});

test("a run can do nothing that who started it could not, and what they may is looked up when it does it", async () => {
  const { thread_id } = await server.client.threads.create();
  await server.client.runs.wait(thread_id, "echo", { input: { word: "a" } });
  const reader = { "x-api-key": await server.key("user:reader", READS) };
  expect((await does("edit", thread_id, reader)).error).toMatch(/403.*user:reader does not hold threads:write_state/);
  const writer = { "x-api-key": await server.key("user:writer", [...READS, "threads:write_state"]) };
  expect(await does("edit", thread_id, writer)).toMatchObject({ told: { checkpoint: { thread_id } } });
});

test("nobody decides by code that runs in their name", async () => {
  const { thread_id } = await server.client.threads.create();
  await server.client.runs.wait(thread_id, "asker", { input: {} });
  const key = await server.key("user:decider", [...READS, "review:decide"]);
  expect((await does("answer", thread_id, { "x-api-key": key })).error).toMatch(/403.*does not hold review:decide/);
  expect((await does("answer", thread_id)).error).toMatch(/403.*local-owner does not hold review:decide/);
  expect((await server.client.threads.get(thread_id)).status).toBe("interrupted");
});

test("a run whose key was revoked meanwhile asks in nobody's name, and neither shows nor needs what it was started with", async () => {
  const waiting = await open({ works: false });
  try {
    const key = await waiting.key("user:gone", [...READS, "tool:refunds:pay"]);
    const headers = { "x-api-key": key };
    const body = { assistant_id: "caller", input: { does: "run", with: "x" }, if_not_exists: "create" };
    const thread_id = "0193a0c0-0000-7000-8000-00000000000a";
    const started = await waiting.ask(`/threads/${thread_id}/runs`, { method: "POST", headers, body });
    const run = (await started.json()) as { run_id: string };
    const payment = { assistant_id: "caller", input: { does: "pay", with: "1" }, if_not_exists: "create" };
    const till = "0193a0c0-0000-7000-8000-00000000000b";
    const asked = await waiting.ask(`/threads/${till}/runs`, { method: "POST", headers, body: payment });
    const { run_id } = (await asked.json()) as { run_id: string };
    expect(JSON.stringify(run)).not.toMatch(/started_with|api_key/);
    const { rows } = await waiting.house.database.pool.query("select api_key_id from holdpoint.api_key");
    await waiting.ask(`/api-keys/${rows[0].api_key_id}`, { method: "DELETE" });
    waiting.house.newWorker().start();
    const ended = await waiting.client.runs.join(thread_id, run.run_id);
    expect((ended as Came).error).toMatch(/401.*user:gone has ended meanwhile/);
    expect(((await waiting.client.runs.join(till, run_id)) as Came).error).toMatch(/does not hold now/);
  } finally {
    await waiting.close();
  }
});

test("a user of the project's Auth is asked about by its handlers, and sees through a run what they see", async () => {
  const alice = { "x-user": "alice" };
  const { told } = await does("run", "hers", alice, guests);
  const { thread_id } = told as { thread_id: string };
  expect(await does("read", thread_id, alice, guests)).toEqual(expect.objectContaining({ told: thread_id }));
  expect((await does("read", thread_id, { "x-user": "john" }, guests)).error).toMatch(/404/);
  expect((await does("threads", "", { "x-user": "john" }, guests)).told).not.toContain(thread_id);
});

test("requests of one client that wait for each other are each made in the name of their own run", async () => {
  const people = ["one", "two", "three", "four", "five", "six", "seven", "eight"];
  const keys = await Promise.all(people.map((name) => server.key(`user:${name}`, READS)));
  const came = await Promise.all(keys.map((key) => does("run", "x", { "x-api-key": key })));
  const threads = came.map(({ told }) => (told as { thread_id: string }).thread_id);
  const { rows } = await server.house.database.pool.query(
    "select principal_id from holdpoint.run where thread_id = any($1) order by array_position($1, thread_id)",
    [threads],
  );
  expect(rows.map(({ principal_id }) => principal_id)).toEqual(people.map((name) => `user:${name}`));
});

test("a client without an address reaches nobody outside of a run", async () => {
  await expect(new Client().threads.search()).rejects.toThrow(/403.*only inside a run or a request/);
});

/** Has the run of a cron of this caller pay, and gives what came of it. */
async function paysByClock(amount: string, headers: Record<string, string>): Promise<Came> {
  const input = { does: "pay", with: amount };
  const body = { assistant_id: "caller", schedule: "0 0 1 1 *", input, on_run_completed: "keep" };
  const made = await server.ask("/runs/crons", { method: "POST", headers, body });
  const shown = await made.text();
  expect(shown).not.toMatch(/started_with|api_key/);
  const { cron_id: id } = JSON.parse(shown) as { cron_id: string };
  const { pool } = server.house.database;
  await pool.query("update holdpoint.cron set next_run_at = holdpoint.now() where cron_id = $1", [id]);
  await createCronFirer(server.house.parts)({ tenant_id: "default", id }, AbortSignal.timeout(60_000));
  const { rows } = await pool.query("select thread_id, run_id from holdpoint.run where metadata ->> 'cron_id' = $1", [
    id,
  ]);
  return (await server.client.runs.join(rows[0].thread_id, rows[0].run_id)) as Came;
}

test("a tool asks whether who started the run may use it, by what they hold when it is called", async () => {
  const clerk = { "x-api-key": await server.key("user:clerk", READS) };
  const refused = /pay needs the permission "refunds:pay".*does not hold now/;
  expect((await does("pay", "5", clerk)).error).toMatch(refused);
  const body = { name: "till", principal: { principal_id: "cashier" }, permissions: [...READS, "tool:refunds:pay"] };
  const made = await server.ask("/api-keys", { method: "POST", body });
  const { secret, permissions } = (await made.json()) as Record<string, string>;
  expect(permissions).toEqual([...READS, "tool:refunds:pay"]);
  const cashier = { "x-api-key": secret as string };
  expect(await does("pay", "5", cashier)).toMatchObject({ told: { paid: "5" } });
  expect(await does("pay", "6")).toMatchObject({ told: { paid: "6" } });
  // By a clock it is who has made the cron.
  for (const [headers, came] of [
    [cashier, { told: { paid: "9" } }],
    [clerk, { error: expect.stringMatching(refused) }],
  ] as const)
    expect(await paysByClock("9", headers)).toMatchObject(came);
  for (const wrong of ["tool:", "tool:A", "tool:a b", "tools:a", `tool:${"a".repeat(101)}`, "tool:a\n"])
    expect([
      wrong,
      (await server.ask("/api-keys", { method: "POST", body: { ...body, permissions: [wrong] } })).status,
    ]).toEqual([wrong, 422]);
  const other = { ...body, permissions: ["tool:ledger:close"] };
  expect((await server.ask("/api-keys", { method: "POST", body: other, headers: cashier })).status).toBe(403);
  const user = { "x-user": "ann" };
  expect((await does("pay", "7", user, guests)).error).toMatch(refused);
  expect(await does("pay", "7", { ...user, "x-may": "refunds:pay" }, guests)).toMatchObject({ told: { paid: "7" } });
  expect(await does("pay", "8", { ...user, "x-may": "tool:refunds:pay" }, guests)).toMatchObject({
    told: { paid: "8" },
  });
});
